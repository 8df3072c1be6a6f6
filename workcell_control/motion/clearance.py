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


class PairSet:
    """Pairs of shapes, prepared so that all are bounded together.

    Args:
        bodies: All shapes.
        pairs: Indices of those that must not come near to each other.
        lever: For each joint, no point that it moves is further from its axis, shape (n,).
    """

    def __init__(self, bodies: Sequence[Body], pairs: Sequence[tuple[int, int]], lever: FloatArray) -> None:
        self.pairs = list(pairs)
        ordered = [(i, j) if bodies[i].joint <= bodies[j].joint else (j, i) for i, j in self.pairs]
        still = [index for index, (low, _) in enumerate(ordered) if bodies[low].joint == 0]
        moving = [index for index, (low, _) in enumerate(ordered) if bodies[low].joint]
        self._still = _StillPairs(bodies, still, [ordered[i] for i in still])
        self._moving = _MovingPairs(bodies, moving, [ordered[i] for i in moving], lever)
        self._lever = lever

    def doubtful(
        self, frames: ChainFrames, sweep: Sweep | None, clearance: FloatArray
    ) -> list[tuple[tuple[int, int], IndexArray]]:
        """Pairs with the intervals in which spheres cannot exclude that they come too near.

        Without a sweep the configurations are looked at one by one, not the ways between them. The clearance is that
        of each interval.
        """
        is_way = sweep is not None and len(sweep.rate) > 0
        slack = chord_slack(sweep, self._lever) if sweep is not None and is_way else None
        found = self._still.doubtful(frames, slack, clearance)
        found += self._moving.doubtful(frames, sweep if is_way else None, clearance)
        return [(self.pairs[index], intervals) for index, intervals in found]


Doubts = list[tuple[int, IndexArray]]


class _StillPairs:
    """Shapes of the arm beside boxes of the station."""

    def __init__(self, bodies: Sequence[Body], indices: Sequence[int], pairs: Sequence[tuple[int, int]]) -> None:
        self._indices = indices
        arm_side = [bodies[high] for _, high in pairs]
        self._joints = np.array([body.joint for body in arm_side], dtype=np.intp) - 1
        # Many pairs have the same shape of the arm: its hull is placed once for all of them.
        moving = sorted({high for _, high in pairs})
        self._hulls = _Spheres([bodies[high].cover.hull for high in moving])
        self._hull_joints = np.array([bodies[high].joint for high in moving], dtype=np.intp) - 1
        self._hull_of = np.array([moving.index(high) for _, high in pairs], dtype=np.intp)
        self._reach = self._hulls.radii[self._hull_of, None]
        self._spheres = _Covers([body.cover for body in arm_side])
        self._boxes = _Boxes([bodies[low].box for low, _ in pairs])

    def doubtful(self, frames: ChainFrames, slack: FloatArray | None, clearance: FloatArray) -> Doubts:
        if not len(self._indices):
            return []
        points = _placed(frames, self._hull_joints, self._hulls.centres)[self._hull_of]
        low = _interval_low(self._boxes.distances(points), points, slack) - self._reach
        near = (low < clearance).any(axis=1).nonzero()[0]
        if not len(near):
            return []
        owner, spheres = self._spheres.of(near)
        points = _placed(frames, self._joints[owner], self._spheres.centres[spheres])
        low = _interval_low(self._boxes.distances(points, owner), points, slack) - self._spheres.radii[spheres, None]
        return _by_owner(low < clearance, owner, near, self._indices)


