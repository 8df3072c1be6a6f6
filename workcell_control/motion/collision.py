"""Collision checks of an arm, its gripper and a held part against the station and itself, over whole ways.

Shapes are those of the robot description: whatever the arm does not move is the station. A way is cut into short
intervals. Between its ends a point of the arm leaves the chord by no more than its acceleration allows, so that the
distances at both ends bound the distance in between. Bounds come first from one sphere around each shape, then from
spheres that cover it, for all intervals at once; what they leave open is measured by Coal and halved until decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import coal
import numpy as np
import pinocchio as pin

from workcell_control.motion.apart import stay_apart
from workcell_control.motion.arrays import BoolArray, FloatArray, IndexArray
from workcell_control.motion.chain import ChainFrames
from workcell_control.motion.clearance import Body, PairSet
from workcell_control.motion.covers import box_cover, sphere_cover
from workcell_control.motion.kinematics import Arm, KinematicsError
from workcell_control.motion.sweep import Sweep, sweep_polyline, sweep_trajectory
from workcell_control.motion.trajectory import JointTrajectory

TRAVEL_CLEARANCE_M = 0.01
"""Distance kept from everything on a free move."""
CONTACT_CLEARANCE_M = 0.002
"""Distance kept on a straight approach or retreat, where the tool is meant to come near."""
_PROVEN_CLEARANCE_M = 1.5 * TRAVEL_CLEARANCE_M
"""What pairs that are not checked any more have to keep: more than any check asks for."""
_PART = "held_part"
_UNDECIDED_M = 1e-3
"""An interval inside which distances vary by less than this is not halved any more."""


@dataclass(frozen=True)
class HeldPart:
    """A flat part on the tool: size along x, y, z of the tool frame in [m], from the tool's origin outwards."""

    size_m: tuple[float, float, float]


@dataclass(frozen=True)
class BoxObstacle:
    """A box that stands in the station besides what the description holds, upright, turned about z."""

    name: str
    size_m: tuple[float, float, float]
    centre_m: tuple[float, float, float]
    yaw_rad: float = 0.0


@dataclass(frozen=True)
class Collision:
    """The first contact found along a path."""

    first: str
    second: str
    sample: int
    """Index of the path's row at or before the contact."""

    def __str__(self) -> str:
        """What comes too near to what."""
        return f"{self.first} comes too near to {self.second} at sample {self.sample}"


