"""The fastest way along a given path within velocity, acceleration, torque and grip, by two passes over its length.

With x = (ds/dt)^2 and u = d^2s/dt^2 every such bound is linear, a u + b x <= c, and x' = 2 u (Verscheure et al.,
"Time-Optimal Path Tracking for Robots: A Convex Optimization Approach", 2009). One pass from the end finds how fast
the path may be entered at each place, a second from the start is as fast as that allows (the passes of Pham and Pham,
"A New Approach to Time-Optimal Path Parameterization based on Reachability Analysis", 2018). To keep each step a
minimum over lines, a place is only passed so fast that going on evenly is allowed there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.path import JointPath

_TINY = 1e-12
_RATE_SQUARE_MAX = 1e8


@dataclass(frozen=True)
class PathPoint:
    """Both ends of every interval of a grid on a path; m intervals give 2 m rows: all beginnings, then all ends.

    A place on a knot is thus seen from both of its pieces.
    """

    position: FloatArray
    first: FloatArray
    second: FloatArray


@dataclass(frozen=True)
class Bounds:
    """Rows a u + b x <= c at each row of a `PathPoint`, each of shape (2 m, r), c not negative."""

    a: FloatArray
    b: FloatArray
    c: FloatArray


@dataclass(frozen=True)
class PathTiming:
    """Squared rate x at m + 1 places of a path; the acceleration of s is constant between neighbours."""

    places: FloatArray
    rate_square: FloatArray

    @cached_property
    def times_s(self) -> FloatArray:
        """Time at each place, shape (m + 1,)."""
        rate = np.sqrt(self.rate_square)
        steps = 2.0 * (self.places[1:] - self.places[:-1]) / np.maximum(rate[1:] + rate[:-1], _TINY)
        return np.concatenate([[0.0], np.cumsum(steps)])

    def at(self, times_s: FloatArray) -> FloatArray:
        """Places at times of shape (k,), both ends held beyond them."""
        times, rate = self.times_s, np.sqrt(self.rate_square)
        index = times[1:-1].searchsorted(times_s, side="right")
        spans = np.maximum(times[1:] - times[:-1], _TINY)
        acceleration = (rate[1:] - rate[:-1]) / spans
        since = np.minimum(np.maximum(times_s - times[index], 0.0), spans[index])
        places = self.places[index] + (rate[index] + 0.5 * acceleration[index] * since) * since
        return np.asarray(np.minimum(np.maximum(places, self.places[0]), self.places[-1]))


def grid_of(path: JointPath, step: float, per_piece_min: int = 4) -> FloatArray:
    """Places along a path: its knots, and between them so many that none are further apart than `step`."""
    lengths = path.knots[1:] - path.knots[:-1]
    # Short pieces of a sampled curve are fine enough as they are.
    counts = np.maximum(np.ceil(lengths / step), np.where(lengths > step, per_piece_min, 1)).astype(int)
    counts[0], counts[-1] = max(counts[0], per_piece_min), max(counts[-1], per_piece_min)
    pieces = np.repeat(np.arange(len(lengths)), counts)
    within = np.arange(len(pieces)) - np.repeat(np.cumsum(counts) - counts, counts)
    places = path.knots[pieces] + lengths[pieces] * within / counts[pieces]
    return np.concatenate([places, path.knots[-1:]])


def points_on(path: JointPath, grid: FloatArray) -> PathPoint:
    """The path at both ends of each interval of a grid that holds all its knots."""
    pieces = path.pieces_of(0.5 * (grid[1:] + grid[:-1]))
    both = np.concatenate([pieces, pieces])
    at = np.concatenate([grid[:-1], grid[1:]])
    return PathPoint(*path.orders(at, both))


def joint_bounds(points: PathPoint, acceleration: FloatArray) -> Bounds:
    """Acceleration bounds of the joints: |q' u + q'' x| <= acceleration, shape (n,) each."""
    a = np.concatenate([points.first, -points.first], axis=1)
    b = np.concatenate([points.second, -points.second], axis=1)
    c = np.broadcast_to(np.concatenate([acceleration, acceleration]), a.shape)
    return Bounds(a, b, c)