class _MovingPairs:
    """Shapes of the arm beside each other, seen from the one nearer to the base: only joints in between matter."""

    def __init__(
        self, bodies: Sequence[Body], indices: Sequence[int], pairs: Sequence[tuple[int, int]], lever: FloatArray
    ) -> None:
        self._indices = indices
        near, far = [bodies[low] for low, _ in pairs], [bodies[high] for _, high in pairs]
        self._near_joints = np.array([body.joint for body in near], dtype=np.intp) - 1
        self._far_joints = np.array([body.joint for body in far], dtype=np.intp) - 1
        self._near_hulls, self._far_hulls = (_Spheres([body.cover.hull for body in side]) for side in (near, far))
        self._spheres = _Covers([body.cover for body in far])
        # Of each pair, its nearer side's spheres, filled up with spheres of no size so that all have as many.
        most = max((len(body.cover.radii) for body in near), default=0)
        self._near_centres = np.zeros((len(near), most, 3))
        self._near_radii = np.full((len(near), most), -np.inf)
        for index, body in enumerate(near):
            self._near_centres[index, : len(body.cover.radii)] = body.cover.centres
            self._near_radii[index, : len(body.cover.radii)] = body.cover.radii
        joints = np.arange(len(lever))
        self._between = (joints > self._near_joints[:, None]) & (joints <= self._far_joints[:, None])
        self._lever = lever

    def doubtful(self, frames: ChainFrames, sweep: Sweep | None, clearance: FloatArray) -> Doubts:
        if not len(self._indices):
            return []
        slack = None if sweep is None else self._slack(sweep)
        points = self._seen(frames, np.arange(len(self._indices)), self._far_hulls.centres)
        apart = _norms(points - self._near_hulls.centres[:, :, None])
        reach = (self._near_hulls.radii + self._far_hulls.radii)[:, None]
        near = np.flatnonzero((_interval_low(apart, points, slack) - reach < clearance).any(axis=1))
        if not len(near):
            return []
        owner, spheres = self._spheres.of(near)
        points = self._seen(frames, owner, self._spheres.centres[spheres])
        offsets = points[:, None] - self._near_centres[owner][..., None]
        apart = np.sqrt(np.einsum("kcim,kcim->kcm", offsets, offsets)) - self._near_radii[owner][..., None]
        low = _interval_low(apart.min(axis=1), points, None if slack is None else slack[owner])
        return _by_owner(low - self._spheres.radii[spheres, None] < clearance, owner, near, self._indices)

    def _seen(self, frames: ChainFrames, rows: IndexArray, points: FloatArray) -> FloatArray:
        """Points (k, 3) of pairs' further sides in the frames of their nearer ones, (k, 3, m)."""
        here = self._near_joints[rows]
        shift = _placed(frames, self._far_joints[rows], points) - frames.origin[here]
        return np.asarray(np.einsum("kijm,kim->kjm", frames.rotation[here], shift))

    def _slack(self, sweep: Sweep) -> FloatArray:
        """`chord_slack` of each pair's relative motion, shape (pairs, m - 1)."""
        weights = np.minimum(self._lever[:, None], self._lever[None, :])
        rate = sweep.rate[None] * self._between[:, None]
        turning = np.einsum("kmi,kmi->km", rate @ weights, rate)
        bend = (sweep.bend * self._lever) @ self._between.T
        return np.asarray(0.125 * (turning + bend.T))


class _Spheres:
    """One sphere for each of several shapes."""

    def __init__(self, spheres: Sequence[tuple[FloatArray, float]]) -> None:
        self.centres = np.array([centre for centre, _ in spheres]).reshape(-1, 3)
        self.radii = np.array([radius for _, radius in spheres])


class _Covers:
    """The covers of several shapes one after the other."""

    def __init__(self, covers: Sequence[SphereCover]) -> None:
        self.centres = np.concatenate([np.zeros((0, 3)), *(cover.centres for cover in covers)])
        self.radii = np.concatenate([np.zeros(0), *(cover.radii for cover in covers)])
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
    """Distances of points to boxes that stand still."""

    def __init__(self, boxes: Sequence[BoxCover]) -> None:
        self._rotation = np.array([box.rotation for box in boxes]).reshape(-1, 3, 3)
        self._centre = np.array([box.centre for box in boxes]).reshape(-1, 3, 1)
        self._half = np.array([box.half for box in boxes]).reshape(-1, 3, 1)

    def distances(self, points: FloatArray, rows: IndexArray | slice = slice(None)) -> FloatArray:
        """Of one moving point (k, 3, m) each to boxes, all of them or those of the given rows, shape (k, m)."""
        local = np.einsum("bji,bjm->bim", self._rotation[rows], points - self._centre[rows])
        np.abs(local, out=local)
        local -= self._half[rows]
        np.maximum(local, 0.0, out=local)
        return _norms(local)


def _interval_low(distances: FloatArray, points: FloatArray, slack: FloatArray | None) -> FloatArray:
    """Lower bound of a distance over each interval from those at its ends, (k, m) to (k, m - 1).

    Along the chord of a point the distance changes no faster than the point moves; off the chord by the slack.
    Without slack each configuration is its own interval.
    """
    if slack is None:
        return distances
    low = distances[:, :-1] + distances[:, 1:]
    low -= _norms(points[..., 1:] - points[..., :-1])
    low *= 0.5
    low -= slack
    return low


def chord_slack(sweep: Sweep, lever: FloatArray) -> FloatArray:
    """How far any point of the arm can leave the chord between its places at an interval's ends, shape (m - 1,).

    An eighth of the largest second derivative: that of a point is at most the lever of the joint nearer to the base
    times both joints' rates, summed over all pairs of joints, and the lever times the joint's own acceleration.
    """
    weights = np.minimum(lever[:, None], lever[None, :])
    turning = np.einsum("mi,ij,mj->m", sweep.rate, weights, sweep.rate)
    return np.asarray(0.125 * (turning + sweep.bend @ lever))


def _norms(vectors: FloatArray) -> FloatArray:
    """Lengths of (k, 3, m) along axis 1."""
    return np.asarray(np.sqrt(np.einsum("kim,kim->km", vectors, vectors)))


def _placed(frames: ChainFrames, joints: IndexArray, points: FloatArray) -> FloatArray:
    """Points (k, 3) of joints' frames in the world, (k, 3, m)."""
    turned = np.einsum("kijm,kj->kim", frames.rotation[joints], points)
    turned += frames.origin[joints]
    return np.asarray(turned)
