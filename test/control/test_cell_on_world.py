"""The cell's core closed through the simulated world: parts are made, and none is ever lost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from world_loop import WorldLoop, parameters

from workcell_control.cell.guards import GuardAction
from workcell_control.cell.ledger import PartLedger
from workcell_control.cell.steps import CancelMotion, ReleaseProtectiveStop, StartAsked, State, Step, StopAsked
from workcell_sim.world.scenario import Event, Scenario

FAST = {"speed_scale": 1.0, "acceleration_scale": 1.0, "jerk_scale": 1.0}


def booked(loop: WorldLoop) -> dict[str, int]:
    return {fate: count for fate, count in loop.ledger.counts().items() if count}


def audited(loop: WorldLoop) -> dict[str, int]:
    return dict(Counter(place for _, place in loop.audits))


def until_step(step: Step, loop: WorldLoop) -> WorldLoop:
    loop.run(30.0, until=lambda: loop.cell.sequence.step is step)
    assert loop.cell.sequence.step is step
    return loop


@pytest.fixture(scope="module")
def calm() -> WorldLoop:
    return WorldLoop().run(60.0)


def test_an_undisturbed_minute_makes_a_part_every_five_seconds(calm):
    assert len(calm.cycles) >= 11
    assert {record.fate for record in calm.cycles} <= {"accept", "reject"}
    assert calm.cell.shift(calm.now_ns).drops == 0
    assert max(record.cycle_time_s for record in calm.cycles) < 5.6


def test_the_ledger_agrees_with_the_audit(calm):
    assert booked(calm) == audited(calm)
    assert len(calm.ledger.open_parts) <= 1


def test_repeated_moves_are_not_planned_again(calm):
    planner = calm.task._planner
    assert planner.hits > 4 * planner.misses


def test_cycle_records_tell_vacuum_energy_and_acceleration(calm):
    record = calm.cycles[5]
    assert record.vacuum_min_pa > 40e3
    assert 300.0 < record.energy_j < 2000.0
    assert 1.0 < record.acceleration_max_m_s2 < 7.2


def test_a_slow_device_that_still_tells_of_the_grip_makes_no_hold_look_weak():
    loop = WorldLoop(reading_delay_s=0.3).run(20.0)
    assert len(loop.cycles) >= 2
    assert min(record.vacuum_min_pa for record in loop.cycles) > 40e3


def test_faster_parameters_make_more_parts(calm):
    fast = WorldLoop(values=parameters(**FAST)).run(60.0)
    assert len(fast.cycles) >= len(calm.cycles) + 2
    assert booked(fast) == audited(fast)


def test_parts_that_fall_are_on_the_floor_in_the_ledger_and_production_goes_on():
    leak = Scenario("leak", "", 120.0, (Event("vacuum_leak", 15.0, 1.0, 25.0, 1.2, ""),))
    loop = WorldLoop(scenario=leak, values=parameters(**FAST)).run(90.0)
    assert booked(loop)["floor"] >= 2
    assert booked(loop) == audited(loop)
    assert loop.cycles[-1].fate in ("accept", "reject")


@pytest.mark.parametrize("bin_", ["accept", "rework", "reject"])
def test_a_part_lost_near_a_bin_is_booked_where_it_fell(bin_):
    verdicts = {"accept": "accept", "rework": "unsure", "reject": "reject"}
    for delay_s in (0.25, 0.45, 0.6):
        loop = until_step(Step.TO_BIN, WorldLoop(verdict_of=lambda _is_defective: verdicts[bin_])).run(delay_s)
        loop.world._vacuum.state.level_pa = 0.0
        loop.run(3.0)
        assert len(loop.audits) == 1
        assert booked(loop) == audited(loop)


def test_readings_gone_quiet_brake_the_arm_and_keep_the_part():
    loop = until_step(Step.TO_CAMERA, WorldLoop()).run(0.2)
    loop.reads = False
    loop.run(2.0)
    assert loop.cell.sequence.state is State.HOLD
    assert "readings quiet for more than 1 s" in loop.cell.sequence.reason
    assert loop.world.held_part is not None
    assert np.abs(loop.world.step().velocity_rad_s).max() < 1e-3
    loop.reads = True
    loop.run(20.0)
    assert loop.cycles[0].serial == "c00001"
    assert booked(loop) == audited(loop)


def test_a_protective_stop_is_waited_out_and_production_goes_on():
    stop = Scenario("stop", "", 120.0, (Event("protective_stop", 12.0, 0.0, 0.0, 0.0, ""),))
    loop = WorldLoop(scenario=stop).run(60.0)
    assert any(text.startswith("hold;reason=protective_stop: scenario") for text in loop.states)
    assert ReleaseProtectiveStop() in loop.log
    assert len(loop.cycles) >= 8
    assert booked(loop) == audited(loop)


def test_a_stop_brakes_and_a_start_goes_on_with_the_same_part():
    loop = until_step(Step.TO_BIN, WorldLoop()).run(0.1)
    loop.send(StopAsked("a person asked"))
    assert loop.log[-1] == CancelMotion()
    loop.run(3.0)
    assert loop.cell.state_text == "stopped;reason=a person asked"
    assert loop.world.held_part is not None
    loop.send(StartAsked())
    loop.run(5.0)
    assert [record.serial for record in loop.cycles] == ["c00001"]
    assert booked(loop) == audited(loop)


@pytest.mark.parametrize(
    "step",
    [Step.LOWER, Step.GRIP, Step.DWELL, Step.LIFT, Step.TO_CAMERA, Step.INSPECT, Step.LOWER_TO_BIN, Step.RELEASE],
)
def test_a_killed_cell_loses_no_part_whenever_it_dies(step, tmp_path):
    path = tmp_path / "ledger.journal"
    loop = until_step(step, WorldLoop(ledger=PartLedger(path)))
    loop.world.forget_clients()
    audits = loop.audits
    for _ in range(50):  # a second in which nobody is in command
        audits += [(entry.serial, entry.place.value) for entry in loop.world.step().audits]
    again = WorldLoop(ledger=PartLedger(path), world=loop.world)
    again.audits = audits
    again.run(25.0)
    assert booked(again) == audited(again)
    assert "void" not in booked(again)
    assert len(again.ledger.parts) == len({part.serial for part in again.ledger.parts})


def test_a_start_waits_until_it_is_known_what_is_on_the_tool():
    loop = WorldLoop(values=parameters(autostart=False))
    loop.send(StartAsked())
    assert not loop.log or all(isinstance(command, CancelMotion) for command in loop.log)
    loop.run(10.0)
    assert len(loop.cycles) == 1


def test_without_autostart_nothing_moves_until_it_is_asked_for():
    loop = WorldLoop(values=parameters(autostart=False)).run(5.0)
    assert loop.cell.state_text == "idle;reason=not started"
    assert loop.cell.shift(loop.now_ns).busy_time_s == 0.0
    loop.send(StartAsked())
    loop.run(8.0)
    assert len(loop.cycles) == 1


def test_a_silent_governor_brings_the_safe_set_until_it_is_back():
    loop = WorldLoop(values=parameters(governor_node="governor"))
    assert loop.cell.tuning.speed_scale == loop.values.safe_speed_scale

    def beat_for(seconds: int) -> None:
        for _ in range(seconds):
            loop.cell.on_heartbeat("governor", "active", loop.now_ns)
            loop.run(1.0)

    beat_for(6)
    assert loop.cell.tuning.speed_scale == loop.values.speed_scale
    assert loop.cell.guard_verdict.action is GuardAction.RUN
    loop.run(4.0)
    assert loop.cell.tuning.speed_scale == loop.values.safe_speed_scale
    assert loop.cell.sequence.state not in (State.HOLD, State.STOPPED)
    beat_for(4)
    assert loop.cell.tuning.speed_scale == loop.values.speed_scale


def test_a_dead_inspection_holds_the_cell():
    loop = WorldLoop(values=parameters(required_nodes=["inspection"]))
    loop.run(4.0)
    assert "inspection not heard yet" in loop.cell.state_text
    loop.cell.on_heartbeat("inspection", "inactive", loop.now_ns)
    loop.run(0.2)
    assert "inspection is inactive" in loop.cell.state_text


def test_an_unsure_verdict_goes_to_rework():
    loop = WorldLoop(verdict_of=lambda is_defective: "unsure").run(20.0)
    assert set(booked(loop)) == {"rework"}
    assert loop.cell.shift(loop.now_ns).false_rejects >= 1


def test_changed_parameters_shape_the_next_move():
    loop = until_step(Step.TO_INFEED, WorldLoop())
    slow = replace(loop.values, speed_scale=0.2, acceleration_scale=0.2)
    before = loop.task.plan(
        loop.task.waypoints["infeed_above"], "camera_inspect", is_straight=False, is_held=True, tuning=loop.cell.tuning
    )
    loop.values = slow
    after = loop.task.plan(
        loop.task.waypoints["infeed_above"], "camera_inspect", is_straight=False, is_held=True, tuning=loop.cell.tuning
    )
    assert after.trajectory.duration_s > 1.3 * before.trajectory.duration_s


def test_a_part_too_heavy_for_what_is_in_force_is_carried_with_the_safe_set_after_its_attempts():
    heavy = Scenario("heavy", "", 3600.0, (Event("heavy_lot", 0.0, 0.0, np.inf, 2.3, ""),))
    loop = WorldLoop(parameters(**FAST), heavy).run(40.0)
    assert len(loop.cycles) >= 3
    assert {record.pick_attempts for record in loop.cycles} == {loop.values.pick_attempts}
    assert {record.fate for record in loop.cycles} <= {"accept", "reject"}
