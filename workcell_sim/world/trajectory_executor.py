"""Executes joint trajectories as joint_trajectory_controller does, with speed scaling and braking on the path.

Trajectory time runs at the speed factor, so a slower arm takes longer over the same path and no goal is aborted
for it. Every stop (cancel, abort, protective stop) brakes along the path within the joints' acceleration limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

from workcell_sim.world.arm_parameters import JOINT_COUNT, ArmParameters
from workcell_sim.world.spline import Samples, Spline, Waypoint, fit
from workcell_sim.world.trajectory_goal import (
    ErrorCode,
    Refusal,
    Tolerances,
    TrajectoryGoal,
    refusal_of,
    tolerances_of,
    waypoints_of,
)

FloatArray = npt.NDArray[np.float64]

BRAKE_RATE_MIN_PER_S = 2.0
BRAKE_RATE_MAX_PER_S = 20.0
# The speed factor follows a changed setting at this rate, gentler than a brake.
SCALING_RATE_PER_S = 2.0
# Below this factor a path taken over from a moving arm starts at the velocity of this one.
START_SCALING_MIN = 0.05
# The references of this many ticks are worked out at once.
AHEAD_TICKS = 10
PREEMPTED = "Current goal preempted by new incoming action."
DEACTIVATED = "Current goal cancelled during deactivate transition."


class Outcome(Enum):
    """How a goal ended."""

    SUCCEEDED = "succeeded"
    ABORTED = "aborted"
    CANCELED = "canceled"


class Mode(Enum):
    """What the executor does with its path."""

    HOLDING = "holding"
    EXECUTING = "executing"
    BRAKING = "braking"


@dataclass(frozen=True)
class GoalEnd:
    """The end of a goal, once per goal."""

    goal_id: str
    outcome: Outcome
    code: ErrorCode
    text: str


@dataclass(frozen=True)
class Feedback:
    """Feedback of the active goal; arrays have shape (joints,)."""

    goal_id: str
    index: int
    time_s: float
    desired_rad: FloatArray
    desired_rad_s: FloatArray
    actual_rad: FloatArray
    actual_rad_s: FloatArray


@dataclass
class ExecutorState:
    """All that changes; arrays have shape (joints,) but for the spline's."""

    hold_rad: FloatArray
    mode: Mode = Mode.HOLDING
    goal_id: str = ""
    trajectory_time_s: float = 0.0
    time_past_end_s: float = 0.0
    path_speed: float = 0.0
    scaling: float = 1.0
    scaling_target: float = 1.0
    velocity_rad_s: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    acceleration_rad_s2: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    knots_s: FloatArray = field(default_factory=lambda: np.zeros(0))
    coefficients: FloatArray = field(default_factory=lambda: np.zeros((0, 6, JOINT_COUNT)))
    point_times_s: FloatArray = field(default_factory=lambda: np.zeros(0))
    tolerances: Tolerances | None = None
    limits_path_speed: bool = False


@dataclass
class Ahead:
    """References of the ticks to come on a path at full speed; those before `index` have passed.

    Attributes:
        samples: of all ticks one after the other, shape (ticks * count, 6).
        ends_s: trajectory time at the end of each tick.
    """

    samples: Samples
    ends_s: list[float]
    count: int
    index: int = 0

    def of_tick(self, tick: int) -> Samples:
        """The references of one tick, shape (count, 6)."""
        rows = slice(tick * self.count, (tick + 1) * self.count)
        return Samples(*(values[rows] for values in self.samples))


def default_tolerances() -> Tolerances:
    """As the controller is set up for this arm: 0.2 rad on the path, 0.01 rad and 0.02 rad/s at the goal in 2 s."""
    return Tolerances(
        path_rad=np.full(JOINT_COUNT, 0.2),
        path_rad_s=np.full(JOINT_COUNT, np.inf),
        goal_rad=np.full(JOINT_COUNT, 0.01),
        goal_rad_s=np.full(JOINT_COUNT, 0.02),
        goal_time_s=2.0,
    )


