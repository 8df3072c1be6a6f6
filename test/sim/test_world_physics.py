"""Vacuum, suction, drives, sway and belt, each alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_rig import ARM_FILE, STATION_FILE, base_config

from workcell_sim.world.arm_parameters import load_arm_parameters
from workcell_sim.world.drive import DriveConfig, Drives
from workcell_sim.world.flex import Flex, FlexConfig
from workcell_sim.world.gripper import Gripper, GripperConfig
from workcell_sim.world.parts import Infeed, InfeedConfig, Place
from workcell_sim.world.protective_stop import ProtectiveStop, ProtectiveStopConfig, Trip
from workcell_sim.world.station import load_station
from workcell_sim.world.suction import Grip, SuctionConfig, hold, hold_force
from workcell_sim.world.vacuum import Vacuum, VacuumConfig

ARM = load_arm_parameters(ARM_FILE)
AMBIENT_K = 295.0
SEALED = VacuumConfig().sealed_leak


def settled(set_point_pa: float, leak: float, duration_s: float = 3.0) -> Vacuum:
    vacuum = Vacuum(VacuumConfig())
    vacuum.set(set_point_pa)
    for _ in range(round(duration_s / 0.02)):
        vacuum.advance(0.02, leak)
    return vacuum


@pytest.mark.parametrize("set_point_pa", [30e3, 55e3, 80e3])
def test_healthy_cup_holds_its_set_point(set_point_pa: float) -> None:
    assert settled(set_point_pa, SEALED).state.level_pa == pytest.approx(set_point_pa, rel=0.02)


def test_leak_costs_level_and_pump_current_and_a_higher_set_point_buys_some_back() -> None:
    healthy, leaking = settled(55e3, SEALED), settled(55e3, SEALED + 1.0)
    higher = settled(80e3, SEALED + 1.0)
    assert leaking.state.level_pa < 0.65 * healthy.state.level_pa
    assert leaking.pump_current_a > 2.0 * healthy.pump_current_a
    assert higher.state.level_pa > 1.25 * leaking.state.level_pa


def test_open_cup_does_not_look_like_a_part() -> None:
    assert settled(80e3, VacuumConfig().open_leak).state.level_pa < 0.5 * GripperConfig().part_detect_pa


def test_vacuum_step_is_exact_in_the_tick() -> None:
    """With the drive saturated the equation is linear: one long step equals many short ones."""
    coarse, fine = Vacuum(VacuumConfig()), Vacuum(VacuumConfig())
    for vacuum, steps in ((coarse, 1), (fine, 50)):
        vacuum.set(88e3)
        for _ in range(steps):
            vacuum.advance(0.1 / steps, 0.3)
    assert fine.state.drive == 1.0
    assert coarse.state.level_pa == pytest.approx(fine.state.level_pa, rel=1e-9)


@given(st.floats(0, 90e3), st.floats(0.01, 20), st.floats(0.001, 0.5))
def test_vacuum_stays_between_ambient_and_the_pumps_best(set_point_pa: float, leak: float, dt_s: float) -> None:
    vacuum = Vacuum(VacuumConfig())
    vacuum.set(set_point_pa)
    for _ in range(20):
        vacuum.advance(dt_s, leak)
        assert 0.0 <= vacuum.state.level_pa <= vacuum.config.pump_vacuum_max_pa


def test_vented_cup_loses_its_vacuum_fast() -> None:
    vacuum = settled(60e3, SEALED)
    vacuum.set(0.0)
    vacuum.advance(0.1, SEALED)
    assert vacuum.state.level_pa < 0.03 * 60e3
    assert vacuum.pump_current_a == 0.0


def held(force_n: float, acceleration: tuple[float, float, float], mass_kg: float = 0.12, steps: int = 5) -> tuple:
    grip = Grip(friction=0.5, seal=1.0, slip_m=np.zeros(2), slip_velocity_m_s=np.zeros(2))
    profile = np.tile(np.array(acceleration), (steps, 1))
    return hold(grip, SuctionConfig(), force_n, mass_kg, profile, 0.0, 0.004), grip


def test_cup_holds_up_to_the_friction_cone() -> None:
    """F = m (g + a / mu) is the limit of a horizontal cup."""
    limit = 0.12 * (9.81 + 4.0 / 0.5)
    above, _ = held(limit * 1.001, (4.0, 0.0, -9.81))
    below, grip = held(limit * 0.999, (4.0, 0.0, -9.81))
    assert above.margin_n > 0.0 > below.margin_n
    assert above.is_held
    assert below.is_held
    assert grip.slip_m[0] < 0.0


def test_pull_beyond_the_force_comes_off_at_once() -> None:
    result, _ = held(0.12 * 9.81 * 0.99, (0.0, 0.0, -9.81))
    assert not result.is_held


def test_part_slides_off_in_time_and_stops_sliding_when_held_again() -> None:
    slow, grip = held(1.5, (3.0, 0.0, -9.81), steps=3)
    assert slow.is_held
    calm = np.tile([0.0, 0.0, -9.81], (50, 1))
    hold(grip, SuctionConfig(), 5.0, 0.12, calm, 0.0, 0.004)
    assert not grip.slip_velocity_m_s.any()
    long, _ = held(1.5, (3.0, 0.0, -9.81), steps=100)
    assert not long.is_held


@given(st.floats(0.5, 8), st.floats(0, 10), st.floats(0.05, 0.4))
def test_more_vacuum_never_holds_worse(force_n: float, lateral: float, mass_kg: float) -> None:
    weak, _ = held(force_n, (lateral, 0.0, -9.81), mass_kg)
    strong, _ = held(force_n + 0.5, (lateral, 0.0, -9.81), mass_kg)
    assert strong.margin_n > weak.margin_n
    assert strong.is_held >= weak.is_held


def test_hold_force_is_level_times_area() -> None:
    assert hold_force(50e3, SuctionConfig(cup_radius_m=0.01, area_share=1.0)) == pytest.approx(15.708, rel=1e-4)


def test_station_and_world_mean_the_same_cup() -> None:
    station = load_station(STATION_FILE)
    assert station.cup_radius_m == base_config().suction.cup_radius_m


def observed(wear: float, speed: float, windows: int = 200) -> tuple[Drives, object]:
    drives = Drives(ARM, DriveConfig(), AMBIENT_K)
    worn = np.full(6, wear)
    velocity = np.full((10, 6), speed)
    resistance = drives.resistance(velocity[0], worn)
    rng = np.random.default_rng(0)
    for _ in range(windows):
        readings = drives.observe(20.0 + np.tile(resistance, (10, 1)), velocity, 1.0, worn, AMBIENT_K, rng)
    return drives, readings


def test_wear_shows_in_vibration_current_temperature_and_power() -> None:
    _, healthy = observed(0.0, 1.0)
    _, worn = observed(0.8, 1.0)
    assert (worn.vibration_m_s2 > 3.0 * healthy.vibration_m_s2).all()
    assert (worn.current_a > 1.1 * healthy.current_a)[:3].all()
    assert (worn.temperature_k > healthy.temperature_k + 3.0)[:3].all()
    assert worn.power_w > 1.1 * healthy.power_w


def test_vibration_grows_with_speed() -> None:
    _, slow = observed(0.5, 0.3)
    _, fast = observed(0.5, 1.5)
    assert (fast.vibration_m_s2 > 3.0 * slow.vibration_m_s2).all()


def test_still_arm_cools_to_where_its_holding_current_keeps_it() -> None:
    drives, _ = observed(0.0, 1.5)
    hot = drives.state.temperature_k.copy()
    rng = np.random.default_rng(0)
    for _ in range(50):
        drives.observe(np.zeros((1, 6)), np.zeros((1, 6)), 600.0, np.zeros(6), AMBIENT_K, rng)
    assert (hot > AMBIENT_K + 5.0).all()
    np.testing.assert_allclose(drives.state.temperature_k, AMBIENT_K, atol=1e-6)


def test_current_is_torque_over_constant_and_ratio() -> None:
    drives = Drives(ARM, DriveConfig(), AMBIENT_K)
    readings = drives.observe(
        np.full((4, 6), 25.25), np.zeros((4, 6)), 0.05, np.zeros(6), AMBIENT_K, np.random.default_rng(0)
    )
    assert readings.current_a[0] == pytest.approx(25.25 / (0.125 * 101.0))


def test_sway_follows_its_differential_equation() -> None:
    """The closed solution of a free, damped oscillation."""
    config = FlexConfig(frequency_hz=11.0, damping_ratio=0.1)
    flex = Flex(config)
    flex.state.motion[0, 0] = 1e-3
    flex.advance(np.zeros((50, 2)), 0.004)
    w, zeta, t = 2 * np.pi * 11.0, 0.1, 0.2
    wd = w * np.sqrt(1 - zeta**2)
    expected = 1e-3 * np.exp(-zeta * w * t) * (np.cos(wd * t) + zeta * w / wd * np.sin(wd * t))
    assert flex.displacement_m[0] == pytest.approx(expected, rel=1e-9)
    assert flex.displacement_m[1] == 0.0


def test_sway_in_ticks_equals_sway_in_one_go() -> None:
    push = np.random.default_rng(0).normal(size=(20, 2))
    whole, parts = Flex(FlexConfig()), Flex(FlexConfig())
    whole.advance(push, 0.004)
    for start in range(0, 20, 5):
        parts.advance(push[start : start + 5], 0.004)
    np.testing.assert_allclose(parts.state.motion, whole.state.motion, rtol=1e-12)


def belt(**changes: float) -> Infeed:
    return Infeed(InfeedConfig(**changes), 0.12, np.random.default_rng(3))  # type: ignore[arg-type]


def test_belt_feeds_in_order_and_blocks_when_full() -> None:
    infeed = belt(interval_s=1.0, queue_max=3)
    for tick in range(1000):
        infeed.advance(tick * 0.02, 1.0, 1.0, None)
    assert infeed.state.arrived == 4
    first = infeed.take(20.0)
    assert (first.serial, first.place) == ("p00000", Place.HELD)
    infeed.advance(20.02, 1.0, 1.0, None)
    assert infeed.state.at_pick is None
    infeed.advance(20.6, 1.0, 1.0, None)
    assert infeed.state.at_pick is not None
    assert infeed.state.at_pick.serial == "p00001"


def test_belt_says_when_it_changes_next() -> None:
    infeed = belt(interval_s=1.0, queue_max=2)
    for _ in range(20):  # boards arrive, and move up, until the belt is full
        infeed.advance(min(infeed.due_s(), 100.0), 1.0, 1.0, None)
    assert infeed.due_s() == math.inf
    infeed.take(200.0)
    assert infeed.due_s() == pytest.approx(200.5)
    infeed.advance(infeed.due_s() - 1e-6, 1.0, 1.0, None)
    assert infeed.state.at_pick is None
    infeed.advance(infeed.due_s(), 1.0, 1.0, None)
    assert infeed.state.at_pick is not None


def test_arrival_rate_and_mass_follow_the_conditions() -> None:
    counts = {}
    for factor in (1.0, 3.0):
        infeed = belt(interval_s=2.0, queue_max=10**6)
        for tick in range(3000):
            infeed.advance(tick * 0.1, factor, 2.2, 0.5)
        counts[factor] = infeed.state.arrived
        masses = [part.mass_kg for part in infeed.state.queue]
        assert np.mean(masses) == pytest.approx(2.2 * 0.12, rel=0.02)
        assert {part.defect_rate for part in infeed.state.queue} == {0.5}
    assert counts[1.0] == pytest.approx(150, rel=0.1)
    assert counts[3.0] == pytest.approx(50, rel=0.1)


def test_a_part_put_back_lies_there_unless_the_seat_is_taken() -> None:
    infeed = belt(interval_s=1.0)
    for tick in range(200):
        infeed.advance(tick * 0.02, 1.0, 1.0, None)
    part = infeed.take(4.0)
    assert infeed.put_back(part)
    assert infeed.take(4.1) is part
    infeed.advance(9.0, 1.0, 1.0, None)
    assert not infeed.put_back(part)
    infeed.take(9.1)
    with pytest.raises(LookupError):
        infeed.take(9.1)


def test_gripper_reports_part_stall_and_preemption() -> None:
    gripper = Gripper(GripperConfig())
    gripper.start("a", True, 0.0)
    gripper.check(30e3, True, 0.02)
    gripper.start("b", True, 0.0)
    for _ in range(51):
        gripper.check(5e3, False, 0.02)
    gripper.start("c", True, 0.0)
    gripper.start("d", False, 40e3)
    gripper.check(1e3, False, 0.02)
    ends = gripper.take_ended()
    assert [(e.goal_id, e.reached_goal, e.stalled, e.is_preempted, e.position) for e in ends] == [
        ("a", True, False, False, 1.0),
        ("b", False, True, False, 0.0),
        ("c", False, False, True, 0.0),
        ("d", True, False, False, 0.0),
    ]


def test_protective_stop_trips_latches_and_unlocks_late() -> None:
    stop = ProtectiveStop(ProtectiveStopConfig(unlock_after_s=2.0), ARM.effort_max_n_m, ("a", "b", "c", "d", "e", "f"))
    torque, still = np.zeros((5, 6)), np.zeros(6)
    assert stop.check(torque, still, still) is None
    assert stop.check(torque, still, np.array([0, 0.2, 0, 0, 0, 0])) == Trip("b deviates from its path", True)
    collision = stop.check(torque, np.array([0, 0, -21.0, 0, 0, 0]), still)
    assert collision == Trip("collision suspected: unexplained torque of c", False)
    torque[2, 4] = -28.0
    assert stop.check(torque, still, still) == Trip("torque limit of e exceeded", True)
    assert stop.trip("collision", 10.0)
    assert not stop.trip("again", 10.1)
    assert stop.robot_state == "protective_stop;reason=collision"
    assert stop.reset(11.0) == (False, "cannot unlock a protective stop until 1.0 s from now; inspect the cause")
    assert stop.reset(12.0)[0]
    assert stop.robot_state == "normal"
