"""Plans moves: free, straight, through waypoints, around obstacles; checked, within every bound, remembered."""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np

from workcell_control.motion.arrays import FloatArray, evenly
from workcell_control.motion.collision import Collision, CollisionScene
from workcell_control.motion.dynamics import ArmDynamics, Payload
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.limits import ACCELERATION_QUANTUM_M_S2, MotionScales, acceleration_steps
from workcell_control.motion.passage import (
    PASSAGE_PERIOD_S,
    MotionBounds,
    move_along,
    tool_acceleration_peak,
    torque_excess,
)
from workcell_control.motion.path import JointPath, Leg, blended, curve_leg, straight_leg
from workcell_control.motion.roadmap import way_around
from workcell_control.motion.straight import ToolLine, line_move, tool_line
from workcell_control.motion.thinning import thinned
from workcell_control.motion.trajectory import JointState, JointTrajectory, TrajectoryError, joint_move, standing

MoveKind = Literal["free", "straight"]

CACHE_SIZE_MAX = 512
_START_QUANTUM_RAD = 1e-4
"""Plans of starts that agree to this are shared; far inside a controller's start tolerance."""
_SEARCHES = 3
"""How often a way around something is looked for with other random numbers."""
_SPARES_M = (2e-3, 0.0)
_SAME_RAD = 1e-6
_BRANCH_APART_RAD = 1e-3
_BLEND_SHARES = (1.0, 0.5, 0.25)
"""Shares of the wanted blends to try where the full ones come too near to something."""
_QUICK_PERIOD_S = 0.01
_FINE_S = 0.01
_AT_BOUND = 0.9
"""Share of the tool's bound from which on it is taken to have set the pace."""
_DILATION_CHEAP = 1.03
"""A free move slowed down evenly by less than this is not worth another one's planning."""


class PlanningError(TrajectoryError):
    """No plan is free of collisions or within bounds; the text says what is in the way."""


@dataclass(frozen=True)
class Waypoint:
    """A configuration on the way to the goal."""

    position: FloatArray
    kind: MoveKind = "free"
    """How to come here: by the joints' fastest way or on the tool's straight line."""
    blend_m: float = 0.0
    """How far before and behind it, as way of the tool, the corner may be rounded; 0 stops here."""


@dataclass(frozen=True)
class MoveRequest:
    """One move from rest to a configuration, by the joints' fastest way or the tool's straight one."""

    start: FloatArray
    goal: FloatArray
    kind: MoveKind = "free"
    via: tuple[Waypoint, ...] = ()
    """Waypoints before the goal, in order."""
    scales: MotionScales = field(default_factory=MotionScales)
    held: bool = False
    """Whether the part is on the tool: it is then part of the collision check."""
    acceleration_max_m_s2: float = math.inf
    """Bound of the tool's acceleration, such as the grip allows."""
    speed_max_m_s: float = math.inf
    """Bound of the tool's speed on straight ways."""


@dataclass(frozen=True)
class Plan:
    """A move that may be sent."""

    trajectory: JointTrajectory
    request: MoveRequest
    """What it was made for, its scales quantised down."""
    via_count: int
    """Waypoints put in to get around an obstacle."""
    passed_s: tuple[float, ...]
    """When each waypoint of the request is passed."""
    is_dilated: bool
    """Whether a leg was slowed down evenly."""
    arm: Arm
    """What it was made with."""

    @property
    def scales(self) -> MotionScales:
        """What was used, after quantising down."""
        return self.request.scales

    @cached_property
    def tool_acceleration_max_m_s2(self) -> float:
        """Largest acceleration of the tool's origin along the move."""
        return tool_acceleration_peak(self.arm, self.trajectory)

    @property
    def is_slowed(self) -> bool:
        """Whether the bound of the tool's acceleration made the move slower."""
        bound = self.request.acceleration_max_m_s2
        return self.is_dilated or self.tool_acceleration_max_m_s2 > _AT_BOUND * bound


@dataclass(frozen=True)
class _Stretch:
    """Legs passed without stopping in between: corners (k + 1 configurations), kinds and blends at inner corners."""

    corners: tuple[FloatArray, ...]
    kinds: tuple[MoveKind, ...]
    blends_m: tuple[float, ...]


@dataclass(frozen=True)
class _Part:
    """A planned stretch."""

    trajectory: JointTrajectory
    passed_s: tuple[float, ...]
    is_slowed: bool = False
    via_count: int = 0


