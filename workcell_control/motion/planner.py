"""Plans the cell's moves: free, straight, around an obstacle; checked, slowed to the grip, cached."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.collision import Collision, CollisionScene
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.straight import straight_move
from workcell_control.motion.trajectory import (
    DEFAULT_PERIOD_S,
    JointState,
    JointTrajectory,
    TrajectoryError,
    joint_move,
    move_through,
)

MoveKind = Literal["free", "straight"]

CACHE_SIZE_MAX = 512
_START_QUANTUM_RAD = 1e-4
"""Plans of starts that agree to this are shared; far inside a controller's start tolerance."""
_ACCELERATION_QUANTUM_M_S2 = 0.25
_VIA_LIFTS_M = (0.1, 0.2, 0.3)
_VIA_SHARES = (0.5, 0.25, 0.75)


class PlanningError(TrajectoryError):
    """No plan is free of collisions or within bounds; the text says what is in the way."""


@dataclass(frozen=True)
class MoveRequest:
    """One move from rest to a configuration, by the joints' fastest way or the tool's straight one."""

    start: FloatArray
    goal: FloatArray
    kind: MoveKind = "free"
    scales: MotionScales = field(default_factory=MotionScales)
    held: bool = False
    """Whether the part is on the tool: it is then part of the collision check."""
    acceleration_max_m_s2: float = math.inf
    """Bound of the tool's acceleration, such as the grip allows."""
    speed_max_m_s: float = math.inf
    """Bound of the tool's speed on a straight move."""


@dataclass(frozen=True)
class Plan:
    """A move that may be sent."""

    trajectory: JointTrajectory
    scales: MotionScales
    """What was used, after quantising down."""
    tool_acceleration_max_m_s2: float
    """Largest acceleration of the tool's origin along the move."""
    is_slowed: bool
    """Whether the bound of the tool's acceleration made the move slower."""
    via_count: int
    """Waypoints put in to get around an obstacle."""


class MotionPlanner:
    """Plans moves of one arm in one scene and remembers them.

    A cell repeats few moves: starts, goals, scales and bounds are quantised and plans kept, the least
    recently used ones given up beyond `CACHE_SIZE_MAX`.
    """

    def __init__(self, arm: Arm, scene: CollisionScene, *, period_s: float = DEFAULT_PERIOD_S) -> None:
        self.arm = arm
        self.scene = scene
        self.period_s = period_s
        self.hits = 0
        self.misses = 0
        self._cache: OrderedDict[tuple[object, ...], Plan] = OrderedDict()

    def plan(self, request: MoveRequest) -> Plan:
        """The plan for `request`, from memory where one like it was asked before.

        Scales are rounded down to `SCALE_QUANTUM` and the acceleration bound to 0.25 m/s^2.

        Raises:
            PlanningError: every way tried collides.
            TrajectoryError: the goal is out of the arm's bounds.
        """
        request = _quantised(request)
        key = _key(request)
        known = self._cache.get(key)
        if known is not None:
            self.hits += 1
            self._cache.move_to_end(key)
            return known
        self.misses += 1
        plan = self._plan_fresh(request)
        self._cache[key] = plan
        if len(self._cache) > CACHE_SIZE_MAX:
            self._cache.popitem(last=False)
        return plan

    def _plan_fresh(self, request: MoveRequest) -> Plan:
        limits = self.arm.limits.scaled(request.scales)
        if request.kind == "straight":
            trajectory, via_count = self._straight(request, limits), 0
        else:
            trajectory, via_count = self._free(request, limits)
        return self._slowed_to_grip(trajectory, request, via_count)

    def _straight(self, request: MoveRequest, limits: JointLimits) -> JointTrajectory:
        trajectory = straight_move(
            self.arm,
            request.start,
            self.arm.fk(request.goal),
            limits,
            speed_max_m_s=request.speed_max_m_s,
            period_s=self.period_s,
        )
        if float(np.abs(trajectory.end.position - request.goal).max()) > 1e-3:
            raise PlanningError("straight move: the line ends on another branch of the arm than its goal")
        hit = self.scene.check(trajectory.position, held=request.held, near_contact=True)
        if hit is not None:
            raise PlanningError(f"straight move: {hit}")
        return trajectory

    def _free(self, request: MoveRequest, limits: JointLimits) -> tuple[JointTrajectory, int]:
        start = JointState.at_rest(request.start)
        direct = joint_move(start, request.goal, limits, period_s=self.period_s)
        first_hit = self._check_free(direct, request)
        if first_hit is None:
            return direct, 0
        for via in self._vias(request):
            around = move_through(start, [via, request.goal], limits, period_s=self.period_s)
            if self._check_free(around, request) is None:
                return around, 1
        raise PlanningError(f"free move: {first_hit}, and no way over it was found")

    def _check_free(self, trajectory: JointTrajectory, request: MoveRequest) -> Collision | None:
        return self.scene.check(trajectory.position, held=request.held)

    def _vias(self, request: MoveRequest) -> Iterator[FloatArray]:
        """Configurations above the middle of the way, higher and higher, then nearer to its ends."""
        low, high = self.arm.fk(request.start), self.arm.fk(request.goal)
        for lift in _VIA_LIFTS_M:
            for share in _VIA_SHARES:
                middle = request.start + share * (request.goal - request.start)
                pose = self.arm.fk(middle)
                pose[:3, :3] = (low if share < 0.5 else high)[:3, :3]
                pose[2, 3] = max(low[2, 3], high[2, 3]) + lift
                near = self.arm.ik(pose, middle)
                if near:
                    yield near[0]

    def _slowed_to_grip(self, trajectory: JointTrajectory, request: MoveRequest, via_count: int) -> Plan:
        motion = self.arm.tool_motion(trajectory.position, trajectory.velocity, trajectory.acceleration)
        peak = float(np.linalg.norm(motion.acceleration, axis=1).max())
        bound = request.acceleration_max_m_s2
        is_slowed = peak > bound
        if is_slowed:
            trajectory = trajectory.dilated(math.sqrt(peak / bound))
            peak = bound
        return Plan(trajectory, request.scales, peak, is_slowed, via_count)


def _quantised(request: MoveRequest) -> MoveRequest:
    bound = request.acceleration_max_m_s2
    if math.isfinite(bound):
        # Never zero: a grip that carries nothing is the sequence's business, not a division by zero.
        bound = max(1, int(bound / _ACCELERATION_QUANTUM_M_S2 + 1e-9)) * _ACCELERATION_QUANTUM_M_S2
    return replace(request, scales=request.scales.quantised(), acceleration_max_m_s2=bound)


def _key(request: MoveRequest) -> tuple[object, ...]:
    start = np.round(request.start / _START_QUANTUM_RAD).astype(np.int64).tobytes()
    goal = np.round(request.goal / _START_QUANTUM_RAD).astype(np.int64).tobytes()
    bounds = (request.acceleration_max_m_s2, request.speed_max_m_s)
    return (start, goal, request.kind, request.scales, request.held, *bounds)
