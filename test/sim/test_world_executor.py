"""The trajectory executor against what joint_trajectory_controller does."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_rig import ARM_FILE, point_goal

from workcell_sim.world.arm_parameters import joint_names, load_arm_parameters
from workcell_sim.world.spline import Waypoint, fit
from workcell_sim.world.trajectory_executor import PREEMPTED, Mode, Outcome, TrajectoryExecutor
from workcell_sim.world.trajectory_goal import ErrorCode, JointTolerance, TrajectoryGoal, TrajectoryPoint

ARM = load_arm_parameters(ARM_FILE)
JOINTS = joint_names()
HOME = np.zeros(6)
DT = 0.004
COUNT = 5
TICK = DT * COUNT
END = [0.5, -0.4, 0.3, 0.2, -0.1, 0.6]


@pytest.fixture
def executor() -> TrajectoryExecutor:
    return TrajectoryExecutor(ARM, JOINTS, HOME)


def drive(
    executor: TrajectoryExecutor, ticks: int, lag: npt.NDArray[np.float64] | float = 0.0
) -> npt.NDArray[np.float64]:
    """Runs ticks with an arm that is `lag` off the reference; returns all references, shape (ticks * COUNT, 6)."""
    path = []
    for _ in range(ticks):
        samples = executor.advance(DT, COUNT)
        path.append(samples.position_rad)
        executor.check(samples.position_rad[-1] - lag, samples.velocity_rad_s[-1], TICK)
    return np.concatenate(path)


def test_reaches_the_goal_in_its_time(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (1.0, END)), 0.0)
    drive(executor, 49)
    assert executor.take_ended() == []
    drive(executor, 1)
    (end,) = executor.take_ended()
    assert (end.goal_id, end.outcome, end.code, end.text) == (
        "a",
        Outcome.SUCCEEDED,
        ErrorCode.SUCCESSFUL,
        "Goal successfully reached!",
    )
    np.testing.assert_allclose(executor.state.hold_rad, END, atol=1e-12)
    assert not executor.is_moving


def test_speed_scaling_stretches_time_without_abort(executor: TrajectoryExecutor) -> None:
    executor.set_scaling(0.5)
    drive(executor, 50)
    executor.start("a", point_goal(JOINTS, (1.0, END)), 0.0)
    drive(executor, 99)
    assert executor.take_ended() == []
    drive(executor, 2)
    assert executor.take_ended()[0].outcome is Outcome.SUCCEEDED


def test_scaling_to_zero_pauses_and_goes_on(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (1.0, END)), 0.0)
    drive(executor, 20)
    executor.set_scaling(0.0)
    drive(executor, 60)
    held = executor.state.hold_rad.copy()
    drive(executor, 100)
    np.testing.assert_array_equal(executor.state.hold_rad, held)
    executor.set_scaling(1.0)
    drive(executor, 100)
    assert executor.take_ended()[0].outcome is Outcome.SUCCEEDED


def test_preempted_goal_is_aborted_and_the_path_stays_smooth(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (1.0, END)), 0.0)
    before = drive(executor, 25)
    executor.start("b", point_goal(JOINTS, (1.0, [0.0] * 6)), 0.0)
    after = drive(executor, 60)
    first, second = executor.take_ended()
    assert (first.goal_id, first.outcome, first.code, first.text) == (
        "a",
        Outcome.ABORTED,
        ErrorCode.INVALID_GOAL,
        PREEMPTED,
    )
    assert (second.goal_id, second.outcome) == ("b", Outcome.SUCCEEDED)
    velocity = np.diff(np.concatenate([before, after]), axis=0) / DT
    assert np.abs(np.diff(velocity, axis=0)).max() / DT < 12.0


def test_cancel_brakes_within_the_acceleration_limits(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (0.6, END)), 0.0)
    path = [drive(executor, 15)]
    assert executor.cancel("a")
    assert executor.take_ended()[0].outcome is Outcome.CANCELED
    path.append(drive(executor, 50))
    assert executor.state.mode is Mode.HOLDING
    acceleration = np.diff(np.concatenate(path), n=2, axis=0) / DT**2
    # The path's own acceleration at that point adds to the brake's.
    assert (np.abs(acceleration).max(axis=0) < 1.6 * ARM.acceleration_max_rad_s2).all()
    stop = executor.state.hold_rad
    assert (np.abs(stop) < np.abs(END)).all()


def test_cancel_of_another_goal_does_nothing(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (0.6, END)), 0.0)
    assert not executor.cancel("b")
    assert executor.state.mode is Mode.EXECUTING


def test_path_tolerance_violation_aborts(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (1.0, END)), 0.0)
    drive(executor, 5, lag=0.3)
    (end,) = executor.take_ended()
    assert (end.outcome, end.code) == (Outcome.ABORTED, ErrorCode.PATH_TOLERANCE_VIOLATED)


def test_goal_tolerance_waits_then_aborts(executor: TrajectoryExecutor) -> None:
    executor.start("a", point_goal(JOINTS, (1.0, END)), 0.0)
    drive(executor, 140, lag=0.05)
    assert executor.take_ended() == []
    drive(executor, 2, lag=0.05)
    assert executor.take_ended() == []
    drive(executor, 2, lag=0.0)
    assert executor.take_ended()[0].outcome is Outcome.SUCCEEDED
    executor.start("b", point_goal(JOINTS, (1.0, HOME.tolist())), 0.0)
    drive(executor, 155, lag=0.05)
    (end,) = executor.take_ended()
    assert end.code is ErrorCode.GOAL_TOLERANCE_VIOLATED
    assert "goal_time_tolerance exceeding by" in end.text


def test_goal_sets_and_lifts_tolerances(executor: TrajectoryExecutor) -> None:
    goal = point_goal(JOINTS, (1.0, END))
    lifted = [JointTolerance(name, position_rad=-1.0) for name in JOINTS]
    loose = TrajectoryGoal(goal.joint_names, goal.points, path_tolerance=lifted, goal_tolerance=lifted)
    executor.start("a", loose, 0.0)
    drive(executor, 51, lag=0.5)
    assert executor.take_ended()[0].outcome is Outcome.SUCCEEDED
    tight = TrajectoryGoal(
        goal.joint_names, point_goal(JOINTS, (1.0, HOME.tolist())).points, [JointTolerance(JOINTS[2], 0.001)]
    )
    executor.start("b", tight, 0.0)
    drive(executor, 3, lag=np.array([0, 0, 0.002, 0, 0, 0]))
    assert executor.take_ended()[0].code is ErrorCode.PATH_TOLERANCE_VIOLATED


def test_joints_may_come_in_any_order(executor: TrajectoryExecutor) -> None:
    goal = point_goal(JOINTS[::-1], (1.0, END[::-1]))
    assert executor.refusal(goal, 0.0) is None
    executor.start("a", goal, 0.0)
    drive(executor, 55)
    np.testing.assert_allclose(executor.state.hold_rad, END, atol=1e-12)


def test_start_time_in_the_future_stretches_the_first_motion(executor: TrajectoryExecutor) -> None:
    goal = TrajectoryGoal(JOINTS, point_goal(JOINTS, (1.0, END)).points, start_s=11.0)
    executor.start("a", goal, 10.0)
    drive(executor, 99)
    assert executor.take_ended() == []
    drive(executor, 2)
    assert executor.take_ended()[0].outcome is Outcome.SUCCEEDED


def _goal(**changes: object) -> TrajectoryGoal:
    zero = [0.0] * 6
    base: dict[str, object] = {"time_s": 1.0, "positions": END, "velocities": zero, "accelerations": zero}
    return TrajectoryGoal(JOINTS, [TrajectoryPoint(**{**base, **changes})])  # type: ignore[arg-type]


TWO_LATE = [TrajectoryPoint(1.0, END), TrajectoryPoint(1.0, END)]


@pytest.mark.parametrize(
    ("goal", "code", "reason"),
    [
        (TrajectoryGoal(JOINTS[:5], []), ErrorCode.INVALID_JOINTS, "don't match the controller joints"),
        (TrajectoryGoal(JOINTS, []), ErrorCode.INVALID_GOAL, "Empty trajectory"),
        (TrajectoryGoal(("x", *JOINTS[1:]), TWO_LATE), ErrorCode.INVALID_JOINTS, "Incoming joint x"),
        (TrajectoryGoal((JOINTS[0], *JOINTS[:5]), TWO_LATE), ErrorCode.INVALID_JOINTS, "twice"),
        (_goal(velocities=[0.1] * 6), ErrorCode.INVALID_GOAL, "Velocity of last trajectory point"),
        (TrajectoryGoal(JOINTS, TWO_LATE), ErrorCode.INVALID_GOAL, "not strictly increasing"),
        (_goal(positions=END[:5]), ErrorCode.INVALID_GOAL, "positions (5) at point #0"),
        (_goal(accelerations=[0.0]), ErrorCode.INVALID_GOAL, "accelerations (1)"),
        (_goal(effort=[0.0] * 6), ErrorCode.INVALID_GOAL, "effort"),
        (_goal(positions=[float("nan")] * 6), ErrorCode.INVALID_GOAL, "not finite"),
        (_goal(positions=[0, 0, 3.5, 0, 0, 0]), ErrorCode.INVALID_GOAL, "elbow_joint at point #0 is outside"),
        (_goal(time_s=-1.0), ErrorCode.INVALID_GOAL, "negative"),
        (TrajectoryGoal(JOINTS, TWO_LATE[:1], start_s=3.0), ErrorCode.OLD_HEADER_TIMESTAMP, "ends in the past"),
        (
            TrajectoryGoal(JOINTS, TWO_LATE[:1], goal_tolerance=[JointTolerance("x")]),
            ErrorCode.INVALID_JOINTS,
            "'x' specified in goal tolerances does not exist",
        ),
    ],
)
def test_malformed_goal_is_refused(
    executor: TrajectoryExecutor, goal: TrajectoryGoal, code: ErrorCode, reason: str
) -> None:
    refusal = executor.refusal(goal, now_s=10.0)
    assert refusal is not None
    assert refusal.code is code
    assert reason in refusal.reason


def test_feedback_tells_point_and_error(executor: TrajectoryExecutor) -> None:
    assert executor.feedback(HOME, HOME) is None
    executor.start("a", point_goal(JOINTS, (0.5, HOME.tolist()), (1.0, END)), 0.0)
    drive(executor, 30)
    feedback = executor.feedback(HOME, HOME)
    assert feedback is not None
    assert (feedback.goal_id, feedback.index) == ("a", 1)
    np.testing.assert_array_equal(feedback.desired_rad, executor.state.hold_rad)


VALUES = st.lists(st.floats(-2, 2), min_size=2, max_size=2)


@given(VALUES, VALUES, VALUES, VALUES, VALUES, VALUES, st.floats(0.1, 5))
@settings(max_examples=50)
def test_quintic_meets_both_ends(p0, v0, a0, p1, v1, a1, duration) -> None:  # type: ignore[no-untyped-def]
    start = Waypoint(0.0, *(np.array(v) for v in (p0, v0, a0)))
    end = Waypoint(duration, *(np.array(v) for v in (p1, v1, a1)))
    samples = fit([start, end]).sample(np.array([0.0, duration]))
    for got, (first, last) in zip(samples, ((p0, p1), (v0, v1), (a0, a1)), strict=True):
        np.testing.assert_allclose(got, [first, last], atol=1e-6 * max(1.0, 1.0 / duration**2))


def test_degree_follows_the_fields_given() -> None:
    zero, one = np.zeros(1), np.ones(1)
    linear = fit([Waypoint(0.0, zero, zero, zero), Waypoint(1.0, one)]).sample(np.array([0.25]))
    cubic = fit([Waypoint(0.0, zero, zero, zero), Waypoint(1.0, one, zero)]).sample(np.array([0.25]))
    quintic = fit([Waypoint(0.0, zero, zero, zero), Waypoint(1.0, one, zero, zero)]).sample(np.array([0.25]))
    assert linear.position_rad[0, 0] == pytest.approx(0.25)
    assert cubic.position_rad[0, 0] == pytest.approx(3 * 0.25**2 - 2 * 0.25**3)
    assert quintic.position_rad[0, 0] == pytest.approx(10 * 0.25**3 - 15 * 0.25**4 + 6 * 0.25**5)


def test_a_sample_does_not_depend_on_those_it_is_taken_with() -> None:
    rng = np.random.default_rng(4)
    points = [Waypoint(0.1 * i, rng.normal(size=6), rng.normal(size=6), rng.normal(size=6)) for i in range(6)]
    spline = fit(points)
    times = np.linspace(-0.05, 0.55, 61)
    together = spline.sample(times)
    for i, time in enumerate(times):
        for whole, single in zip(together, spline.sample(np.array([time])), strict=True):
            np.testing.assert_array_equal(whole[i], single[0])


def test_samples_across_segments_and_outside() -> None:
    spline = fit([Waypoint(0.0, np.zeros(1)), Waypoint(1.0, np.ones(1)), Waypoint(2.0, np.full(1, 4.0))])
    samples = spline.sample(np.array([-1.0, 0.5, 1.0, 1.5, 3.0]))
    np.testing.assert_allclose(samples.position_rad[:, 0], [0.0, 0.5, 1.0, 2.5, 4.0])
    np.testing.assert_allclose(samples.velocity_rad_s[:, 0], [0.0, 1.0, 3.0, 3.0, 0.0])