class MotionPlanner:
    """Plans moves of one arm in one scene and remembers them.

    A cell repeats few moves: starts, goals, scales and bounds are quantised and plans kept, the least
    recently used ones given up beyond `CACHE_SIZE_MAX`.

    Args:
        arm: The arm.
        scene: What it must not touch.
        payload: What the tool carries while a part is held.
        is_retimed: See `MotionBounds`; worth it where plans are repeated.
    """

    def __init__(
        self, arm: Arm, scene: CollisionScene, *, payload: Payload | None = None, is_retimed: bool = False
    ) -> None:
        self.arm = arm
        self.scene = scene
        self.hits = 0
        self.misses = 0
        self._is_retimed = is_retimed
        bare = ArmDynamics(arm)
        self._dynamics = {False: bare, True: bare if payload is None else ArmDynamics(arm, payload)}
        self._cache: OrderedDict[tuple[object, ...], Plan] = OrderedDict()
        self._lines: dict[tuple[bytes, bytes], ToolLine | None] = {}

    def plan(self, request: MoveRequest) -> Plan:
        """The plan for `request`, from memory where one like it was asked before.

        Scales are rounded down to `SCALE_QUANTUM` and the acceleration bound to `ACCELERATION_QUANTUM_M_S2`.

        Raises:
            PlanningError: every way tried collides.
            TrajectoryError: the goal is out of the arm's bounds.
        """
        request = _quantised(request)
        key = (self.scene.key, *_key(request))
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

    def torques(self, trajectory: JointTrajectory, *, held: bool) -> tuple[FloatArray, FloatArray]:
        """Torques at each sample, [N m], shapes (k, n): those of standing there, and those that come with moving."""
        dynamics, zero = self._dynamics[held], np.zeros_like(trajectory.position)
        still = dynamics.torques(trajectory.position, zero, zero)
        moving = dynamics.torques(trajectory.position, trajectory.velocity, trajectory.acceleration)
        return still, moving - still

    def _plan_fresh(self, request: MoveRequest) -> Plan:
        bounds = MotionBounds(
            self.arm.limits.scaled(request.scales),
            request.acceleration_max_m_s2,
            self._dynamics[request.held],
            self._is_retimed,
        )
        parts = [self._stretch(stretch, request, bounds) for stretch in _stretches(request)]
        trajectory, passed = parts[0].trajectory, list(parts[0].passed_s)
        for part in parts[1:]:
            passed.append(trajectory.duration_s)
            passed += [trajectory.duration_s + time_s for time_s in part.passed_s]
            trajectory = trajectory.then(part.trajectory)
        via_count, is_dilated = sum(part.via_count for part in parts), any(part.is_slowed for part in parts)
        return Plan(trajectory, request, via_count, tuple(passed), is_dilated, self.arm)

    def _stretch(self, stretch: _Stretch, request: MoveRequest, bounds: MotionBounds) -> _Part:
        if len(stretch.kinds) > 1:
            rounded = self._rounded(stretch, request, bounds)
            if rounded is not None:
                return rounded
        parts = [
            self._straight(a, b, request, bounds) if kind == "straight" else self._free(a, b, request, bounds)
            for (a, b), kind in zip(itertools.pairwise(stretch.corners), stretch.kinds, strict=True)
        ]
        trajectory, passed = parts[0].trajectory, []
        for part in parts[1:]:
            passed.append(trajectory.duration_s)
            trajectory = trajectory.then(part.trajectory)
        is_slowed, via_count = any(part.is_slowed for part in parts), sum(part.via_count for part in parts)
        return _Part(trajectory, tuple(passed), is_slowed, via_count)

    # Several legs without a stop.

    def _rounded(self, stretch: _Stretch, request: MoveRequest, bounds: MotionBounds) -> _Part | None:
        """The legs with their corners rounded, as far as nothing is in the way; None where something is."""
        legs = [
            self._leg(a, b, kind, request)
            for (a, b), kind in zip(itertools.pairwise(stretch.corners), stretch.kinds, strict=True)
        ]
        if any(leg is None for leg, _ in legs):
            return None
        smooth = [leg for leg, _ in legs if leg is not None]
        # The tool's way becomes the joints' on the leg where the tool is led straight, else on the next one.
        ratios = [ratio for _, ratio in legs]
        for share in _BLEND_SHARES:
            reaches = [
                share * blend_m * max(ratio for ratio in pair)
                for blend_m, pair in zip(stretch.blends_m, itertools.pairwise(ratios), strict=True)
            ]
            trajectory = self._along(blended(smooth, reaches), bounds)
            rows = _rows_passing(trajectory, stretch.corners[1:-1])
            is_near = [kind == "straight" for kind in stretch.kinds]
            if self.scene.check_legs(trajectory, rows, is_near, held=request.held) is None:
                passed_s = tuple(trajectory.time_s[rows].tolist())
                return _Part(self._sent(trajectory, bounds), passed_s)
        return None

    def _leg(
        self, start: FloatArray, goal: FloatArray, kind: MoveKind, request: MoveRequest
    ) -> tuple[Leg | None, float]:
        """A leg, None where it has no length, and its joints' way per way of the tool, [rad/m]."""
        if float(np.abs(goal - start).max()) < _SAME_RAD:
            return None, 0.0
        if kind == "free":
            return straight_leg(start, goal), 0.0
        line = self._line(start, goal)
        if line is None:
            return None, 0.0
        leg = curve_leg(line.position, line.length_m, request.speed_max_m_s)
        return leg, leg.length / line.length_m

    def _along(self, path: JointPath, bounds: MotionBounds) -> JointTrajectory:
        period_s = PASSAGE_PERIOD_S if bounds.is_retimed else _QUICK_PERIOD_S
        return move_along(self.arm, path, bounds, period_s=period_s)

    def _sent(self, trajectory: JointTrajectory, bounds: MotionBounds) -> JointTrajectory:
        """As it is to be sent: what is planned quickly has few samples as it is."""
        return thinned(trajectory, bounds.limits) if bounds.is_retimed else trajectory

    # One leg from rest to rest.

    def _straight(self, start: FloatArray, goal: FloatArray, request: MoveRequest, bounds: MotionBounds) -> _Part:
        line = self._line(start, goal)
        if line is None:
            return _Part(standing(start), ())
        trajectory = line_move(
            line,
            bounds.limits,
            speed_max_m_s=request.speed_max_m_s,
            acceleration_max_m_s2=request.acceleration_max_m_s2,
        )
        hit = self.scene.check_trajectory(trajectory, held=request.held, near_contact=True)
        if hit is not None:
            raise PlanningError(f"straight move: {hit}")
        return _Part(trajectory, ())

    def _line(self, start: FloatArray, goal: FloatArray) -> ToolLine | None:
        """The tool's line between two configurations; a cell goes along most of its lines both ways."""
        key = (start.tobytes(), goal.tobytes())
        if key not in self._lines:
            line = tool_line(self.arm, start, self.arm.fk(goal), goal)
            if line is not None and float(np.abs(line.position[-1] - goal).max()) > _BRANCH_APART_RAD:
                raise PlanningError("straight move: the line ends on another branch of the arm than its goal")
            if len(self._lines) >= CACHE_SIZE_MAX:
                self._lines.clear()
            if line is not None:
                # Followed step by step it ends nearly, but not to the last digit, where it should.
                line = ToolLine(np.concatenate([line.position[:-1], goal[None]]), line.length_m)
            self._lines[key] = line
            self._lines[key[::-1]] = None if line is None else line.reversed()
        return self._lines[key]

    def _free(self, start: FloatArray, goal: FloatArray, request: MoveRequest, bounds: MotionBounds) -> _Part:
        direct = joint_move(JointState.at_rest(start), goal, bounds.limits)
        if direct.duration_s == 0.0:
            return _Part(standing(start), ())
        first_hit = self.scene.check_trajectory(direct, held=request.held)
        if first_hit is None:
            return self._within_bounds(direct, start, goal, request, bounds)
        return self._around(start, goal, request, bounds, first_hit)

    def _within_bounds(
        self, direct: JointTrajectory, start: FloatArray, goal: FloatArray, request: MoveRequest, bounds: MotionBounds
    ) -> _Part:
        """A free move slowed down to the bounds of tool and torques: evenly, or where it is faster only as needed."""
        slowed = self._dilated(direct, bounds)
        is_strong = torque_excess(slowed.trajectory, bounds.dynamics) <= 1.0
        if is_strong and slowed.trajectory.duration_s <= direct.duration_s * _DILATION_CHEAP:
            return slowed
        timed = self._along(blended([straight_leg(start, goal)], []), bounds)
        is_better = not is_strong or timed.duration_s < slowed.trajectory.duration_s
        if is_better and self.scene.check_trajectory(timed, held=request.held) is None:
            return _Part(self._sent(timed, bounds), (), is_slowed=True)
        if not is_strong:
            raise PlanningError("free move: the joints' torque limits cannot be kept")
        return slowed

    def _dilated(self, trajectory: JointTrajectory, bounds: MotionBounds) -> _Part:
        """Slowed down evenly until the tool's acceleration keeps its bound."""
        if not math.isfinite(bounds.tool_acceleration_max_m_s2):
            return _Part(trajectory, ())
        # Between samples the quintics are followed, so that the peak is looked for there too.
        fine = evenly(trajectory.duration_s, math.ceil(trajectory.duration_s / _FINE_S) + 1)
        motion = self.arm.tool_motion(*trajectory.states_at(fine)[:3])
        peak = float(np.sqrt(np.square(motion.acceleration).sum(axis=1).max()))
        if peak <= bounds.tool_acceleration_max_m_s2:
            return _Part(trajectory, ())
        return _Part(trajectory.dilated(math.sqrt(peak / bounds.tool_acceleration_max_m_s2)), (), is_slowed=True)

    # Around obstacles.

    def _around(
        self, start: FloatArray, goal: FloatArray, request: MoveRequest, bounds: MotionBounds, first_hit: Collision
    ) -> _Part:
        """A free way around what is in the way.

        Looked for with some space to spare first, since a move rounds corners and is measured between its samples; then
        without, for ends that have none; then elsewhere.
        """
        for name, end in (("start", start), ("goal", goal)):
            hit = self.scene.check(end[None], held=request.held)
            if hit is not None:
                raise PlanningError(f"free move: at its {name} {hit.first} comes too near to {hit.second}")
        is_found = False
        for seed, spare_m in itertools.product(range(_SEARCHES), _SPARES_M):
            corners = self._corners_around(start, goal, request, seed, spare_m)
            if corners is not None:
                is_found = True
                part = self._cornered(corners, request, bounds)
                if part is not None:
                    return part
        why = "the ways found around it are too tight" if is_found else "no way around it was found"
        raise PlanningError(f"free move: {first_hit}, and {why}")

    def _corners_around(
        self, start: FloatArray, goal: FloatArray, request: MoveRequest, seed: int, spare_m: float
    ) -> FloatArray | None:
        def is_free(rows: FloatArray) -> bool:
            return self.scene.is_free(rows, held=request.held, spare_m=spare_m)

        if is_free(np.stack([start, goal])):
            return np.stack([start, goal])
        if not is_free(start[None]) or not is_free(goal[None]):
            return None
        limits = self.arm.limits
        return way_around(start, goal, limits.lower, limits.upper, self.scene.joint_weights, is_free, seed)

    def _cornered(self, corners: FloatArray, request: MoveRequest, bounds: MotionBounds) -> _Part | None:
        """A free way through corners, rounded as far as obstacles allow; it may stop at them at worst."""
        legs = [straight_leg(a, b) for a, b in itertools.pairwise(corners)]
        for share in (*_BLEND_SHARES, 0.1, 0.03):
            reaches = [share * min(a.length, b.length) for a, b in itertools.pairwise(legs)]
            trajectory = self._along(blended(legs, reaches), bounds)
            if self.scene.check_trajectory(trajectory, held=request.held) is None:
                return _Part(self._sent(trajectory, bounds), (), via_count=len(corners) - 2)
        trajectory = standing(corners[0])
        for leg in legs:
            trajectory = trajectory.then(self._sent(self._along(blended([leg], []), bounds), bounds))
        if self.scene.check_trajectory(trajectory, held=request.held) is not None:
            return None
        return _Part(trajectory, (), via_count=len(corners) - 2)


