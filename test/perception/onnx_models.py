"""A tiny detector as an ONNX file: finds one box where the image is darker than 0.03 somewhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

BOX = np.array([[280, 280, 320, 320, 0.0, 1.0]], dtype=np.float32)
SETTINGS = "model: detector.onnx\nclasses: [open, spurious_copper]\n"


def save_detector(folder: Path, settings: str = SETTINGS, columns: int = 6) -> Path:
    """Writes the file and its YAML; the box scores 0.9 where the darkest pixel is below 0.03, else 0."""
    box = BOX[:, :columns].copy()
    place = np.zeros_like(box)
    place[0, 4] = 0.9
    nodes = [
        helper.make_node("ReduceMin", ["image"], ["darkest"], keepdims=0),
        helper.make_node("Less", ["darkest", "limit"], ["is_dark"]),
        helper.make_node("Cast", ["is_dark"], ["dark"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["place", "dark"], ["score"]),
        helper.make_node("Add", ["box", "score"], ["detections"]),
    ]
    constants = {"limit": np.array(0.03, dtype=np.float32), "place": place, "box": box}
    graph = helper.make_graph(
        nodes,
        "detector",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 1, 640, 640])],
        [helper.make_tensor_value_info("detections", TensorProto.FLOAT, [1, columns])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, str(folder / "detector.onnx"))
    file = folder / "detector.yaml"
    file.write_text(settings, encoding="utf-8")
    return file
