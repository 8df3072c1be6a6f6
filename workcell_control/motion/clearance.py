"""Which pairs of shapes may come too near in which intervals of a way: lower bounds of distances, all at once.

A pair is first bounded by one sphere around each shape, then by the spheres that cover it; the station's side by a box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import coal
import numpy as np

from workcell_control.motion.arrays import FloatArray, IndexArray
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
    """Pairs of shapes, prepared so that all are bounded together."""

    def __init__(self, bodies: Sequence[Body], pairs: Sequence[tuple[int, int]]) -> None:
        self._bodies = bodies
        self.pairs = list(pairs)
        self._still = [i for i, (a, b) in enumerate(self.pairs) if bodies[a].joint == 0 or bodies[b].joint == 0]
        self._moving = [i for i in range(len(self.pairs)) if i not in set(self._still)]
        hulls = [body.cover.hull for body in bodies]
        self._centres = np.array([hull[0] for hull in hulls])
        self._radii = np.array([hull[1] for hull in hulls])
        self._joints = np.array([body.joint for body in bodies])
        # Of a pair with the station, the arm's side and the station's.
        split = [self._arm_first(self.pairs[i]) for i in self._still]
        self._arm_side = np.array([a for a, _ in split], dtype=np.intp)
        station = [bodies[b].box for _, b in split]
        self._boxes = _Boxes(station)
        self._one = np.array([self.pairs[i][0] for i in self._moving], dtype=np.intp)
        self._other = np.array([self.pairs[i][1] for i in self._moving], dtype=np.intp)

    def _arm_first(self, pair: tuple[int, int]) -> tuple[int, int]:
        return pair if self._bodies[pair[0]].joint else (pair[1], pair[0])

    def doubtful(
        self, frames: ChainFrames, slack: FloatArray | None, clearance: FloatArray
    ) -> list[tuple[tuple[int, int], IndexArray]]:
        """Pairs with the intervals in which spheres cannot exclude that they come too near.

        Without slack the configurations are looked at one by one, not the ways between them. The clearance is that of
        each interval.
        """
        hulls = _placed_points(frames, self._joints, self._centres)
        result: list[tuple[tuple[int, int], IndexArray]] = []
        if self._still:
            points = hulls[self._arm_side]
            low = _interval_low(self._boxes.distances(points), points, slack) - self._radii[self._arm_side, None]
            for row in np.flatnonzero((low < clearance).any(axis=1)):
                intervals = self._near_station(frames, int(row), slack, clearance)
                result.append((self.pairs[self._still[row]], intervals))
        if self._moving:
            apart = hulls[self._one] - hulls[self._other]
            reach = (self._radii[self._one] + self._radii[self._other])[:, None]
            low = _interval_low(_norms(apart), apart, _doubled(slack)) - reach
            for row in np.flatnonzero((low < clearance).any(axis=1)):
                pair = self.pairs[self._moving[row]]
                result.append((pair, self._near_itself(frames, pair, slack, clearance)))
        return [(pair, intervals) for pair, intervals in result if len(intervals)]

    def _near_station(
        self, frames: ChainFrames, row: int, slack: FloatArray | None, clearance: FloatArray
    ) -> IndexArray:
        body = self._bodies[int(self._arm_side[row])]
        points = _cover_points(frames, body)
        low = _interval_low(self._boxes.row_distances(row, points), points, slack) - body.cover.radii[:, None]
        return np.flatnonzero((low < clearance).any(axis=0))

    def _near_itself(
        self, frames: ChainFrames, pair: tuple[int, int], slack: FloatArray | None, clearance: FloatArray
    ) -> IndexArray:
        one, other = self._bodies[pair[0]], self._bodies[pair[1]]
        apart = _cover_points(frames, one)[:, None] - _cover_points(frames, other)[None]
        apart = apart.reshape(-1, 3, apart.shape[-1])
        reach = (one.cover.radii[:, None] + other.cover.radii[None]).ravel()[:, None]
        low = _interval_low(_norms(apart), apart, _doubled(slack)) - reach
        return np.flatnonzero((low < clearance).any(axis=0))


class _Boxes:
    """Distances of points to boxes that stand still."""

    def __init__(self, boxes: Sequence[BoxCover]) -> None:
        self._rotation = np.array([box.rotation for box in boxes]).reshape(-1, 3, 3)
        self._centre = np.array([box.centre for box in boxes]).reshape(-1, 3, 1)
        self._half = np.array([box.half for box in boxes]).reshape(-1, 3, 1)

    def distances(self, points: FloatArray) -> FloatArray:
        """Of one moving point per box, (b, 3, m), shape (b, m)."""
        local = np.einsum("bji,bjm->bim", self._rotation, points - self._centre)
        return _norms(np.maximum(np.abs(local) - self._half, 0.0))

    def row_distances(self, row: int, points: FloatArray) -> FloatArray:
        """Of many moving points, (k, 3, m), to one box, shape (k, m)."""
        local = np.einsum("ji,kjm->kim", self._rotation[row], points - self._centre[row])
        return _norms(np.maximum(np.abs(local) - self._half[row], 0.0))


def _interval_low(distances: FloatArray, points: FloatArray, slack: FloatArray | None) -> FloatArray:
    """Lower bound of a distance over each interval from those at its ends, (k, m) to (k, m - 1).

    Along the chord of a point the distance changes no faster than the point moves; off the chord by the slack.
    Without slack each configuration is its own interval.
    """
    if slack is None:
        return distances
    chord = _norms(np.diff(points, axis=-1))
    return 0.5 * (distances[:, :-1] + distances[:, 1:] - chord) - slack


def _doubled(slack: FloatArray | None) -> FloatArray | None:
    return None if slack is None else 2.0 * slack


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


def _placed_points(frames: ChainFrames, joints: FloatArray, points: FloatArray) -> FloatArray:
    """Points (k, 3) of their joints' frames in the world, (k, 3, m)."""
    count = frames.origin.shape[-1]
    world = np.empty((len(points), 3, count))
    still = joints == 0
    world[still] = points[still][..., None]
    moved = ~still
    index = joints[moved] - 1
    world[moved] = np.einsum("kijm,kj->kim", frames.rotation[index], points[moved]) + frames.origin[index]
    return world


def _cover_points(frames: ChainFrames, body: Body) -> FloatArray:
    joint = body.joint - 1
    turned = np.einsum("ijm,kj->kim", frames.rotation[joint], body.cover.centres)
    return np.asarray(turned + frames.origin[joint])
