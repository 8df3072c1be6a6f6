"""Which pairs of shapes may come too near in which intervals of a way: lower bounds of distances, all at once.

A pair is first bounded by one sphere around each shape, then by the spheres that cover it; the station's side by a box.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import coal
import numpy as np

from workcell_control.motion.arrays import BoolArray, FloatArray, IndexArray
from workcell_control.motion.chain import ChainFrames
from workcell_control.motion.covers import BoxCover, SphereCover
from workcell_control.motion.sweep import Sweep


@dataclass(frozen=True)
class Body:
    """One shape: what moves it (0 is the station), where it lies in that frame, and what encloses it."""

    name: str
    joint: int
    shape: coal.CollisionGeometry
    rotation: FloatArray
    translation: FloatArray
    cover: SphereCover
    box: BoxCover

    def levers(self, links_m: FloatArray) -> FloatArray:
        """For each joint that moves the shape, no point of it is further from the joint's axis; see `levers_of`."""
        centre, radius = self.cover.hull
        return levers_of(links_m, self.joint, float(np.linalg.norm(centre)) + radius)


def levers_of(links_m: FloatArray, joint: int, reach_m: float) -> FloatArray:
    """How far from each joint's axis can be what is within a reach of one joint's origin, shape (n,), 0 behind that.

    Args:
        links_m: From each joint's origin to the next and the tool's, shape (n,).
        joint: Number of the joint, from 1; 0 is the station.
        reach_m: Distance from its origin.
    """
    levers = np.zeros(len(links_m))
    for index in range(joint - 1, -1, -1):
        levers[index] = reach_m
        reach_m += float(links_m[index - 1])
    return levers


class PairSet:
    """Pairs of shapes, prepared so that all are bounded together.

    Args:
        bodies: All shapes.
        pairs: Indices of those that must not come near to each other.
        links_m: See `levers_of`.
    """

    def __init__(self, bodies: Sequence[Body], pairs: Sequence[tuple[int, int]], links_m: FloatArray) -> None:
        self.pairs = list(pairs)
        ordered = [(i, j) if bodies[i].joint <= bodies[j].joint else (j, i) for i, j in self.pairs]
        still = [index for index, (low, _) in enumerate(ordered) if bodies[low].joint == 0]
        moving = [index for index, (low, _) in enumerate(ordered) if bodies[low].joint]
        # Many pairs have the same shape of the arm: its hull is placed once for all of them.
        movers = sorted({index for pair in ordered for index in pair if bodies[index].joint})
        hulls = [bodies[index].cover.hull for index in movers]
        self._hulls = _Covers(
            [SphereCover(centre[None], np.array([radius])) for centre, radius in hulls],
            [bodies[index].joint for index in movers],
            links_m,
        )
        self._hull_joints = np.array([bodies[index].joint for index in movers], dtype=np.intp) - 1
        self._still = _StillPairs(bodies, still, [ordered[i] for i in still], movers, links_m)
        self._moving = _MovingPairs(bodies, moving, [ordered[i] for i in moving], movers, links_m)

    def doubtful(
        self, frames: ChainFrames, sweep: Sweep | None, clearance: FloatArray
    ) -> list[tuple[tuple[int, int], IndexArray]]:
        """Pairs with the intervals in which spheres cannot exclude that they come too near.

        Without a sweep the configurations are looked at one by one, not the ways between them. The clearance is that
        of each interval.
        """
        way = sweep if sweep is not None and len(sweep.rate) else None
        hulls = _placed(frames, self._hull_joints, self._hulls.centres)
        motion = None if way is None else _chord_motion(hulls, way, self._hulls.levers)
        found = self._still.doubtful(frames, hulls, motion, way, clearance)
        found += self._moving.doubtful(frames, hulls, way, clearance)
        return [(self.pairs[index], intervals) for index, intervals in found]


Doubts = list[tuple[int, IndexArray]]


