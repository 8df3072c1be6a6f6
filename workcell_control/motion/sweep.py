"""Ways of the arm cut into intervals, with what bounds the motion inside each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from workcell_control.motion.arrays import FloatArray, IndexArray
from workcell_control.motion.trajectory import JointTrajectory

INTERVAL_RAD = 0.12
"""Sum of all joints' travel within one interval, as far as samples allow."""


@dataclass(frozen=True)
class Sweep:
    """Configurations (m, n) and, for the m - 1 intervals between, bounds of the joints' motion.

    With an interval's time running from 0 to 1, `rate` (m - 1, n) bounds each joint's speed and `bend` (m - 1, n) its
    acceleration: zero bend is a straight way in joint space.
    """

    position: FloatArray
    rate: FloatArray
    bend: FloatArray
    sample: FloatArray
    """Index of the given row at or before each configuration, shape (m,)."""
    trajectory: JointTrajectory | None = None
    """What is followed between configurations; None: straight ways in joint space."""

    @property
    def count(self) -> int:
        """Number of intervals; one configuration alone counts as one."""
        return max(len(self.rate), 1)

    def within(self, index: int, share: float) -> FloatArray:
        """The configuration at a share of the time of one interval, shape (n,)."""
        if self.trajectory is None:
            return np.asarray(self.position[index] + share * (self.position[index + 1] - self.position[index]))
        begin_s, end_s = self.trajectory.time_s[self.sample[index : index + 2].astype(np.intp)]
        return self.trajectory.position_at(float(begin_s + share * (end_s - begin_s)))


def sweep_polyline(position: FloatArray) -> Sweep:
    """Straight ways in joint space between rows of shape (k, n)."""
    if len(position) == 1:
        empty = np.zeros((0, position.shape[1]))
        return Sweep(position, empty, empty, np.zeros(1))
    travel = np.abs(np.diff(position, axis=0)).sum(axis=1)
    counts = np.maximum(np.ceil(travel / INTERVAL_RAD), 1).astype(int)
    pieces = np.repeat(np.arange(len(counts)), counts)
    share = (np.arange(len(pieces)) - np.repeat(np.cumsum(counts) - counts, counts)) / counts[pieces]
    rows = position[pieces] + share[:, None] * (position[pieces + 1] - position[pieces])
    rows = np.vstack([rows, position[-1:]])
    rate = np.abs(np.diff(rows, axis=0))
    return Sweep(rows, rate, np.zeros_like(rate), np.append(pieces, len(position) - 1))


def sweep_trajectory(trajectory: JointTrajectory) -> Sweep:
    """The way of a trajectory whose acceleration is linear, or nearly so, between samples."""
    position, velocity = trajectory.position, np.abs(trajectory.velocity)
    acceleration, times = np.abs(trajectory.acceleration), trajectory.time_s
    if len(times) < 2:
        return sweep_polyline(position)
    steps = (times[1:] - times[:-1])[:, None]
    peak_acceleration = np.maximum(acceleration[1:], acceleration[:-1])
    peak_velocity = np.maximum(velocity[1:], velocity[:-1]) + (0.5 * steps) * peak_acceleration
    starts = _starts((peak_velocity * steps).sum(axis=1))
    kept = np.append(starts, len(times) - 1)
    spans = (times[kept[1:]] - times[starts])[:, None]
    rate = np.maximum.reduceat(peak_velocity, starts, axis=0) * spans
    bend = np.maximum.reduceat(peak_acceleration, starts, axis=0) * spans**2
    return Sweep(position[kept], rate, bend, kept.astype(np.float64), trajectory)


def _starts(travel: FloatArray) -> IndexArray:
    """First steps of the intervals into which steps of the given travels are gathered."""
    bins = ((travel.cumsum() - 0.5 * travel) * (1.0 / INTERVAL_RAD)).astype(np.intp)
    is_first = np.ones(len(bins), dtype=bool)
    np.not_equal(bins[1:], bins[:-1], out=is_first[1:])
    return is_first.nonzero()[0]