def _stretches(request: MoveRequest) -> list[_Stretch]:
    """The request cut where it stops."""
    corners: list[FloatArray] = [request.start]
    kinds: list[MoveKind] = []
    blends: list[float] = []
    stretches: list[_Stretch] = []
    for waypoint in (*request.via, Waypoint(request.goal, request.kind)):
        corners.append(waypoint.position)
        kinds.append(waypoint.kind)
        if waypoint.blend_m > 0.0:
            blends.append(waypoint.blend_m)
            continue
        stretches.append(_Stretch(tuple(corners), tuple(kinds), tuple(blends)))
        corners, kinds, blends = [waypoint.position], [], []
    return stretches


def _rows_passing(trajectory: JointTrajectory, corners: Sequence[FloatArray]) -> list[int]:
    """Index of the sample next to each corner, in order."""
    rows: list[int] = []
    after = 0
    for corner in corners:
        apart = np.square(trajectory.position[after:] - corner).sum(axis=1)
        after += int(apart.argmin())
        rows.append(after)
    return rows


def _quantised(request: MoveRequest) -> MoveRequest:
    bound = request.acceleration_max_m_s2
    if math.isfinite(bound):
        bound = acceleration_steps(bound) * ACCELERATION_QUANTUM_M_S2
    scales = request.scales.quantised()
    if scales == request.scales and bound == request.acceleration_max_m_s2:
        return request
    return replace(request, scales=scales, acceleration_max_m_s2=bound)


def _key(request: MoveRequest) -> tuple[object, ...]:
    positions = np.concatenate([request.start, request.goal, *(waypoint.position for waypoint in request.via)])
    via = tuple((waypoint.kind, waypoint.blend_m) for waypoint in request.via)
    bounds = (request.acceleration_max_m_s2, request.speed_max_m_s)
    rounded = np.rint(positions * (1.0 / _START_QUANTUM_RAD)).astype(np.int64).tobytes()
    return (rounded, via, request.kind, request.scales, request.held, *bounds)