class _StillPairs:
    """Shapes of the arm beside boxes of the station."""

    def __init__(
        self,
        bodies: Sequence[Body],
        indices: Sequence[int],
        pairs: Sequence[tuple[int, int]],
        movers: Sequence[int],
        links_m: FloatArray,
    ) -> None:
        self._indices = indices
        arm_side = [bodies[high] for _, high in pairs]
        self._joints = np.array([body.joint for body in arm_side], dtype=np.intp) - 1
        self._hull_radii = np.array([[bodies[index].cover.hull[1]] for index in movers])
        self._spheres = _Covers([body.cover for body in arm_side], [body.joint for body in arm_side], links_m)
        standing = sorted({low for low, _ in pairs})
        self._boxes = _Boxes([bodies[low].box for low in standing])
        self._box_of = np.array([standing.index(low) for low, _ in pairs], dtype=np.intp)
        # All boxes are bounded against all hulls; -1 where the two are no pair.
        self._row_of = np.full((len(standing), len(movers)), -1, dtype=np.intp)
        for row, (low, high) in enumerate(pairs):
            self._row_of[standing.index(low), movers.index(high)] = row

    def doubtful(
        self,
        frames: ChainFrames,
        hulls: FloatArray,
        hull_motion: FloatArray | None,
        sweep: Sweep | None,
        clearance: FloatArray,
    ) -> Doubts:
        if not len(self._indices):
            return []
        places = hulls.transpose(1, 0, 2)
        distances = self._boxes.distances(places.reshape(3, -1)).reshape(-1, *places.shape[1:])
        low = _interval_low(distances, hull_motion) - self._hull_radii
        near = self._row_of[(low < clearance).any(axis=2)]
        near = np.sort(near[near >= 0])
        if not len(near):
            return []
        owner, spheres = self._spheres.of(near)
        points = _placed(frames, self._joints[owner], self._spheres.centres[spheres])
        distances = self._boxes.distances(points, self._box_of[owner])
        motion = None if sweep is None else _chord_motion(points, sweep, self._spheres.levers[spheres])
        low = _interval_low(distances, motion) - self._spheres.radii[spheres, None]
        return _by_owner(low < clearance, owner, near, self._indices)


class _MovingPairs:
    """Shapes of the arm beside each other, seen from the one nearer to the base: only joints in between matter."""

    def __init__(
        self,
        bodies: Sequence[Body],
        indices: Sequence[int],
        pairs: Sequence[tuple[int, int]],
        movers: Sequence[int],
        links_m: FloatArray,
    ) -> None:
        self._indices = indices
        near, far = [bodies[low] for low, _ in pairs], [bodies[high] for _, high in pairs]
        self._near_joints = np.array([body.joint for body in near], dtype=np.intp) - 1
        self._far_joints = np.array([body.joint for body in far], dtype=np.intp) - 1
        self._near_hulls = np.array([movers.index(low) for low, _ in pairs], dtype=np.intp)
        self._far_hulls = np.array([movers.index(high) for _, high in pairs], dtype=np.intp)
        self._reach = np.array([[a.cover.hull[1] + b.cover.hull[1]] for a, b in zip(near, far, strict=True)])
        self._spheres = _Covers([body.cover for body in far], [body.joint for body in far], links_m)
        # Of each pair, its nearer side's spheres, filled up with spheres of no size so that all have as many.
        most = max((len(body.cover.radii) for body in near), default=0)
        self._near_centres = np.zeros((len(near), most, 3))
        self._near_radii = np.full((len(near), most), -np.inf)
        for index, body in enumerate(near):
            self._near_centres[index, : len(body.cover.radii)] = body.cover.centres
            self._near_radii[index, : len(body.cover.radii)] = body.cover.radii
        joints = np.arange(len(links_m))
        self._between = (joints > self._near_joints[:, None]) & (joints <= self._far_joints[:, None])
        self._levers = self._between * np.array([body.levers(links_m) for body in far]).reshape(-1, len(links_m))

    def doubtful(self, frames: ChainFrames, hulls: FloatArray, sweep: Sweep | None, clearance: FloatArray) -> Doubts:
        if not len(self._indices):
            return []
        # The joints between move the shapes against each other by no more than their levers.
        motion = None if sweep is None else 0.5 * (self._levers @ sweep.rate.T)
        apart = _norms(hulls.take(self._far_hulls, axis=0) - hulls.take(self._near_hulls, axis=0))
        low = _interval_low(apart, motion) - self._reach
        near = (low < clearance).any(axis=1).nonzero()[0]
        if not len(near):
            return []
        owner, spheres = self._spheres.of(near)
        points = self._seen(frames, owner, self._spheres.centres[spheres])
        offsets = points[:, None] - self._near_centres[owner][..., None]
        apart = np.sqrt(np.einsum("kcim,kcim->kcm", offsets, offsets)) - self._near_radii[owner][..., None]
        levers = self._between[owner] * self._spheres.levers[spheres]
        low = _interval_low(apart.min(axis=1), None if sweep is None else _chord_motion(points, sweep, levers))
        return _by_owner(low - self._spheres.radii[spheres, None] < clearance, owner, near, self._indices)

    def _seen(self, frames: ChainFrames, rows: IndexArray, points: FloatArray) -> FloatArray:
        """Points (k, 3) of pairs' further sides in the frames of their nearer ones, (k, 3, m)."""
        here = self._near_joints[rows]
        shift = _placed(frames, self._far_joints[rows], points) - frames.origin[here]
        return np.asarray(np.einsum("kijm,kim->kjm", frames.rotation[here], shift))


