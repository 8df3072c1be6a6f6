"""The cycle simulator: whole cycles by the world's own physics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.governance.rules import load_governance
from workcell_control.policy.optimiser.setting import Setting
from workcell_control.policy.policy import Cycle, Observation, Proposal
from workcell_ros.errors import ConfigError
from workcell_sensors.health.threshold import Threshold
from workcell_sim.cycle.closed_loop import ClosedLoop
from workcell_sim.cycle.cycle_world import CycleTruth, CycleWorld
from workcell_sim.cycle.monitor_levels import VibrationLevels
from workcell_sim.cycle.motions import MotionLibrary
from workcell_sim.cycle.verdict_table import KINDS, VerdictRow, VerdictTable, load_table
from workcell_sim.world.scenario import Event, Scenario
from workcell_sim.world.world_config import load_world_config

CONFIG = load_world_config("config/station.yaml", "urdf/ur5e.yaml", "urdf/cell.urdf.xacro")
TABLE = load_table()
DEFAULT = Setting(0.6, 0.5, 0.5, 7.0, 55e3, 0.2, 0.2, 0.004)
FOREVER = float("inf")


@pytest.fixture(scope="module")
def motions() -> MotionLibrary:
    return MotionLibrary(CONFIG, CellParameters())


def scenario(**magnitudes: float) -> Scenario:
    events = tuple(
        Event(kind, 0.0, 0.0, FOREVER, magnitude, "1" if kind == "joint_wear" else "")
        for kind, magnitude in magnitudes.items()
    )
    return Scenario("test", "", 600.0, events)


def run(motions: MotionLibrary, setting: Setting, cycles: int, **magnitudes: float) -> list[CycleTruth]:
    world = CycleWorld(CONFIG, scenario(**magnitudes), 3, motions, TABLE)
    return [world.run(setting) for _ in range(cycles)]


def test_a_calm_shift_is_that_of_the_whole_cell(motions: MotionLibrary) -> None:
    cycles = run(motions, DEFAULT, 20)
    times_s = [cycle.outcome.cycle_time_s for cycle in cycles]
    assert 4.0 < float(np.median(times_s)) < 4.8
    assert not any(cycle.is_violation for cycle in cycles)
    assert 500.0 < float(np.mean([cycle.outcome.energy_j for cycle in cycles])) < 750.0
    assert sum(cycle.outcome.good for cycle in cycles) >= 13


def test_parts_come_as_often_as_in_the_world_however_long_a_cycle_is(motions: MotionLibrary) -> None:
    fast = replace(DEFAULT, speed_scale=1.0, acceleration_scale=1.0, jerk_scale=1.0, settle_s=0.08, grip_dwell_s=0.1)
    cycles = run(motions, fast, 120)
    waits_s = [cycle.outcome.waiting_s for cycle in cycles]
    # A cell that is a little faster than its feed waits now and then, and takes all that comes.
    assert sum(wait_s > 0.0 for wait_s in waits_s) > 10
    assert cycles[-1].end_s / len(cycles) == pytest.approx(CONFIG.infeed.interval_s, rel=0.03)


def test_the_same_seed_gives_the_same_cycles(motions: MotionLibrary) -> None:
    first, second = (run(motions, DEFAULT, 6, vacuum_leak=0.5) for _ in range(2))
    assert [cycle.outcome for cycle in first] == [cycle.outcome for cycle in second]


@pytest.mark.parametrize(
    ("magnitudes", "gentler"),
    [
        ({"heavy_lot": 2.2}, {"part_acceleration_max_m_s2": 0.75, "grip_vacuum_pa": 70e3}),
        ({"vacuum_leak": 1.6}, {"part_acceleration_max_m_s2": 0.75, "grip_vacuum_pa": 70e3}),
    ],
)
def test_what_loses_parts_in_a_hurry_holds_them_when_gentle(
    motions: MotionLibrary, magnitudes: dict[str, float], gentler: dict[str, float]
) -> None:
    assert sum(cycle.outcome.drop for cycle in run(motions, DEFAULT, 8, **magnitudes)) >= 2
    gentle = replace(DEFAULT, **gentler)
    assert sum(cycle.outcome.drop for cycle in run(motions, gentle, 8, **magnitudes)) == 0


def test_a_worn_gear_stops_a_fast_arm_and_deviates_less_when_slow(motions: MotionLibrary) -> None:
    fast = replace(DEFAULT, speed_scale=1.0, acceleration_scale=1.0, jerk_scale=1.0)
    stopped = run(motions, fast, 3, joint_wear=0.9)
    slow = run(motions, replace(fast, speed_scale=0.3), 3, joint_wear=0.9)
    assert all(cycle.stops for cycle in stopped)
    assert not any(cycle.stops for cycle in slow)
    assert slow[0].seen.tracking_error_max_rad < stopped[0].seen.tracking_error_max_rad
    assert slow[0].seen.vibration_m_s2[0] > 3.0 * slow[0].seen.vibration_m_s2[1]


def test_in_the_dark_a_longer_exposure_brings_verdicts_back(motions: MotionLibrary) -> None:
    dark = run(motions, DEFAULT, 5, light_drift=0.4)
    bright = run(motions, replace(DEFAULT, exposure_s=0.01), 5, light_drift=0.4)
    assert {cycle.seen.verdict for cycle in dark} == {"none"}
    assert "accept" in {cycle.seen.verdict for cycle in bright}


class OneStep:
    """Proposes once, at the first grip or after the first cycle."""

    def __init__(self, activity: str, changes: dict[str, float], urgency: str) -> None:
        self._activity, self._proposal = activity, Proposal("cell", changes, "test", "a test", urgency)
        self.cycles: list[Cycle] = []
        self.outcomes: list[str] = []
        self._is_done = False

    def propose(self, observation: Observation) -> list[Proposal]:
        if self._is_done or observation.activity != self._activity:
            return []
        self._is_done = True
        return [self._proposal]

    def learn(self, cycle: Cycle) -> None:
        self.cycles.append(cycle)

    def hear(self, node: str, parameters: object, outcome: str, now_ns: int) -> None:
        self.outcomes.append(outcome)


def closed(motions: MotionLibrary, policy: OneStep) -> ClosedLoop:
    levels = VibrationLevels(Threshold("arm/joint_1/vibration", high_warn=0.8, high_alarm=1.6), 10.0, 6)
    world = CycleWorld(CONFIG, scenario(), 3, motions, TABLE)
    return ClosedLoop(world, policy, load_governance("config/governance.yaml"), DEFAULT, levels, 3)


def test_a_reflex_changes_the_cycle_that_is_under_way(motions: MotionLibrary) -> None:
    policy = OneStep("pick", {"part_acceleration_max_m_s2": 1.5}, "reflex")
    truth = closed(motions, policy).run_cycle()
    assert truth.setting.part_acceleration_max_m_s2 == 1.5
    assert policy.outcomes == ["applied"]
    assert not policy.cycles[0].is_steady


def test_the_gate_clips_a_bold_step(motions: MotionLibrary) -> None:
    policy = OneStep("approach", {"speed_scale": 1.0}, "optimise")
    loop = closed(motions, policy)
    loop.run_cycle()
    assert loop.setting.speed_scale == pytest.approx(0.8)
    assert policy.outcomes == ["clipped"]
    assert loop.run_cycle().setting.speed_scale == pytest.approx(0.8)
    assert policy.cycles[1].is_steady


def test_the_monitor_complains_of_a_shaking_gear_until_it_is_calm() -> None:
    levels = VibrationLevels(Threshold("t", high_warn=0.8, high_alarm=1.6, hysteresis=0.05), 10.0, 1)
    seen = [levels.note(5.0, np.array([value]))[0] for value in (0.5, 2.5, 2.5, 0.77, 0.77, 0.77, 0.1, 0.1)]
    assert seen[0] == 0
    assert 2 in seen
    assert seen[-1] == 0


def test_the_table_is_met_at_its_points_and_between() -> None:
    good = TABLE.judge("accept", 1.0, 0.0)
    assert good.shares[0] == pytest.approx(1.0, abs=0.05)
    assert good.light_level == pytest.approx(1.0, abs=0.02)
    assert TABLE.judge("accept", 0.4, 0.0).shares[3] > 0.9
    for kind in KINDS:
        assert TABLE.judge(kind, 0.93, 1.1).shares.sum() == pytest.approx(1.0)


def test_a_table_with_a_hole_is_refused() -> None:
    row = VerdictRow(1.0, 0.0, "accept", 4, 4, 0, 0, 0, 1.0, 0.2, 0.1)
    with pytest.raises(ConfigError, match="full grid"):
        VerdictTable([row, replace(row, kind="rework")])
