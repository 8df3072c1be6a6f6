"""A suction line begins to leak in a whole cell: moves under way are slowed to what it holds; no part falls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from witness import Witness

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.execution.margins import MarginWatch
from workcell_sim.embedded import activate

if not activate():
    pytest.skip("virtual time is the embedded runtime's", allow_module_level=True)

pytestmark = pytest.mark.embedded("virtual time is the embedded runtime's")

LEAK_AT_S, DURATION_S = 15.0, 40.0
EVENTS = [{"kind": "vacuum_leak", "at_s": LEAK_AT_S, "ramp_s": 0.5, "magnitude": 1.0}]
LATE_S = 0.15
"""By which an unhindered move ends after its plan at most: the controller's way of telling, and a change of speed."""


@dataclass
class Slowing:
    """One fall of the rate of a move under way."""

    at_s: float
    rate: float


@dataclass
class Shift:
    """What came of it."""

    results: dict[str, Any]
    slowed: list[Slowing]

    @property
    def fates(self) -> list[str]:
        return [item["bin"] for item in self.results["parcels"]]


def run(folder: Any, *, is_watched: bool) -> Shift:
    scenario = folder / "leak.yaml"
    scenario.write_text(yaml.safe_dump({"duration_s": 3600.0, "events": EVENTS}), encoding="utf-8")
    arguments = {"twin": "false", "policy": "fixed", "log_level": "error", "fidelity": "kinematic"}
    witness, slowed = Witness(), []
    follow, on_vacuum = MarginWatch.follow, MarginWatch.on_vacuum
    last_ns = [0]

    def told(watch, vacuum_pa, stamp_ns):
        last_ns[0] = stamp_ns
        on_vacuum(watch, vacuum_pa, stamp_ns)

    def followed(watch, *given):
        before = watch.rate
        after = follow(watch, *given) if is_watched else before
        if after < before:
            slowed.append(Slowing((last_ns[0] - witness.start_ns) / 1e9, after))
        return after

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MarginWatch, "on_vacuum", told)
        patch.setattr(MarginWatch, "follow", followed)
        options = ShiftOptions(folder / "run", str(scenario), DURATION_S, seed=3, arguments=arguments)
        results = run_shift(options, witness.attend)
    return Shift(results, slowed)


@pytest.fixture(scope="module")
def shift(tmp_path_factory: pytest.TempPathFactory) -> Shift:
    return run(tmp_path_factory.mktemp("watched"), is_watched=True)


def test_moves_are_slowed_only_once_the_grip_is_weak(shift: Shift) -> None:
    assert len(shift.slowed) > 5
    assert min(item.at_s for item in shift.slowed) > LEAK_AT_S
    assert all(item.rate < 1.0 for item in shift.slowed)


def test_what_is_slowed_is_the_move_under_way(shift: Shift) -> None:
    moves = [row for row in shift.results["moves"] if row["is_ok"] and row["at_s"] > 2.0]
    before = [row["actual_time"] - row["planned_time"] for row in moves if row["at_s"] < LEAK_AT_S]
    after = [row["actual_time"] - row["planned_time"] for row in moves if row["at_s"] > LEAK_AT_S + 1.0]
    assert len(before) > 8
    assert max(before) < LATE_S < max(after)


def test_no_part_falls_though_parts_fall_where_nobody_watches(
    shift: Shift, tmp_path_factory: pytest.TempPathFactory
) -> None:
    unwatched = run(tmp_path_factory.mktemp("unwatched"), is_watched=False)
    assert "floor" in unwatched.fates
    assert "floor" not in shift.fates
    assert len(shift.fates) >= 7