class _Covers:
    """The covers of several shapes one after the other, with the levers of the spheres' centres."""

    def __init__(self, covers: Sequence[SphereCover], joints: Sequence[int], links_m: FloatArray) -> None:
        self.centres = np.concatenate([np.zeros((0, 3)), *(cover.centres for cover in covers)])
        self.radii = np.concatenate([np.zeros(0), *(cover.radii for cover in covers)])
        levers = [
            levers_of(links_m, joint, float(np.linalg.norm(centre)))
            for cover, joint in zip(covers, joints, strict=True)
            for centre in cover.centres
        ]
        self.levers = np.array(levers).reshape(-1, len(links_m))
        counts = [len(cover.radii) for cover in covers]
        owners = np.repeat(np.arange(len(covers)), counts)
        begins = np.cumsum([0, *counts]).tolist()
        # Of each shape, its spheres' owner and index.
        self._rows = [np.stack([owners[a:b], np.arange(a, b)]) for a, b in itertools.pairwise(begins)]

    def of(self, rows: IndexArray) -> tuple[IndexArray, IndexArray]:
        """Owner and index of each sphere of some of the shapes, in order."""
        owner, spheres = np.concatenate([self._rows[row] for row in rows.tolist()], axis=1)
        return owner, spheres


def _by_owner(is_near: BoolArray, owner: IndexArray, rows: IndexArray, indices: Sequence[int]) -> Doubts:
    """The intervals in which any sphere of a pair is near, of those pairs that have one."""
    begins = np.searchsorted(owner, rows)
    together = np.logical_or.reduceat(is_near, begins, axis=0)
    found = ((indices[row], intervals.nonzero()[0]) for row, intervals in zip(rows.tolist(), together, strict=True))
    return [(index, intervals) for index, intervals in found if len(intervals)]


class _Boxes:
    """Distances of points to boxes, or to the cylinders in them, that stand still."""

    def __init__(self, boxes: Sequence[BoxCover]) -> None:
        self._unturn = np.array([box.rotation.T for box in boxes]).reshape(-1, 3, 3)
        self._centre = self._unturn @ np.array([box.centre for box in boxes]).reshape(-1, 3, 1)
        self._half = np.array([box.half for box in boxes]).reshape(-1, 3, 1)
        self._is_round = np.array([box.is_round for box in boxes], dtype=bool)

    def distances(self, points: FloatArray, rows: IndexArray | slice = slice(None)) -> FloatArray:
        """Of moving points to boxes, all of them or those of the given rows, shape (k, m).

        Args:
            points: Of shape (3, m) to each box, or one (k, 3, m) to each of k.
            rows: Which boxes.
        """
        local = self._unturn[rows] @ points
        local -= self._centre[rows]
        np.abs(local, out=local)
        is_round = self._is_round[rows]
        if is_round.any():
            across = local[is_round, :2]
            local[is_round, 0], local[is_round, 1] = np.hypot(across[:, 0], across[:, 1]), 0.0
        local -= self._half[rows]
        np.maximum(local, 0.0, out=local)
        return _norms(local)


def _interval_low(distances: FloatArray, motion: FloatArray | None) -> FloatArray:
    """Lower bound of a distance over each interval from those at its ends, (..., m) to (..., m - 1).

    Args:
        distances: At the ends.
        motion: Half of how far the two can move against each other in each interval; None where each configuration
            is its own interval.
    """
    if motion is None:
        return distances
    low = distances[..., :-1] + distances[..., 1:]
    low *= 0.5
    low -= motion
    return low


def _chord_motion(points: FloatArray, sweep: Sweep, levers: FloatArray) -> FloatArray:
    """For `_interval_low` of moving points (k, 3, m), shape (k, m - 1).

    Along its chord a point is no faster than evenly; `chord_slack` is how far it can leave it.
    """
    return np.asarray(0.5 * _norms(points[..., 1:] - points[..., :-1]) + chord_slack(sweep, levers))


def chord_slack(sweep: Sweep, levers: FloatArray) -> FloatArray:
    """How far k points can leave the chords between their places at an interval's ends, shape (k, m - 1).

    An eighth of the largest second derivative: that of a point is at most its lever at the joint nearer to it times
    both joints' rates, summed over all pairs of joints, and each lever times the joint's own acceleration.

    Args:
        sweep: What the joints do.
        levers: How far each point can be from each joint's axis, shape (k, n); 0 where the joint does not move it.
    """
    weights = np.minimum(levers[:, :, None], levers[:, None])
    turning = (sweep.rate @ weights * sweep.rate).sum(axis=2)
    return np.asarray(0.125 * (turning + levers @ sweep.bend.T))


def _norms(vectors: FloatArray) -> FloatArray:
    """Lengths of (k, 3, m) along axis 1."""
    return np.asarray(np.sqrt(np.einsum("kim,kim->km", vectors, vectors)))


def _placed(frames: ChainFrames, joints: IndexArray, points: FloatArray) -> FloatArray:
    """Points (k, 3) of joints' frames in the world, (k, 3, m)."""
    placed = np.matmul(points[:, None, None], frames.rotation.take(joints, axis=0))[:, :, 0]
    placed += frames.origin.take(joints, axis=0)
    return np.asarray(placed)