class CollisionScene:
    """Checks configurations of `arm` against its own description's station, and itself.

    Pairs that are next to each other in the chain, or that overlap at `reference` (shapes enclose the
    castings generously), are left out; never one with an obstacle. An instance holds scratch memory: use it from one
    thread.
    """

    def __init__(
        self,
        arm: Arm,
        urdf_xml: str,
        reference: FloatArray,
        part: HeldPart | None = None,
        obstacles: Sequence[BoxObstacle] = (),
    ) -> None:
        self._arm = arm
        geometry = _reduced_geometry(arm, urdf_xml)
        self.key = hash((urdf_xml, part, tuple(obstacles)))
        """Differs between scenes; what a plan is remembered under."""
        self._bodies = [_body_of(item) for item in geometry.geometryObjects]
        self._bodies += [_obstacle_body(obstacle) for obstacle in obstacles]
        if part is not None:
            self._bodies.append(_part_body(arm, part))
        self._exact = _ExactDistances()
        self._model_data = arm.model.createData()
        links_m = arm.chain.links_m
        self._levers = np.array([body.levers(links_m) for body in self._bodies])
        frames = arm.chain.frames(np.asarray(reference, dtype=np.float64)[None])
        candidates = _meeting_pairs(arm, self._bodies)
        added = {obstacle.name for obstacle in obstacles}
        self._pairs = [
            pair
            for pair in candidates
            if added & {self._bodies[i].name for i in pair} or self._distance(frames, 0, *pair) > 0.0
        ]
        doubtful = [pair for pair in self._pairs if not self._stay_apart(*pair)]
        self._bare = PairSet(self._bodies, [pair for pair in doubtful if not self._has_part(pair)], links_m)
        self._with_part = PairSet(self._bodies, doubtful, links_m)

    @property
    def pair_count(self) -> int:
        """Number of pairs of shapes that are kept apart with a part on the tool."""
        return len(self._pairs)

    @property
    def pair_names(self) -> list[tuple[str, str]]:
        """Names of the shapes of each pair that is kept apart with a part on the tool."""
        return [(self._bodies[a].name, self._bodies[b].name) for a, b in self._pairs]

    @property
    def joint_weights(self) -> FloatArray:
        """How much of the arm a joint moves: its longest lever relative to the first one's, shape (n,)."""
        lever = self._levers.max(axis=0)
        return np.asarray(np.maximum(lever / lever[0], 0.1))

    def still_boxes(self) -> list[tuple[FloatArray, FloatArray, FloatArray]]:
        """What stands still, for drawing: rotation (3, 3), centre (3,) and half lengths (3,) of each box around it."""
        return [(b.box.rotation, b.box.centre, b.box.half) for b in self._bodies if b.joint == 0]

    def outlines(self, position: FloatArray, *, held: bool) -> list[tuple[str, FloatArray]]:
        """What moves, for drawing: name, and the corners of its box at k configurations, (k, 8, 3), x fastest."""
        frames = self._arm.chain.frames(position)
        signs = np.array([[x, y, z] for z in (-1.0, 1.0) for y in (-1.0, 1.0) for x in (-1.0, 1.0)])
        moving = [b for b in self._bodies if b.joint and (held or b.name != _PART)]
        corners = [body.box.centre + (signs * body.box.half) @ body.box.rotation.T for body in moving]
        placed = [
            np.einsum("ijm,kj->mki", frames.rotation[body.joint - 1], points) + frames.origin[body.joint - 1].T[:, None]
            for body, points in zip(moving, corners, strict=True)
        ]
        return [(body.name, points) for body, points in zip(moving, placed, strict=True)]

    def check(self, position: FloatArray, *, held: bool, near_contact: bool = False) -> Collision | None:
        """The first collision along straight ways in joint space through configurations, shape (k, n), or None.

        Args:
            position: Configurations in order.
            held: Whether the part is on the tool.
            near_contact: For a straight approach or retreat: the clearance is smaller, and the part may touch what it
                is near to at either end of the way.
        """
        return self._check(sweep_polyline(np.asarray(position, dtype=np.float64)), held, near_contact)

    def check_trajectory(
        self, trajectory: JointTrajectory, *, held: bool, near_contact: bool = False
    ) -> Collision | None:
        """The first collision along a trajectory, or None; see `check`."""
        return self._check(sweep_trajectory(trajectory), held, near_contact)

    def check_legs(
        self, trajectory: JointTrajectory, corners: Sequence[int], near_contact: Sequence[bool], *, held: bool
    ) -> Collision | None:
        """The first collision along a trajectory of several legs, or None; see `check`.

        Args:
            trajectory: What to check.
            corners: Samples at which a leg ends and the next begins.
            near_contact: Of each leg, as for `check`; one more than corners.
            held: Whether the part is on the tool.
        """
        sweep = sweep_trajectory(trajectory)
        leg = np.searchsorted(np.asarray(corners), sweep.sample[:-1], side="right")
        leg_after = np.searchsorted(np.asarray(corners), sweep.sample[1:], side="left")
        is_near = np.asarray(near_contact)
        # An interval across a corner is held to the stricter of both legs.
        return self._first(sweep, held, is_near[leg] & is_near[np.maximum(leg, leg_after)])

    def free_each(self, frames: ChainFrames, *, held: bool = False, near_contact: bool = False) -> BoolArray:
        """Which of k configurations, given by their frames, are free, shape (k,); ways between them do not matter."""
        clearance = CONTACT_CLEARANCE_M if near_contact else TRAVEL_CLEARANCE_M
        count = frames.origin.shape[-1]
        free = np.ones(count, dtype=bool)
        pairs = self._with_part if held else self._bare
        for pair, rows in pairs.doubtful(frames, None, np.full(count, clearance)):
            for row in rows[free[rows]].tolist():
                free[row] = self._distance(frames, row, *pair) >= clearance
        return free

    def distance(self, position: FloatArray, *, held: bool) -> float:
        """Smallest distance of any pair at one configuration, [m]; negative or zero in a collision."""
        frames = self._arm.chain.frames(position[None])
        pairs = (pair for pair in self._pairs if held or not self._has_part(pair))
        return min((self._distance(frames, 0, *pair) for pair in pairs), default=np.inf)

    def is_free(self, position: FloatArray, *, held: bool, spare_m: float = 0.0) -> bool:
        """Whether the straight ways in joint space through configurations (k, n) are free: `check` without a where.

        `spare_m` is kept besides the clearance of a free move.
        """
        sweep = sweep_polyline(position)
        return next(self._hits(sweep, held, np.zeros(sweep.count, dtype=bool), spare_m), None) is None

    def _check(self, sweep: Sweep, held: bool, near_contact: bool) -> Collision | None:
        return self._first(sweep, held, np.full(sweep.count, near_contact))

    def _first(self, sweep: Sweep, held: bool, near_contact: BoolArray) -> Collision | None:
        return min(self._hits(sweep, held, near_contact), key=lambda hit: hit.sample, default=None)

    def _hits(self, sweep: Sweep, held: bool, near_contact: BoolArray, spare_m: float = 0.0) -> Iterator[Collision]:
        """The first contact of each pair that comes too near; `near_contact` is told of each interval."""
        clearance = np.where(near_contact, CONTACT_CLEARANCE_M, TRAVEL_CLEARANCE_M) + spare_m
        pairs = self._with_part if held else self._bare
        frames = self._arm.chain.frames(sweep.position)
        for pair, doubtful in pairs.doubtful(frames, sweep, clearance):
            distance_at = self._measuring(frames, pair)
            is_laid = (
                held and near_contact[doubtful].any() and self._is_laid(pair, distance_at, len(sweep.position) - 1)
            )
            intervals = doubtful[~near_contact[doubtful]] if is_laid else doubtful
            hit = self._measured(sweep, pair, distance_at, intervals, clearance)
            if hit is not None:
                yield hit

    def _measuring(self, frames: ChainFrames, pair: tuple[int, int]) -> Callable[[int], float]:
        """The distance of a pair at each configuration, measured once."""
        return cache(lambda index: self._distance(frames, index, *pair))

    def _is_laid(self, pair: tuple[int, int], distance_at: Callable[[int], float], last: int) -> bool:
        """Whether the pair is the part and what it is taken from or laid on."""
        return self._has_part(pair) and any(distance_at(end) < TRAVEL_CLEARANCE_M for end in (0, last))

    def _measured(
        self,
        sweep: Sweep,
        pair: tuple[int, int],
        distance_at: Callable[[int], float],
        intervals: IndexArray,
        clearances: FloatArray,
    ) -> Collision | None:
        """The first of some intervals in which a pair really comes nearer than the clearance."""
        for interval in intervals.tolist():
            clearance = float(clearances[interval])
            if len(sweep.rate) == 0:
                is_hit = distance_at(interval) < clearance
            else:
                ends = (0.0, distance_at(interval)), (1.0, distance_at(interval + 1))
                is_hit = self._comes_near(sweep, interval, pair, clearance, *ends)
            if is_hit:
                names = (self._bodies[pair[0]].name, self._bodies[pair[1]].name)
                return Collision(names[0], names[1], int(sweep.sample[interval]))
        return None

    def _comes_near(
        self,
        sweep: Sweep,
        index: int,
        pair: tuple[int, int],
        clearance: float,
        begin: tuple[float, float],
        end: tuple[float, float],
    ) -> bool:
        """Conservative advancement by halves: what can the distance be between two measured ones?

        Args:
            sweep: The way.
            index: Of the interval.
            pair: Shapes.
            clearance: To keep.
            begin: Share of the interval, and the distance there.
            end: The same at a later share.
        """
        if min(begin[1], end[1]) < clearance:
            return True
        motion = self._motion(sweep.rate[index], pair) * (end[0] - begin[0])
        if 0.5 * (begin[1] + end[1] - motion) >= clearance:
            return False
        if motion < _UNDECIDED_M:
            return True
        share = 0.5 * (begin[0] + end[0])
        middle = (share, self._distance_at(sweep.within(index, share), *pair))
        return self._comes_near(sweep, index, pair, clearance, begin, middle) or self._comes_near(
            sweep, index, pair, clearance, middle, end
        )

    def _motion(self, travel: FloatArray, pair: tuple[int, int]) -> float:
        """How far two shapes can move against each other while the joints travel."""
        near, far = sorted(pair, key=lambda index: self._bodies[index].joint)
        between = slice(self._bodies[near].joint, self._bodies[far].joint)
        return float(self._levers[far, between] @ travel[between])

    def _distance(self, frames: ChainFrames, index: int, first: int, second: int) -> float:
        a, b = self._bodies[first], self._bodies[second]
        return self._exact.between(a, _placed(a, frames, index), b, _placed(b, frames, index))

    def _distance_at(self, position: FloatArray, first: int, second: int) -> float:
        """The distance at one configuration, by Pinocchio: for one, less work than by the chain in numpy."""
        pin.forwardKinematics(self._arm.model, self._model_data, position)
        a, b = self._bodies[first], self._bodies[second]
        return self._exact.between(a, self._placed_now(a), b, self._placed_now(b))

    def _placed_now(self, body: Body) -> coal.Transform3s:
        placement = self._model_data.oMi[body.joint]
        rotation = placement.rotation
        return coal.Transform3s(rotation @ body.rotation, rotation @ body.translation + placement.translation)

    def _stay_apart(self, first: int, second: int) -> bool:
        def at(position: FloatArray) -> float:
            return self._distance_at(position, first, second)

        return stay_apart(self._arm, self._bodies[first], self._bodies[second], at, _PROVEN_CLEARANCE_M)

    def _has_part(self, pair: tuple[int, int]) -> bool:
        return _PART in (self._bodies[pair[0]].name, self._bodies[pair[1]].name)


