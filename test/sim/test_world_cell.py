"""The whole world under a minimal cycle: it carries parts, and disturbances do what they say."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from world_rig import Rig, Settings, event, make_world, point_goal

from workcell_ros.errors import ConfigError
from workcell_ros.state_file import StateFile
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.parts import Place
from workcell_sim.world.signals import SIGNAL_NAMES
from workcell_sim.world.snapshot import SnapshotError, encode
from workcell_sim.world.trajectory_executor import Outcome, TrajectoryExecutor
from workcell_sim.world.trajectory_goal import ErrorCode

GENTLE = Settings(acceleration_scale=0.25, jerk_scale=0.3)
FIRM = Settings(grip_vacuum_pa=80e3)
GENTLE_AND_FIRM = Settings(acceleration_scale=0.25, jerk_scale=0.3, grip_vacuum_pa=80e3)
LEAK = event("vacuum_leak", 1.5)
HEAVY = event("heavy_lot", 2.2)
UNDER_CAMERA = [0.055, -1.538, 1.839, -1.871, -1.571, -1.516]


def signal(vector: np.ndarray, name: str) -> float:
    return float(vector[SIGNAL_NAMES.index(name)])


def test_defaults_carry_every_part_with_margin() -> None:
    tally = Rig(make_world(1)).cycles(4)
    assert [entry.serial for entry in tally.audits] == ["p00000", "p00001", "p00002", "p00003"]
    assert {entry.place for entry in tally.audits} == {Place.ACCEPT}
    assert tally.failed_picks == 0
    assert tally.margin_min_n > 0.5
    assert 4.0 < tally.duration_s / 4 < 8.0


def test_good_vacuum_allows_a_fast_cell() -> None:
    tally = Rig(make_world(1), Settings(speed_scale=1.0, acceleration_scale=0.8, jerk_scale=0.8)).cycles(3)
    assert tally.drops == 0
    assert tally.margin_min_n > 0.3


@pytest.mark.parametrize("disturbance", [LEAK, HEAVY], ids=["leak", "heavy"])
def test_disturbance_drops_parts_at_defaults_but_not_when_gentle_or_firm(disturbance) -> None:  # type: ignore[no-untyped-def]
    defaults = Rig(make_world(1, disturbance, fidelity="kinematic")).cycles(6)
    assert defaults.drops >= 3
    for settings in (GENTLE_AND_FIRM, FIRM):
        assert Rig(make_world(1, disturbance, fidelity="kinematic"), settings).cycles(6).drops == 0


def test_gentle_motion_alone_carries_a_heavy_lot() -> None:
    assert Rig(make_world(1, HEAVY, fidelity="kinematic"), GENTLE).cycles(5).drops == 0


def test_dropped_part_ends_on_the_floor_and_the_grip_says_so() -> None:
    rig = Rig(make_world(1, event("heavy_lot", 4.0), fidelity="kinematic"))
    tally = rig.cycles(2)
    assert {entry.place for entry in tally.audits} <= {Place.FLOOR, Place.ACCEPT}
    lost = [signal(vector, "arm/grip_lost") for vector in tally.signals]
    assert max(lost) == 1.0
    assert lost[-1] == 0.0


def test_every_part_is_somewhere() -> None:
    world = make_world(2, event("heavy_lot", 2.4), fidelity="kinematic")
    rig = Rig(world)
    rig.cycles(5)
    infeed = world.snapshot()["states"]["infeed"]
    waiting = len(infeed["queue"]) + (infeed["at_pick"] is not None) + (world.held_part is not None)
    serials = [entry.serial for entry in rig.tally.audits]
    assert len(serials) == len(set(serials))
    assert len(serials) + waiting == infeed["arrived"]


def test_both_fidelities_agree_on_the_hold_margin() -> None:
    full, ideal = (Rig(make_world(1, fidelity=name)).cycles(1) for name in ("mujoco", "kinematic"))
    assert full.margin_min_n == pytest.approx(ideal.margin_min_n, abs=0.05)
    assert full.duration_s == pytest.approx(ideal.duration_s, abs=0.2)


def test_wear_shows_in_the_signals_and_in_tracking() -> None:
    errors, vibration = {}, {}
    for wear in (0.0, 0.9):
        world = make_world(1, event("joint_wear", wear, target="2"))
        rig = Rig(world, Settings(speed_scale=1.0, acceleration_scale=0.8, jerk_scale=0.8))
        peak = 0.0
        inner = world.step

        def watched(world=world, inner=inner):  # type: ignore[no-untyped-def]
            nonlocal peak
            result = inner()
            peak = max(peak, abs(float(world.executor.state.hold_rad[1] - result.position_rad[1])))
            return result

        world.step = watched  # type: ignore[method-assign]
        tally = rig.cycles(1)
        errors[wear] = peak
        vibration[wear] = max(signal(vector, "arm/joint_2/vibration") for vector in tally.signals)
    assert vibration[0.9] > 3.0 * vibration[0.0]
    assert errors[0.9] > 2.0 * errors[0.0]
    assert errors[0.9] < 0.01


def test_a_worn_gear_at_speed_is_taken_for_a_collision_but_not_when_slow() -> None:
    def robot_state(speed_scale: float) -> str:
        world = make_world(1, event("joint_wear", 0.9, target="1"), fidelity="kinematic")
        rig = Rig(world, Settings(speed_scale=speed_scale))
        rig.run_until(lambda: world.is_part_at_pick)
        rig.move(world.config.station.camera_inspect)
        if world.robot_state == "normal":
            rig.move(world.config.station.accept_place, 0.05)
        return world.robot_state

    assert robot_state(0.6) == "protective_stop;reason=collision suspected: unexplained torque of shoulder_pan_joint"
    assert robot_state(0.3) == "normal"


def test_signals_are_named_and_plausible() -> None:
    tally = Rig(make_world(1, event("tariff_peak", 4.0), event("light_drift", 0.5))).cycles(1)
    last = tally.signals[-1]
    assert last.shape == (len(SIGNAL_NAMES),)
    assert signal(last, "cell/tariff") == pytest.approx(4 * 0.28)
    assert signal(last, "cell/ambient_light") == pytest.approx(400.0, rel=0.03)
    assert 100.0 < signal(last, "cell/power") < 800.0
    assert signal(last, "cell/energy") == pytest.approx(tally.duration_s * 160.0, rel=0.4)
    peak_vacuum = max(signal(vector, "gripper/vacuum") for vector in tally.signals)
    assert 45e3 < peak_vacuum < 60e3


def test_fading_light_darkens_the_image_and_exposure_brings_it_back() -> None:
    normal = Rig(make_world(1, fidelity="kinematic")).cycles(1).images[0].mean()
    dark_world = make_world(1, event("light_drift", 0.4), fidelity="kinematic")
    dark = Rig(dark_world).cycles(1).images[0].mean()
    longer = Rig(make_world(1, event("light_drift", 0.4), fidelity="kinematic"), Settings(exposure_s=0.01))
    assert dark < 0.55 * normal
    assert longer.cycles(1).images[0].mean() == pytest.approx(normal, rel=0.1)


def test_image_at_once_after_a_fast_motion_is_blurred() -> None:
    def sharpness(settle_s: float) -> float:
        settings = Settings(speed_scale=1.0, acceleration_scale=1.0, jerk_scale=1.0, settle_s=settle_s, exposure_s=0.02)
        image = Rig(make_world(1, fidelity="kinematic"), settings).cycles(1).images[0].astype(float)
        return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())

    assert sharpness(0.0) < 0.97 * sharpness(1.0)


def test_camera_sees_dark_without_a_part() -> None:
    world = make_world(1)
    assert not world.is_part_in_view()
    assert world.capture(0.004).max() < 60


def test_same_seed_same_world_other_seed_other_world() -> None:
    def run(seed: int) -> str:
        rig = Rig(make_world(seed, LEAK))
        tally = rig.cycles(1)
        return json.dumps([rig.world.snapshot(), encode(tally.signals), tally.images[0].tobytes().hex()[:2000]])

    assert run(5) == run(5)
    assert run(5) != run(6)


@pytest.mark.parametrize("fidelity", ["mujoco", "kinematic"])
def test_restored_world_goes_on_bit_for_bit(fidelity: str) -> None:
    original = make_world(3, LEAK, event("joint_wear", 0.5, target="3"), fidelity=fidelity)
    rig = Rig(original, Settings())
    rig.cycles(1)
    rig.grip(True, 55e3)
    original.start_trajectory("x", point_goal(original.joints, (2.0, UNDER_CAMERA)))
    rig.wait(0.5)
    copy = make_world(3, LEAK, event("joint_wear", 0.5, target="3"), fidelity=fidelity)
    copy.restore(json.loads(json.dumps(original.snapshot())))
    for _ in range(200):
        first, second = original.step(), copy.step()
        np.testing.assert_array_equal(first.position_rad, second.position_rad)
        np.testing.assert_array_equal(first.effort_n_m, second.effort_n_m)
        assert first.goal_ends == second.goal_ends
    assert json.dumps(original.snapshot()) == json.dumps(copy.snapshot())
    np.testing.assert_array_equal(original.capture(0.004), copy.capture(0.004))


def test_the_arm_run_ahead_does_what_it_does_tick_by_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> tuple[Rig, CellWorld]:
        world = make_world(3, event("joint_wear", 0.5, target="3"))
        rig = Rig(world)
        rig.cycles(1)
        world.start_trajectory("x", point_goal(world.joints, (1.0, UNDER_CAMERA)))
        rig.wait(0.3)
        world.set_speed_scaling(0.7)
        rig.wait(0.3)
        world.set_speed_scaling(1.0)
        rig.wait(0.7)
        world.cancel_trajectory("x")
        rig.wait(0.1)
        return rig, world

    ahead, world = run()
    monkeypatch.setattr(TrajectoryExecutor, "ahead", None)
    alone, other = run()
    assert json.dumps(encode(ahead.tally.signals)) == json.dumps(encode(alone.tally.signals))
    assert json.dumps(world.snapshot()) == json.dumps(other.snapshot())


def test_restored_world_without_its_clients_brakes_and_keeps_the_part() -> None:
    world = make_world(1)
    rig = Rig(world)
    rig.run_until(lambda: world.is_part_at_pick)
    rig.move(world.config.station.infeed_pick)
    rig.grip(True, 55e3)
    world.start_trajectory("x", point_goal(world.joints, (2.0, UNDER_CAMERA)))
    rig.wait(0.6)
    copy = make_world(1)
    copy.restore(world.snapshot())
    copy.forget_clients()
    for _ in range(100):
        result = copy.step()
        assert result.goal_ends == []
    assert not copy.executor.is_moving
    assert copy.held_part is not None
    assert copy.held_part.serial == "p00000"
    assert copy.vacuum_pa > 40e3


def test_snapshot_of_another_version_is_refused() -> None:
    world = make_world(1)
    data = world.snapshot()
    with pytest.raises(SnapshotError, match="version 99"):
        world.restore({**data, "version": 99})
    del data["states"]["vacuum"]["level_pa"]
    with pytest.raises(SnapshotError, match="VacuumState"):
        world.restore(data)


def test_state_file_is_of_one_run(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "state.json"
    StateFile(path, {"seed": 1}).write({"a": 0.1})
    assert StateFile(path, {"seed": 1}).read() == ({"a": 0.1}, "")
    assert StateFile(path, {"seed": 2}).read()[0] is None
    path.write_text("{")
    snapshot, why = StateFile(path, {"seed": 1}).read()
    assert snapshot is None
    assert "cannot be read" in why


@pytest.mark.parametrize(("before", "after"), [("0.1", "0.2"), ("1e-09", "1e909"), ('"snapshot"', '"snapshut"')])
def test_a_state_that_was_changed_on_the_disk_is_not_taken_up(tmp_path: Path, before: str, after: str) -> None:
    path = tmp_path / "state.json"
    StateFile(path, {"seed": 1}).write({"a": 0.1, "b": 1e-9, "c": math.nan})
    assert StateFile(path, {"seed": 1}).read()[0] is not None
    path.write_text(path.read_text().replace(before, after))
    assert StateFile(path, {"seed": 1}).read() == (None, f"{path} is damaged: its digest does not match")


def test_protective_stop_brakes_aborts_and_refuses_until_reset() -> None:
    world = make_world(1, event("protective_stop", at_s=0.5))
    world.start_trajectory("x", point_goal(world.joints, (2.0, UNDER_CAMERA)))
    ends = [end for _ in range(100) for end in world.step().goal_ends]
    assert [(end.outcome, end.code) for end in ends] == [(Outcome.ABORTED, ErrorCode.INVALID_GOAL)]
    assert world.robot_state == "protective_stop;reason=scenario"
    assert world.speed_scaling == 0.0
    assert not world.executor.is_moving
    refusal = world.trajectory_refusal(point_goal(world.joints, (2.0, UNDER_CAMERA)))
    assert refusal is not None
    assert "not running" in refusal.reason
    while not world.reset_protective_stop()[0]:
        world.step()
    assert world.trajectory_refusal(point_goal(world.joints, (2.0, UNDER_CAMERA))) is None


def test_running_into_the_table_trips_the_protective_stop() -> None:
    world = make_world(1)
    down = [-0.711, -0.6, 2.057, -2.9, -1.571, -2.281]
    world.start_trajectory("x", point_goal(world.joints, (2.0, down)))
    for _ in range(150):
        world.step()
    assert world.robot_state.startswith("protective_stop;reason=torque limit")
    assert not world.executor.is_moving
    effort = np.abs(world.step().effort_n_m)
    assert (effort < 0.8 * world.config.arm.effort_max_n_m).all()


def test_cut_power_of_the_vacuum_drops_the_part_into_what_lies_below() -> None:
    world = make_world(1)
    rig = Rig(world)
    rig.run_until(lambda: world.is_part_at_pick)
    station = world.config.station
    rig.move(station.infeed_pick)
    rig.grip(True, 55e3)
    rig.move(station.infeed_pick, 0.1)
    rig.move(station.camera_inspect)
    rig.move(station.reject_place, 0.1)
    rig.grip(False)
    assert [entry.place for entry in rig.tally.audits] == [Place.REJECT]


def test_part_let_go_at_its_seat_is_back_on_the_belt() -> None:
    world = make_world(1)
    rig = Rig(world)
    rig.run_until(lambda: world.is_part_at_pick)
    rig.move(world.config.station.infeed_pick)
    rig.grip(True, 55e3)
    assert world.held_part is not None
    rig.grip(False)
    assert world.held_part is None
    assert world.is_part_at_pick
    assert rig.tally.audits == []


@pytest.mark.parametrize(
    ("field", "value", "key"),
    [("fidelity", "ideal", "fidelity"), ("tick_s", 0.0, "tick_s"), ("tick_s", 0.005, "tick_s")],
)
def test_config_that_does_not_fit_is_refused(field: str, value: object, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        replace(make_world(1).config, **{field: value})
    assert caught.value.key == key


def test_snapshot_is_json_and_small() -> None:
    world: CellWorld = make_world(1)
    assert len(json.dumps(world.snapshot())) < 40_000