def joined(bounds: list[Bounds]) -> Bounds:
    """All rows of several bounds."""
    if len(bounds) == 1:
        return bounds[0]
    return Bounds(*(np.concatenate([getattr(part, name) for part in bounds], axis=1) for name in ("a", "b", "c")))


def rate_squares(path: JointPath, grid: FloatArray, points: PathPoint, velocity: FloatArray) -> FloatArray:
    """The largest x that velocity and the path's own rate bound allow at each place of the grid, shape (m + 1,)."""
    slope = np.abs(points.first) / velocity
    pieces = path.pieces_of(0.5 * (grid[1:] + grid[:-1]))
    rate = np.minimum(1.0 / np.maximum(slope.max(axis=1), 1e-4), np.tile(path.rate_max[pieces], 2))
    return _at_places(rate * rate)


def time_path(grid: FloatArray, bounds: Bounds, rate_square_max: FloatArray) -> PathTiming:
    """The fastest passage from rest to rest.

    Args:
        grid: Places, shape (m + 1,).
        bounds: At both ends of each interval.
        rate_square_max: Further bound of x at each place, shape (m + 1,).
    """
    steps = grid[1:] - grid[:-1]
    count = len(steps)
    even = np.min(np.where(bounds.b > _TINY, bounds.c / np.maximum(bounds.b, _TINY), _RATE_SQUARE_MAX), axis=1)
    ceiling = np.minimum(rate_square_max, _at_places(even))
    entry = _swept(_lines(bounds, steps, count, is_forward=False), ceiling[::-1].copy(), reverse=True)[::-1]
    passed = _swept(_lines(bounds, steps, count, is_forward=True), entry, reverse=False)
    return PathTiming(grid, passed)


def _at_places(per_end: FloatArray) -> FloatArray:
    """The lesser of both sides at each place, from values at both ends of m intervals."""
    count = len(per_end) // 2
    places = np.empty(count + 1)
    places[0], places[-1] = per_end[0], per_end[-1]
    np.minimum(per_end[1:count], per_end[count:-1], out=places[1:-1])
    return places


def _lines(bounds: Bounds, steps: FloatArray, count: int, *, is_forward: bool) -> tuple[FloatArray, FloatArray]:
    """Slope and offset, each (m, 2 r), of the lines over x at one end of an interval that bound x at the other.

    With x at the beginning and the end of an interval joined by 2 u step, a row that bounds u from the side in
    question becomes a bound of the one in terms of the other.
    """
    twice = 2.0 * steps[:, None]
    sign = 1.0 if is_forward else -1.0
    # The row is written in terms of u and of x at the end where the pass comes from.
    near, far = (slice(None, count), slice(count, None)) if is_forward else (slice(count, None), slice(None, count))
    own = bounds.a[near] * sign
    other = bounds.a[far] * sign + twice * bounds.b[far]
    a = np.concatenate([own, other], axis=1)
    b = np.concatenate([bounds.b[near], bounds.b[far]], axis=1)
    c = np.concatenate([bounds.c[near], bounds.c[far]], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = 1.0 - twice * b / a
        offset = twice * c / a
    binds = a > _TINY
    return np.where(binds, slope, 1.0), np.where(binds, offset, np.inf)


def _swept(lines: tuple[FloatArray, FloatArray], ceiling: FloatArray, *, reverse: bool) -> FloatArray:
    """One pass: from rest, x at each place as large as the lines over the one before and the ceiling allow."""
    slopes, offsets = lines
    if reverse:
        slopes, offsets = slopes[::-1], offsets[::-1]
    # A line that is the lowest at both ends of the range that x may have is the lowest in between, too.
    at_top = slopes * ceiling[:-1, None]
    at_top += offsets
    lowest = offsets.argmin(axis=1)
    is_alone = (lowest == at_top.argmin(axis=1)).tolist()
    rows = np.arange(len(lowest))
    alone = zip(slopes[rows, lowest].tolist(), offsets[rows, lowest].tolist(), strict=True)
    x = 0.0
    result = [x]
    for place, ((slope, offset), is_one, top) in enumerate(zip(alone, is_alone, ceiling[1:].tolist(), strict=True)):
        reached = slope * x + offset if is_one else float(np.minimum.reduce(slopes[place] * x + offsets[place]))
        x = min(max(reached, 0.0), top)
        result.append(x)
    return np.array(result)
