"""A gear wears out in a whole cell: watches and its own prognosis ask for maintenance before it fails, and a killed
monitor still knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from witness import Told, Witness

from workcell_console.shift import SHARE_DIR, ShiftOptions, run_shift
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
FAST = {"speed_scale": 1.0, "acceleration_scale": 1.0, "jerk_scale": 1.0}
GRACE_CYCLES = {"machine": 25, "drive_levels": 30}
"""The watches learn in so many cycles what 60 and 150 are taken for as shipped: the shift is short."""
EVENTS = [
    {"kind": "joint_wear", "at_s": WEAR_AT_S, "ramp_s": RAMP_S, "joint": 1, "magnitude": 1.0},
    {"kind": "node_kill", "at_s": KILL_AT_S, "hold_s": 4.0, "node": "monitor"},
]


def prognosis(folder: Path) -> Path:
    """Writes the shipped components with watches that learn sooner, and returns where."""
    given = yaml.safe_load((SHARE_DIR / "config" / "prognosis.yaml").read_text(encoding="utf-8"))
    for watch in given["watches"]:
        watch["settings"]["grace_period"] = GRACE_CYCLES.get(watch["watch"], watch["settings"]["grace_period"])
    path = folder / "prognosis.yaml"
    path.write_text(yaml.safe_dump(given), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> tuple[Witness, list[dict[str, Any]]]:
    """The shift, run once with a policy that leaves the arm as fast as it is; who witnessed it, and the audit log."""
    folder = tmp_path_factory.mktemp("worn")
    scenario, params = folder / "wear.yaml", folder / "params.yaml"
    scenario.write_text(yaml.safe_dump({"duration_s": 3600.0, "events": EVENTS}), encoding="utf-8")
    own = {"cell": FAST, "monitor": {"prognosis_file": str(prognosis(folder))}}
    params.write_text(yaml.safe_dump({node: {"ros__parameters": values} for node, values in own.items()}))
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


def asked_for(audit: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The row in which a person is first asked for the maintenance of a component or watch."""
    row = next(row for row in audit if f"maintenance.{name}" in row["parameters"])
    assert row["outcome"] == "pending"
    return row


def asked_at_s(witness: Witness, row: dict[str, Any]) -> float:
    """The shift time of a row."""
    return float(row["stamp_ns"] - witness.start_ns) / 1e9


def test_the_gear_fails_in_the_end(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    assert WEAR_AT_S + 60.0 < failed_at_s(shift[0]) < DURATION_S


def test_its_maintenance_waits_for_a_person_before_it_fails(shift: tuple[Witness, list[dict[str, Any]]]) -> None:
    witness, audit = shift
    asked = asked_for(audit, "joint_1")
    assert WEAR_AT_S < asked_at_s(witness, asked) < failed_at_s(witness) - 10.0


@pytest.mark.parametrize(("watch", "detector"), [("machine", "hotelling"), ("drive_levels", "level_chart")])
def test_a_watch_complains_of_the_wear_before_it_fails_and_the_log_says_so(
    shift: tuple[Witness, list[dict[str, Any]]], watch: str, detector: str
) -> None:
    witness, audit = shift
    asked = asked_for(audit, watch)
    assert WEAR_AT_S < asked_at_s(witness, asked) < failed_at_s(witness) - 10.0
    assert asked["parameters"] == {f"maintenance.{watch}": 1.0}
    assert f"{watch}: {detector} finds the machine unlike itself" in asked["explanation"]["why"]
    warned = [item.at_s for item in told(witness, watch) if item.level != "OK"]
    assert WEAR_AT_S < warned[0] < failed_at_s(witness) - 10.0, "and not of the healthy machine"


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
