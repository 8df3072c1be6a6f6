"""A policy of the user's own, as an ONNX file: one row of what the cell is like in, one row of parameters out.

Input, float32 (1, n), in the order of the model's metadata `inputs`, a JSON list. Each is a tag with its SI value
(`gripper/vacuum`), a governed parameter in force (`cell.speed_scale`), or a figure of the last cycle
(`cycle.cycle_time_s`). Output, float32 (1, m), the parameters of the metadata `outputs` in their own units. Optional
further outputs named `gain_mean`, `gain_low` and `gain_high`, (1,) or (1, 1), tell the gain foreseen in EUR/cycle. A
model without metadata takes and gives what `INPUTS` and `OUTPUTS` list.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from workcell_control.governance.rules import Governance
from workcell_control.policy.policy import Cycle, ExpectedGain, Observation, Proposal
from workcell_ros.errors import WorkcellError

NS_PER_S = 1_000_000_000
INPUTS = (
    "gripper/vacuum",
    "cell/temperature",
    "cell/ambient_light",
    "cell/tariff",
    "cycle.cycle_time_s",
    "cycle.energy_j",
    "cycle.vacuum_min_pa",
    "cycle.is_dropped",
    "cell.speed_scale",
    "cell.acceleration_scale",
    "cell.jerk_scale",
    "cell.part_acceleration_max_m_s2",
    "cell.grip_vacuum_pa",
    "cell.grip_dwell_s",
    "cell.settle_s",
    "inspection.exposure_s",
)
"""What a model without metadata takes."""
OUTPUTS = tuple(name for name in INPUTS if "." in name and not name.startswith("cycle."))
"""What a model without metadata gives."""
CYCLE_FIGURES = (
    "cycle_time_s",
    "energy_j",
    "vacuum_min_pa",
    "acceleration_max_m_s2",
    "tracking_error_max_rad",
    "pick_attempts",
    "is_dropped",
)
GAIN_OUTPUTS = ("gain_mean", "gain_low", "gain_high")
SAME_SHARE = 1e-6
"""Of the envelope: what differs by less is no change."""
REFUSED_BACKOFF_S = 20.0
"""A change that was turned down is not asked for again before this."""


class OnnxPolicyError(WorkcellError):
    """A model cannot be used as a policy; the text names file, what is wrong and what would be valid."""


class OnnxPolicy:
    """Asks the model once per cycle; its answer is clipped to the envelope, and each step to what governance allows.

    Args:
        file: the ONNX file.
        governance: envelopes of the parameters.

    Raises:
        OnnxPolicyError: onnxruntime is missing, the file is no model, or its inputs or outputs are not the cell's.
    """

    def __init__(self, file: str | Path, governance: Governance) -> None:
        if not str(file):
            raise OnnxPolicyError("policy_file: is empty; policy onnx needs the path of an ONNX file")
        self._file = Path(file)
        self._governance = governance
        self._session = _session(self._file)
        metadata = self._session.get_modelmeta().custom_metadata_map
        self._inputs = _names(self._file, metadata, "inputs", INPUTS)
        self._outputs = _names(self._file, metadata, "outputs", OUTPUTS)
        self._check_names()
        self._check_shapes()
        self._last: Cycle | None = None
        self._has_news = False
        self._refused_until_ns: dict[str, int] = {}

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns what the model wants after a cycle; nothing where one of its inputs has no GOOD value."""
        if not self._has_news or self._last is None:
            return []
        self._has_news = False
        values = self._values(observation, self._last)
        if any(value is None for value in values.values()):
            return []
        row = np.array([list(values.values())], dtype=np.float32)
        answers = self._session.run(None, {self._session.get_inputs()[0].name: row})
        wanted = np.asarray(answers[0], dtype=np.float64).reshape(-1)
        gain = self._gain(answers)
        readings = {name: float(value) for name, value in values.items() if value is not None and "/" in name}
        return self._proposals(dict(zip(self._outputs, wanted.tolist(), strict=True)), observation, gain, readings)

    def learn(self, cycle: Cycle) -> None:
        """Takes in the cycle whose figures the model sees next; the model itself stays as it is."""
        self._last = cycle
        self._has_news = True

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Waits before asking again for what was turned down."""
        if outcome in ("refused", "rejected", "expired", "failed"):
            self._refused_until_ns[node] = now_ns + round(REFUSED_BACKOFF_S * NS_PER_S)

    def _values(self, observation: Observation, cycle: Cycle) -> dict[str, float | None]:
        found: dict[str, float | None] = {}
        for name in self._inputs:
            owner, _, rest = name.partition(".")
            if "/" in name:
                found[name] = observation.readings.get(name)
            elif owner == "cycle":
                found[name] = float(getattr(cycle, rest))
            else:
                found[name] = observation.parameters.get(owner, {}).get(rest)
        return found

    def _proposals(
        self,
        wanted: dict[str, float],
        observation: Observation,
        gain: ExpectedGain | None,
        readings: dict[str, float],
    ) -> list[Proposal]:
        by_node: dict[str, dict[str, float]] = {}
        clipped: dict[str, list[str]] = {}
        for name, value in wanted.items():
            node, _, parameter = name.partition(".")
            current = observation.parameters.get(node, {}).get(parameter)
            if current is None or observation.now_ns < self._refused_until_ns.get(node, 0):
                continue
            # A value that is no number is passed on as it is: it must be seen, and takes the policy off.
            rule = self._governance.rules[node][parameter]
            inside = rule.clip(current, value) if math.isfinite(value) else value
            if inside != value and math.isfinite(value):
                clipped.setdefault(node, []).append(f"{parameter} {value:g} -> {inside:g}")
            # float32 does not give back every value in force exactly.
            if not abs(inside - current) <= SAME_SHARE * (rule.high - rule.low):
                by_node.setdefault(node, {})[parameter] = inside
        model = f"onnx {self._file.name}"
        return [
            Proposal(
                node=node,
                parameters=values,
                rule="onnx",
                reason=f"what {self._file.name} makes of the last cycle",
                readings=readings,
                model=model,
                gain=gain,
                clipped=tuple(clipped.get(node, ())),
            )
            for node, values in by_node.items()
        ]

    def _gain(self, answers: list[Any]) -> ExpectedGain | None:
        by_name = dict(zip((item.name for item in self._session.get_outputs()), answers, strict=True))
        if not all(name in by_name for name in GAIN_OUTPUTS):
            return None
        mean, low, high = (float(np.asarray(by_name[name]).reshape(-1)[0]) for name in GAIN_OUTPUTS)
        return ExpectedGain(mean, low, high, "EUR/cycle")

    def _check_names(self) -> None:
        governed = [f"{node}.{name}" for node, rules in self._governance.rules.items() for name in rules]
        for name in self._outputs:
            if name not in governed:
                raise self._unusable(f"output {name!r} is no governed parameter", governed)
        for name in self._inputs:
            is_figure = name.startswith("cycle.") and name.removeprefix("cycle.") in CYCLE_FIGURES
            if not ("/" in name or is_figure or name in governed):
                figures = [f"cycle.{figure}" for figure in CYCLE_FIGURES]
                raise self._unusable(f"input {name!r} is unknown", [*figures, *governed, "or a tag such as cell/power"])

    def _check_shapes(self) -> None:
        for what, items, names in (
            ("input", self._session.get_inputs(), self._inputs),
            ("output", self._session.get_outputs(), self._outputs),
        ):
            if what == "input" and len(items) != 1:
                raise self._unusable(f"takes {len(items)} inputs", ["one input, a row of numbers"])
            item = items[0]
            shape = list(item.shape)
            if item.type != "tensor(float)" or len(shape) != 2 or shape[1] != len(names):
                needed = [f"float32 (1, {len(names)}): {' '.join(names)}"]
                raise self._unusable(f"{what} {item.name!r} is {item.type} {shape}", needed)

    def _unusable(self, problem: str, valid: list[str]) -> OnnxPolicyError:
        return OnnxPolicyError(f"{self._file}: {problem}; valid: {', '.join(valid)}")


def _session(file: Path) -> Any:
    try:
        import onnxruntime
    except ImportError:
        remedy = "pip install 'workcell[onnx]'"
        raise OnnxPolicyError(f"{file}: policy onnx needs onnxruntime, which is not installed; {remedy}") from None
    if not file.is_file():
        raise OnnxPolicyError(f"{file}: there is no such file; policy_file names an ONNX file")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    # onnxruntime raises classes of its own that have no other base.
    except Exception as error:
        reason = str(error).splitlines()[0]
        raise OnnxPolicyError(f"{file}: cannot be loaded as an ONNX model ({reason}); export it again") from None


def _names(file: Path, metadata: Mapping[str, str], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    text = metadata.get(key)
    if text is None:
        return default
    try:
        names = json.loads(text)
    except json.JSONDecodeError:
        names = None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) for name in names):
        raise OnnxPolicyError(
            f"{file}: metadata {key!r} is {text!r}; valid: a JSON list of names, such as {default[:2]}"
        )
    return tuple(names)
