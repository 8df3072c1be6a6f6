"""A gear wears out in a whole cell: its maintenance is proposed before it fails, and a killed monitor still knows."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from witness import Told, Witness

from workcell_console.shift import ShiftOptions, run_shift
from workcell_sim.embedded import activate

if not activate():
    pytest.skip("virtual time is the embedded runtime's", allow_module_level=True)

pytestmark = [
    pytest.mark.embedded("virtual time is the embedded runtime's"),
    # The shift takes 20 s of a free processor.
    pytest.mark.timeout(900),
]

WEAR_AT_S = 150.0
RAMP_S = 200.0
KILL_AT_S = 235.0
DURATION_S = 265.0
FAST = {"cell": {"ros__parameters": {"speed_scale": 1.0, "acceleration_scale": 1.0, "jerk_scale": 1.0}}}
EVENTS = [
    {"kind": "joint_wear", "at_s": WEAR_AT_S, "ramp_s": RAMP_S, "joint": 1, "magnitude": 1.0},
    {"kind": "node_kill", "at_s": KILL_AT_S, "hold_s": 4.0, "node": "monitor"},
]


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> tuple[Witness, list[dict[str, Any]]]:
    """The shift, run once with a policy that leaves the arm as fast as it is; who witnessed it, and the audit log."""
    folder = tmp_path_factory.mktemp("worn")
    scenario, params = folder / "wear.yaml", folder / "params.yaml"
    scenario.write_text(yaml.safe_dump({"duration_s": 3600.0, "events": EVENTS}), encoding="utf-8")
    params.write_text(yaml.safe_dump(FAST), encoding="utf-8")
    given = {"twin": "false", "policy": "fixed", "log_level": "error", "params_file": str(params)}
    witness = Witness()
    run_shift(ShiftOptions(folder / "run", str(scenario), DURATION_S, seed=3, arguments=given), witness.attend)
    lines = (folder / "run" / "audit.jsonl").read_text(encoding="utf-8").splitlines()
    return witness, [json.loads(line) for line in lines]


def told(witness: Witness, name: str, from_s: float = 0.0) -> list[Told]:
    return [item for item in witness.told if item.name == f"monitor: health {name}" and item.at_s >= from_s]


def failed_at_s(witness: Witness) -> float:
    """When the first protective stop came."""
    return next(at_s for at_s, text in witness.states if "protective_stop: " in text)


def test_the_gear_fails_in_the_end(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    assert WEAR_AT_S + 60.0 < failed_at_s(shift[0]) < DURATION_S


def test_its_maintenance_waits_for_a_person_before_it_fails(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    witness, audit = shift
    rows = [row for row in audit if "maintenance.joint_1" in json.dumps(row)]
    assert "pending" in json.dumps(rows[0])
    asked_ns = int(re.findall(r'"stamp_ns": (\d+)', json.dumps(rows[0]))[0])
    asked_s = (asked_ns - witness.start_ns) / 1e9
    assert WEAR_AT_S < asked_s < failed_at_s(witness) - 10.0


def test_only_the_worn_gear_is_proposed(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    witness, audit = shift
    assert not any(f"maintenance.{name}" in json.dumps(audit) for name in ("joint_2", "joint_3", "joint_4", "vacuum"))
    assert told(witness, "joint_2")[-1].level == "OK"


def test_health_life_and_risk_are_on_diagnostics(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    witness, _ = shift
    before = [item for item in told(witness, "joint_1") if WEAR_AT_S + 50.0 < item.at_s < KILL_AT_S][-1]
    figures = {key: float(before.values[key]) for key in ("remaining_cycles_low", "remaining_cycles_high")}
    assert 0.0 < float(before.values["health_index"]) < 0.9
    assert 0.0 <= figures["remaining_cycles_low"] <= float(before.values["remaining_cycles"])
    assert float(before.values["remaining_cycles"]) <= figures["remaining_cycles_high"] < 300.0
    assert float(before.values["failure_probability"]) > 0.1
    assert "cycles left" in before.message
    assert before.level == "WARN"


def test_a_killed_monitor_goes_on_with_what_it_had_learned(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    witness, _ = shift
    before = [item for item in told(witness, "joint_1") if item.at_s < KILL_AT_S][-1]
    after = told(witness, "joint_1", KILL_AT_S + 4.0)[0]
    assert int(after.values["cycles"]) >= int(before.values["cycles"]) - 5
    assert after.values["healthy"] == before.values["healthy"]
    assert float(after.values["health_index"]) < 0.9
