"""A trained policy as an ONNX file that `policy:=onnx` runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from workcell_control.governance.rules import Governance
from workcell_control.policy.onnx_policy import INPUTS, OUTPUTS
from workcell_sim.gym.env import input_ranges, output_ranges

FloatArray = npt.NDArray[np.float64]
OPSET, IR_VERSION = 17, 9


def export_linear(path: str | Path, weights: FloatArray, bias: FloatArray, governance: Governance) -> None:
    """Writes the policy that answers a scaled observation x with the scaled action clip(weights x + bias, 0, 1).

    The scaling of both sides is in the model, so that it takes SI values and gives parameters in their own units.

    Args:
        path: the ONNX file.
        weights: (m, n).
        bias: (m,).
        governance: the envelopes that the policy was trained with.
    """
    inputs, outputs = input_ranges(governance), output_ranges(governance)
    arrays = {
        "input_low": inputs[None, :, 0],
        "input_width": inputs[None, :, 1] - inputs[None, :, 0],
        "weights": weights.T,
        "bias": bias[None, :],
        "zero": np.array(0.0),
        "one": np.array(1.0),
        "output_low": outputs[None, :, 0],
        "output_width": outputs[None, :, 1] - outputs[None, :, 0],
    }
    steps = [
        ("Sub", ["row", "input_low"], "shifted"),
        ("Div", ["shifted", "input_width"], "unbounded"),
        ("Clip", ["unbounded", "zero", "one"], "observation"),
        ("MatMul", ["observation", "weights"], "product"),
        ("Add", ["product", "bias"], "wanted"),
        ("Clip", ["wanted", "zero", "one"], "action"),
        ("Mul", ["action", "output_width"], "stretched"),
        ("Add", ["stretched", "output_low"], "parameters"),
    ]
    graph = helper.make_graph(
        [helper.make_node(kind, names, [result]) for kind, names, result in steps],
        "policy",
        [helper.make_tensor_value_info("row", TensorProto.FLOAT, [1, len(INPUTS)])],
        [helper.make_tensor_value_info("parameters", TensorProto.FLOAT, [1, len(OUTPUTS)])],
        [numpy_helper.from_array(array.astype(np.float32), name) for name, array in arrays.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