class _ExactDistances:
    """Distances by Coal, its solver's memory kept between calls."""

    def __init__(self) -> None:
        self._request = coal.DistanceRequest()
        self._request.enable_signed_distance = False
        self._result = coal.DistanceResult()

    def between(self, first: Body, at_first: coal.Transform3s, second: Body, at_second: coal.Transform3s) -> float:
        self._result.clear()
        return float(coal.distance(first.shape, at_first, second.shape, at_second, self._request, self._result))


def _placed(body: Body, frames: ChainFrames, index: int) -> coal.Transform3s:
    if body.joint == 0:
        return coal.Transform3s(body.rotation, body.translation)
    rotation = frames.rotation[body.joint - 1, :, :, index]
    return coal.Transform3s(
        rotation @ body.rotation, rotation @ body.translation + frames.origin[body.joint - 1, :, index]
    )


def _meeting_pairs(arm: Arm, bodies: Sequence[Body]) -> list[tuple[int, int]]:
    """Pairs of shapes that move against each other and are no neighbours in the chain."""
    parents = arm.model.parents
    return [
        (i, j)
        for i in range(len(bodies))
        for j in range(i + 1, len(bodies))
        if bodies[i].joint != bodies[j].joint
        and parents[bodies[i].joint] != bodies[j].joint
        and parents[bodies[j].joint] != bodies[i].joint
    ]