class TrajectoryExecutor:
    """Turns goals into references, one call of `advance` and `check` per tick.

    Args:
        arm: limits; braking respects the accelerations.
        joints: names in the arm's order.
        home_rad: where the arm holds at first, shape (6,).
        defaults: tolerances of goals that set none.
    """

    def __init__(
        self, arm: ArmParameters, joints: Sequence[str], home_rad: FloatArray, defaults: Tolerances | None = None
    ) -> None:
        self._arm = arm
        self._joints = tuple(joints)
        self._defaults = default_tolerances() if defaults is None else defaults
        self._ended: list[GoalEnd] = []
        self.state = ExecutorState(hold_rad=np.array(home_rad, dtype=np.float64))
        self._spline: Spline | None = None
        self._ahead: Ahead | None = None

    @property
    def ahead(self) -> Ahead | None:
        """What follows unless something comes between: the tick that `advance` returned last comes before `index`."""
        return self._ahead

    @property
    def is_moving(self) -> bool:
        """Whether the reference is on a path, braking included."""
        return self.state.mode is not Mode.HOLDING

    @property
    def scaling(self) -> float:
        """The speed factor now, 0..1."""
        return self.state.scaling

    def refusal(self, goal: TrajectoryGoal, now_s: float) -> Refusal | None:
        """Why a goal would not be accepted; None if it would."""
        return refusal_of(goal, self._joints, now_s) or self._limit_refusal(goal)

    def start(self, goal_id: str, goal: TrajectoryGoal, now_s: float) -> None:
        """Begins a goal that `refusal` let pass, from the present reference; an active goal is preempted.

        A goal with a start time is joined where it should be now: within its points where they have begun, else
        its first motion stretches until its first point.
        """
        self._end(Outcome.ABORTED, ErrorCode.INVALID_GOAL, PREEMPTED)
        state = self.state
        points = waypoints_of(goal, self._joints)
        begin_s = now_s - goal.start_s if goal.start_s != 0.0 else 0.0
        here = Waypoint(begin_s, state.hold_rad, *self._motion_in_trajectory_time())
        path = points if points[0].time_s <= begin_s else [here, *points]
        if len(path) == 1:
            path = [path[0], Waypoint(path[0].time_s + 1e-9, path[0].position_rad)]
        self._set_spline(fit(path))
        state.point_times_s = np.array([point.time_s for point in points])
        state.tolerances = tolerances_of(goal, self._joints, self._defaults)
        state.limits_path_speed = bool(np.isfinite(state.tolerances.path_rad_s).any())
        state.goal_id = goal_id
        state.mode = Mode.EXECUTING
        state.trajectory_time_s = begin_s
        state.time_past_end_s = 0.0
        state.path_speed = 1.0

    def cancel(self, goal_id: str) -> bool:
        """Cancels a goal: brakes, then holds. False if it is not the active one."""
        if goal_id != self.state.goal_id or not goal_id:
            return False
        self._end(Outcome.CANCELED, ErrorCode.SUCCESSFUL, "")
        self.brake()
        return True

    def abort(self, code: ErrorCode, text: str) -> None:
        """Aborts the active goal, if any, and brakes."""
        self._end(Outcome.ABORTED, code, text)
        self.brake()

    def brake(self) -> None:
        """Brakes along the path to a stop."""
        if self.state.mode is Mode.EXECUTING:
            self.state.mode = Mode.BRAKING

    def clamp(self, actual_rad: FloatArray) -> None:
        """Clamps the arm where it is, for one that was pushed off its path: the joint brakes engage."""
        self._hold()
        self.state.hold_rad = np.array(actual_rad)

    def forget_goal(self) -> None:
        """Drops the active goal without an end, for one whose client is gone, and brakes."""
        self.state.goal_id = ""
        self.brake()

    def set_scaling(self, factor: float) -> None:
        """Sets the speed factor, clipped to 0..1; the present one follows at a limited rate."""
        self.state.scaling_target = min(max(factor, 0.0), 1.0)

    def take_ended(self) -> list[GoalEnd]:
        """Goals that ended since the last call."""
        ended, self._ended = self._ended, []
        return ended

    def advance(self, dt_s: float, count: int) -> Samples:
        """Moves on by `count` steps of `dt_s`; returns the references at the end of each, shape (count, 6)."""
        state = self.state
        if state.mode is Mode.HOLDING or self._spline is None:
            self._ahead = None
            self._follow_scaling(dt_s * count)
            return _resting(state.hold_rad, count)
        if state.mode is Mode.EXECUTING and state.scaling == state.scaling_target == state.path_speed == 1.0:
            ahead = self._ahead
            if ahead is None or ahead.index == len(ahead.ends_s) or ahead.count != count:
                ahead = self._ahead = self._look_ahead(self._spline, dt_s, count)
            samples, end_s = ahead.of_tick(ahead.index), ahead.ends_s[ahead.index]
            ahead.index += 1
            self._store(samples, end_s, 1.0)
            return samples
        self._ahead = None
        rate_start = self._rate()
        slope = self._slope(dt_s * count)
        rates = np.maximum(rate_start + slope * dt_s * _STEPS[:count], 0.0)
        times = state.trajectory_time_s + dt_s * np.add.accumulate(rates)
        samples = _scaled(self._spline.sample(times), rates, slope)
        self._store(samples, float(times[-1]), float(rates[-1]))
        return samples

    def check(self, actual_rad: FloatArray, actual_rad_s: FloatArray, dt_s: float) -> None:
        """Compares the arm with the reference after a tick and ends the goal if it is reached or lost."""
        state = self.state
        limits = state.tolerances
        if state.mode is not Mode.EXECUTING or limits is None or self._spline is None:
            return
        error = np.abs(state.hold_rad - actual_rad)
        speed_error = np.abs(state.velocity_rad_s - actual_rad_s)
        if state.trajectory_time_s < self._spline.end_s:
            too_fast = state.limits_path_speed and _exceeds(speed_error, limits.path_rad_s)
            if too_fast or _exceeds(error, limits.path_rad):
                self.abort(ErrorCode.PATH_TOLERANCE_VIOLATED, "Aborted due to path tolerance violation")
            return
        if not (_exceeds(error, limits.goal_rad) or _exceeds(speed_error, limits.goal_rad_s)):
            self._end(Outcome.SUCCEEDED, ErrorCode.SUCCESSFUL, "Goal successfully reached!")
            self._hold()
            return
        state.time_past_end_s += dt_s
        if state.time_past_end_s > limits.goal_time_s:
            text = f"Aborted due to goal_time_tolerance exceeding by {state.time_past_end_s:f} seconds"
            self._end(Outcome.ABORTED, ErrorCode.GOAL_TOLERANCE_VIOLATED, text)
            self._hold()

    def feedback(self, actual_rad: FloatArray, actual_rad_s: FloatArray) -> Feedback | None:
        """Feedback of the active goal, None without one."""
        state = self.state
        if not state.goal_id:
            return None
        index = int(np.searchsorted(state.point_times_s, state.trajectory_time_s, side="right"))
        return Feedback(
            goal_id=state.goal_id,
            index=min(index, len(state.point_times_s) - 1),
            time_s=state.trajectory_time_s,
            desired_rad=state.hold_rad,
            desired_rad_s=state.velocity_rad_s,
            actual_rad=actual_rad,
            actual_rad_s=actual_rad_s,
        )

    def restore(self, state: ExecutorState) -> None:
        """Takes over a state, as read from a snapshot."""
        self.state = state
        self._spline = Spline(state.knots_s, state.coefficients) if state.knots_s.size else None
        self._ahead = None
        self._ended = []

    def _motion_in_trajectory_time(self) -> tuple[FloatArray, FloatArray]:
        """Velocity and acceleration of the reference at the speed factor 1, at which a trajectory is meant."""
        state = self.state
        if state.mode is Mode.EXECUTING and self._spline is not None:
            path = self._spline.sample(np.array([state.trajectory_time_s]))
            return path.velocity_rad_s[0], path.acceleration_rad_s2[0]
        return state.velocity_rad_s / max(state.scaling, START_SCALING_MIN), np.zeros(JOINT_COUNT)

    def _look_ahead(self, spline: Spline, dt_s: float, count: int) -> Ahead:
        starts_s: list[float] = []
        time_s = self.state.trajectory_time_s
        while len(starts_s) < AHEAD_TICKS and (not starts_s or time_s < spline.end_s):
            starts_s.append(time_s)
            time_s += dt_s * count
        steps_s = np.array(starts_s)[:, None] + dt_s * _STEPS[:count]
        return Ahead(spline.sample(steps_s.ravel()), steps_s[:, -1].tolist(), count)

    def _limit_refusal(self, goal: TrajectoryGoal) -> Refusal | None:
        position_rad = np.array([point.position_rad for point in waypoints_of(goal, self._joints)])
        low_rad, high_rad = self._arm.position_min_rad, self._arm.position_max_rad
        outside = np.argwhere((position_rad < low_rad) | (position_rad > high_rad))
        if not len(outside):
            return None
        index, joint = outside[0]
        reason = (
            f"Position {position_rad[index, joint]:.4f} of {self._joints[joint]} at point #{index} is outside "
            f"{low_rad[joint]:.4f}..{high_rad[joint]:.4f}"
        )
        return Refusal(ErrorCode.INVALID_GOAL, reason)

    def _rate(self) -> float:
        """Trajectory seconds per second."""
        return self.state.path_speed * self.state.scaling

    def _slope(self, tick_s: float) -> float:
        """Change of the rate in [1/s] over a tick; updates `path_speed` and `scaling` to the tick's end."""
        state = self.state
        before = self._rate()
        self._follow_scaling(tick_s)
        if state.mode is Mode.BRAKING:
            state.path_speed = max(state.path_speed - self._brake_rate() * tick_s, 0.0)
        return (self._rate() - before) / tick_s

    def _follow_scaling(self, tick_s: float) -> None:
        state = self.state
        step = SCALING_RATE_PER_S * tick_s
        state.scaling += min(max(state.scaling_target - state.scaling, -step), step)

    def _brake_rate(self) -> float:
        """How fast the rate may fall: until the first joint meets its acceleration limit."""
        if self._spline is None:
            return BRAKE_RATE_MIN_PER_S
        path = self._spline.sample(np.array([self.state.trajectory_time_s]))
        velocity = np.maximum(np.abs(path.velocity_rad_s[0]), 1e-6)
        # What braking adds has the velocity's sign reversed; the path's own acceleration may help or be in the way.
        own = -np.sign(path.velocity_rad_s[0]) * path.acceleration_rad_s2[0] * self._rate() ** 2
        limit = float(np.min((self._arm.acceleration_max_rad_s2 - np.maximum(own, 0.0)) / velocity))
        return min(max(limit, BRAKE_RATE_MIN_PER_S), BRAKE_RATE_MAX_PER_S)

    def _store(self, samples: Samples, time_s: float, rate: float) -> None:
        state = self.state
        state.trajectory_time_s = time_s
        state.hold_rad = samples.position_rad[-1]
        state.velocity_rad_s = samples.velocity_rad_s[-1]
        state.acceleration_rad_s2 = samples.acceleration_rad_s2[-1]
        past_end = self._spline is not None and time_s >= self._spline.end_s
        if state.mode is Mode.BRAKING and (rate <= 0.0 or past_end):
            self._hold()

    def _hold(self) -> None:
        state = self.state
        state.mode = Mode.HOLDING
        state.velocity_rad_s = np.zeros(JOINT_COUNT)
        state.acceleration_rad_s2 = np.zeros(JOINT_COUNT)
        state.path_speed = 0.0
        self._spline = self._ahead = None
        state.knots_s = np.zeros(0)
        state.coefficients = np.zeros((0, 6, JOINT_COUNT))

    def _set_spline(self, spline: Spline) -> None:
        self._spline, self._ahead = spline, None
        self.state.knots_s, self.state.coefficients = spline.knots_s, spline.coefficients

    def _end(self, outcome: Outcome, code: ErrorCode, text: str) -> None:
        if self.state.goal_id:
            self._ended.append(GoalEnd(self.state.goal_id, outcome, code, text))
            self.state.goal_id = ""


_STEPS = np.arange(1.0, 1001.0)


def _resting(position_rad: FloatArray, count: int) -> Samples:
    still = np.zeros((count, JOINT_COUNT))
    return Samples(np.broadcast_to(position_rad, (count, JOINT_COUNT)), still, still)


def _exceeds(error: FloatArray, limit: FloatArray) -> bool:
    return bool((error - limit).max() > 0.0)


def _scaled(path: Samples, rates: FloatArray, slope: float) -> Samples:
    """Chain rule: v = s v_path, a = s^2 a_path + ds/dt v_path."""
    s = rates[:, None]
    return Samples(
        path.position_rad,
        s * path.velocity_rad_s,
        s * s * path.acceleration_rad_s2 + slope * path.velocity_rad_s,
    )
