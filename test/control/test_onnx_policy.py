"""A model of the user's own as the policy: what it takes and gives is checked when it is loaded."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from workcell_control.governance.rules import load_governance
from workcell_control.policy.onnx_policy import INPUTS, OUTPUTS, OnnxPolicy, OnnxPolicyError
from workcell_control.policy.policy import Cycle, Observation
from workcell_control.policy.reflex import Tooling
from workcell_control.policy.registry import POLICIES, PolicySettings

GOVERNANCE = load_governance(Path(__file__).parents[2] / "config" / "governance.yaml")
CYCLE = Cycle(False, "accept", 5.0, 47e3, 3.0, 1, 1e-3, 1500.0)
CELL = {
    "speed_scale": 0.6,
    "acceleration_scale": 0.5,
    "jerk_scale": 0.5,
    "part_acceleration_max_m_s2": 5.0,
    "grip_vacuum_pa": 55e3,
    "grip_dwell_s": 0.2,
    "settle_s": 0.2,
}
READINGS = {"gripper/vacuum": 47e3, "cell/temperature": 295.0, "cell/ambient_light": 300.0, "cell/tariff": 0.28}
SEEN = Observation(
    now_ns=0,
    activity="approach",
    readings=READINGS,
    taken_ns=dict.fromkeys(READINGS, 0),
    alarms={},
    parameters={"cell": CELL, "inspection": {"exposure_s": 0.004}},
)


def constant_model(path, answer, inputs=None, outputs=None, width=None, gain=None):
    """Writes a model that answers the same whatever it is asked: input * 0 + answer."""
    names = list(inputs or INPUTS)
    columns = len(names) if width is None else width
    arrays = {
        "weight": np.zeros((columns, len(answer)), dtype=np.float32),
        "bias": np.array([answer], dtype=np.float32),
    }
    nodes = [
        helper.make_node("MatMul", ["row", "weight"], ["zero"]),
        helper.make_node("Add", ["zero", "bias"], ["parameters"]),
    ]
    results = [helper.make_tensor_value_info("parameters", TensorProto.FLOAT, [1, len(answer)])]
    for name, value in zip(("gain_mean", "gain_low", "gain_high"), gain or (), strict=False):
        nodes.append(helper.make_node("Identity", [f"{name}_value"], [name]))
        arrays[f"{name}_value"] = np.array([value], dtype=np.float32)
        results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]))
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [1, columns])
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    model = helper.make_model(helper.make_graph(nodes, "policy", [row], results, weights), ir_version=9)
    model.opset_import[0].version = 17
    for key, value in (("inputs", inputs), ("outputs", outputs)):
        if value is not None:
            helper.set_model_props(model, {**{p.key: p.value for p in model.metadata_props}, key: json.dumps(value)})
    onnx.save(model, str(path))
    return path


def asked(path, seen=SEEN, cycle=CYCLE):
    policy = OnnxPolicy(path, GOVERNANCE)
    policy.learn(cycle)
    return policy.propose(seen)


def test_it_proposes_what_the_model_says_within_one_step(tmp_path):
    outputs = ["cell.speed_scale", "cell.settle_s", "inspection.exposure_s"]
    path = constant_model(tmp_path / "fast.onnx", [0.95, 0.1, 0.004], outputs=outputs, gain=(0.01, -0.005, 0.02))
    (proposal,) = asked(path)
    assert proposal.node == "cell"
    assert proposal.parameters["speed_scale"] == pytest.approx(0.8)
    assert proposal.parameters["settle_s"] == pytest.approx(0.1)
    assert proposal.clipped == ("speed_scale 0.95 -> 0.8",)
    assert proposal.model == "onnx fast.onnx"
    assert proposal.gain.unit == "EUR/cycle"
    assert (proposal.gain.mean, proposal.gain.low) == (pytest.approx(0.01), pytest.approx(-0.005))
    assert proposal.readings["gripper/vacuum"] == 47e3


def test_it_is_asked_once_a_cycle(tmp_path):
    policy = OnnxPolicy(constant_model(tmp_path / "x.onnx", [0.7] * len(OUTPUTS)), GOVERNANCE)
    assert policy.propose(SEEN) == []
    policy.learn(CYCLE)
    assert policy.propose(SEEN)
    assert policy.propose(SEEN) == []


def test_a_reading_that_is_not_good_leaves_it_silent(tmp_path):
    path = constant_model(tmp_path / "x.onnx", [0.7] * len(OUTPUTS))
    without = {tag: value for tag, value in READINGS.items() if tag != "gripper/vacuum"}
    assert asked(path, dataclasses.replace(SEEN, readings=without)) == []


def test_what_was_refused_is_not_asked_for_at_once(tmp_path):
    policy = OnnxPolicy(constant_model(tmp_path / "x.onnx", [0.7], outputs=["cell.speed_scale"]), GOVERNANCE)
    policy.learn(CYCLE)
    (proposal,) = policy.propose(SEEN)
    policy.hear(proposal.node, proposal.parameters, "refused", 0)
    policy.learn(CYCLE)
    assert policy.propose(dataclasses.replace(SEEN, now_ns=10**9)) == []
    policy.learn(CYCLE)
    assert policy.propose(dataclasses.replace(SEEN, now_ns=30 * 10**9))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ({"answer": [1.0] * 8, "width": 3}, r"input 'row' is tensor\(float\) \[1, 3\]; valid: float32 \(1, 16\)"),
        ({"answer": [1.0, 2.0]}, r"output 'parameters' .* valid: float32 \(1, 8\): cell.speed_scale"),
        ({"answer": [1.0], "outputs": ["cell.color"]}, "output 'cell.color' is no governed parameter; valid: cell."),
        ({"answer": [1.0] * 8, "inputs": ["mood"]}, "input 'mood' is unknown; valid: cycle.cycle_time_s"),
        ({"answer": [1.0] * 8, "inputs": "speed"}, "metadata 'inputs' is '\"speed\"'; valid: a JSON list of names"),
    ],
)
def test_a_model_of_another_form_is_refused(tmp_path, model, message):
    path = constant_model(tmp_path / "odd.onnx", **{"width": 16, **model})
    with pytest.raises(OnnxPolicyError, match=message):
        OnnxPolicy(path, GOVERNANCE)


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(OnnxPolicyError, match="there is no such file"):
        OnnxPolicy(tmp_path / "none.onnx", GOVERNANCE)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(OnnxPolicyError, match="cannot be loaded as an ONNX model"):
        OnnxPolicy(tmp_path / "text.onnx", GOVERNANCE)
    with pytest.raises(OnnxPolicyError, match="policy_file: is empty"):
        POLICIES["onnx"](PolicySettings(GOVERNANCE, Tooling(0.005, 0.12, 0.5, 0.5)))
