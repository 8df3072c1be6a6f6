"""The mirror of an arm that another controller moves: smooth references out of jittering joint states."""

import numpy as np
import pytest
from world_rig import event, make_world

from workcell_sim.world.joint_mirror import WINDOW_S, JointMirror
from workcell_sim.world.trajectory_goal import TrajectoryGoal, TrajectoryPoint

HOME = np.array([0.1, 0.2, 0.3])
RATE_HZ = 125.0
SWING_RAD, FREQUENCY_RAD_S = 0.5, 3.0


def swing(time_s):
    """Position, velocity and acceleration of a swinging joint."""
    phase = FREQUENCY_RAD_S * time_s
    return (
        SWING_RAD * np.sin(phase),
        SWING_RAD * FREQUENCY_RAD_S * np.cos(phase),
        -SWING_RAD * FREQUENCY_RAD_S**2 * np.sin(phase),
    )


def swinging(jitter_s=0.0):
    mirror = JointMirror(HOME)
    rng = np.random.default_rng(7)
    for index in range(round(2.0 * RATE_HZ)):
        time_s = index / RATE_HZ
        # What is told belongs to a moment a little before or after its stamp.
        mirror.hear(time_s, HOME + swing(time_s + rng.uniform(-jitter_s, jitter_s))[0])
    return mirror


def test_the_middle_of_the_window_is_met():
    mirror = swinging()
    for time_s in (0.5, 1.0, 1.7):
        sample = mirror.sample(time_s)
        position, velocity, acceleration = swing(time_s - WINDOW_S / 2)
        assert sample.position_rad[0] == pytest.approx(HOME + position, abs=2e-3)
        assert sample.velocity_rad_s[0] == pytest.approx(np.full(3, velocity), abs=2e-2)
        assert sample.acceleration_rad_s2[0] == pytest.approx(np.full(3, acceleration), abs=0.1)


def test_jitter_of_milliseconds_is_no_jolt():
    mirror = swinging(jitter_s=2e-3)
    for time_s in np.linspace(0.3, 1.9, 60):
        acceleration = swing(time_s - WINDOW_S / 2)[2]
        assert abs(mirror.sample(time_s).acceleration_rad_s2[0, 0] - acceleration) < 3.0


def test_an_arm_that_stands_rests_exactly():
    mirror = JointMirror(HOME)
    assert np.array_equal(mirror.sample(5.0).position_rad[0], HOME)
    for index in range(40):
        mirror.hear(index / RATE_HZ, HOME + 1.0)
    sample = mirror.sample(39 / RATE_HZ)
    assert np.array_equal(sample.position_rad[0], HOME + 1.0)
    assert not sample.velocity_rad_s.any()
    assert not sample.acceleration_rad_s2.any()


def test_an_arm_that_falls_silent_stays_where_it_was_heard_last():
    mirror = swinging()
    last = HOME + swing(2.0 - 1.0 / RATE_HZ)[0]
    for time_s in (2.5, 9.0):
        sample = mirror.sample(time_s)
        assert sample.position_rad[0] == pytest.approx(last)
        assert not sample.velocity_rad_s.any()


def test_a_state_that_is_older_than_the_last_is_left_out():
    mirror = JointMirror(HOME)
    for index in range(40):
        mirror.hear(index / RATE_HZ, HOME)
        mirror.hear(index / RATE_HZ - 0.05, HOME + 1.0)
    assert np.array_equal(mirror.sample(39 / RATE_HZ).position_rad[0], HOME)


def test_the_world_follows_an_arm_that_it_does_not_move():
    moved, mirrored = make_world(fidelity="kinematic"), make_world(fidelity="mirror")
    zero = [0.0] * 6
    target = [0.055, -1.538, 1.839, -1.871, -1.571, -1.516]
    point = TrajectoryPoint(1.0, target, zero, zero, [])
    moved.start_trajectory("move", TrajectoryGoal(list(moved.joints), [point]))
    for _ in range(75):
        result = moved.step()
        mirrored.mirror.hear(result.time_s, result.position_rad)
        follower = mirrored.step()
    assert follower.position_rad == pytest.approx(target, abs=1e-4)
    assert mirrored.tcp_pose() == pytest.approx(moved.tcp_pose(), abs=1e-4)
    assert np.abs(follower.effort_n_m - result.effort_n_m).max() < 0.5


def test_a_scenario_stops_no_arm_that_another_driver_moves():
    mirrored = make_world(1, event("protective_stop", at_s=0.1), fidelity="mirror")
    for _ in range(10):
        mirrored.step()
    assert mirrored.robot_state == "normal"