def _body_of(item: pin.GeometryObject) -> Body:
    rotation, translation = item.placement.rotation.copy(), item.placement.translation.copy()
    shape = item.geometry
    return Body(
        item.name,
        int(item.parentJoint),
        shape,
        rotation,
        translation,
        sphere_cover(shape, rotation, translation),
        box_cover(shape, rotation, translation),
    )


def _obstacle_body(obstacle: BoxObstacle) -> Body:
    placement = pin.SE3(pin.utils.rotate("z", obstacle.yaw_rad), np.array(obstacle.centre_m))
    return _body_of(pin.GeometryObject(obstacle.name, 0, placement, coal.Box(*obstacle.size_m)))


def _part_body(arm: Arm, part: HeldPart) -> Body:
    frame = arm.model.frames[arm.model.getFrameId(arm.tool_frame)]
    placement = frame.placement * pin.SE3(np.eye(3), np.array([0.0, 0.0, part.size_m[2] / 2.0]))
    return _body_of(pin.GeometryObject(_PART, frame.parentJoint, placement, coal.Box(*part.size_m)))


def _reduced_geometry(arm: Arm, urdf_xml: str) -> pin.GeometryModel:
    try:
        geometry = pin.buildGeomFromUrdfString(arm.full_model, urdf_xml, pin.GeometryType.COLLISION)
    except (ValueError, RuntimeError) as error:
        raise KinematicsError(f"collision shapes of the robot description: {error}") from error
    locked = [i for i in range(1, arm.full_model.njoints) if arm.full_model.names[i] not in arm.joint_names]
    _, reduced = pin.buildReducedModel(arm.full_model, geometry, locked, pin.neutral(arm.full_model))
    return reduced
