"""Paths of the joints without time: straight legs, curves through samples, and blends that round the corners.

A path is a piecewise cubic q(s) with a continuous first derivative. Its second derivative may jump: timing (`timing`)
respects the acceleration on both sides of a jump, and smoothing (`smoothing`) turns it into bounded jerk.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workcell_control.motion.arrays import FloatArray, IndexArray, evenly, frozen_array
from workcell_control.motion.cubic import CubicSpline, cubic_orders

_LENGTH_MIN = 1e-9


@dataclass(frozen=True)
class JointPath:
    """q(s) for s from the first knot to the last; coefficients of (s - knot)^0..3, shape (4, k - 1, n).

    The unit of s is that of the joints, [rad]: along a leg it is the distance in joint space.
    """

    knots: FloatArray
    coefficients: FloatArray
    rate_max: FloatArray
    """Bound of ds/dt on each piece, such as a tool speed sets; shape (k - 1,)."""

    def __post_init__(self) -> None:
        for name in ("knots", "coefficients", "rate_max"):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    @property
    def length(self) -> float:
        """From the first knot to the last."""
        return float(self.knots[-1] - self.knots[0])

    def pieces_of(self, at: FloatArray) -> IndexArray:
        """Index of the piece that each place lies in, shape (m,)."""
        return self.knots[1:-1].searchsorted(at, side="right")

    def orders(self, at: FloatArray, pieces: IndexArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Position, first and second derivative at places of shape (m,), shape (m, n) each.

        Args:
            at: Places, within the knots.
            pieces: The piece to evaluate each place on: where it lies on a knot either would do.
        """
        return cubic_orders(self.coefficients[:, pieces], (at - self.knots[pieces])[:, None])

    def sample(self, at: FloatArray, order: int = 0) -> FloatArray:
        """The derivative of an order 0..2 at places of shape (m,) within the knots, shape (m, n)."""
        return self.orders(at, self.pieces_of(at))[order]


@dataclass(frozen=True)
class Leg:
    """One smooth part of a path, from one corner to the next."""

    knots: FloatArray
    coefficients: FloatArray
    rate_max: float = math.inf

    @property
    def length(self) -> float:
        """Distance in joint space."""
        return float(self.knots[-1] - self.knots[0])

    def at(self, s: float) -> tuple[FloatArray, FloatArray]:
        """Position and tangent at one place from the leg's start, shape (n,) each."""
        piece = int(self.knots[1:-1].searchsorted(s, side="right"))
        position, tangent, _ = cubic_orders(self.coefficients[:, piece], s - float(self.knots[piece]))
        return position, tangent


def straight_leg(start: FloatArray, goal: FloatArray) -> Leg:
    """The straight line in joint space; the goal must differ from the start."""
    shift = goal - start
    length = max(math.sqrt(float(shift @ shift)), _LENGTH_MIN)
    zero = np.zeros_like(start)
    return Leg(np.array([0.0, length]), np.array([start, shift / length, zero, zero])[:, None])


def curve_leg(positions: FloatArray, tool_length_m: float = math.inf, speed_max_m_s: float = math.inf) -> Leg:
    """A smooth curve through samples of shape (k, n), k at least 4, such as a tool's straight line.

    Args:
        positions: In order, no two the same.
        tool_length_m: Way of the tool along them, evenly spaced.
        speed_max_m_s: Bound of the tool's speed.
    """
    steps = positions[1:] - positions[:-1]
    length = float(np.sqrt((steps * steps).sum(axis=1)).sum())
    # Even in s as the tool's way is, so that the tool's speed is that of s.
    rate = speed_max_m_s * length / tool_length_m if math.isfinite(tool_length_m) else math.inf
    return Leg(evenly(length, len(positions)), CubicSpline(length, positions).coefficients, rate)


def blended(legs: Sequence[Leg], reaches: Sequence[float]) -> JointPath:
    """Joins legs end to end, each corner rounded by a cubic that leaves one leg and enters the next tangentially.

    Args:
        legs: Each beginning where the one before ends.
        reaches: How far before and behind each corner, [rad] along the legs, the blend begins and ends; it is
            shortened to half of the leg next to it where another corner follows. Shape (len(legs) - 1,).
    """
    cuts = _cuts(legs, reaches)
    parts: list[tuple[FloatArray, FloatArray, float]] = []
    for index, leg in enumerate(legs):
        begin = cuts[index - 1] if index else 0.0
        end = leg.length - (cuts[index] if index < len(cuts) else 0.0)
        if end - begin > _LENGTH_MIN:
            parts.append(_cut(leg, begin, end))
        if index < len(cuts) and cuts[index] > _LENGTH_MIN:
            parts.append(_blend(leg, legs[index + 1], cuts[index]))
    lengths = [part[0] for part in parts]
    knots = np.concatenate([[0.0], np.cumsum(np.concatenate(lengths))])
    coefficients = np.concatenate([part[1] for part in parts], axis=1)
    rates = np.concatenate([np.full(len(part[0]), part[2]) for part in parts])
    return JointPath(knots, coefficients, rates)


def blend_reach(before: FloatArray, corner: FloatArray, after: FloatArray, tolerance_rad: float) -> float:
    """How far from a corner of straight legs a blend may begin so that it passes within `tolerance_rad` of it.

    The rounded corner is a parabola: it passes at a quarter of the reach times the change of direction. The distance
    is that of the joint positions as a vector.
    """
    into = (corner - before) / max(float(np.linalg.norm(corner - before)), _LENGTH_MIN)
    out = (after - corner) / max(float(np.linalg.norm(after - corner)), _LENGTH_MIN)
    change = float(np.linalg.norm(out - into))
    return math.inf if change < 1e-9 else 4.0 * tolerance_rad / change


def _cuts(legs: Sequence[Leg], reaches: Sequence[float]) -> list[float]:
    count = len(legs)
    room = [
        leg.length if count == 1 else leg.length * (1.0 if i in (0, count - 1) else 0.5) for i, leg in enumerate(legs)
    ]
    return [min(reach, a, b) for reach, (a, b) in zip(reaches, itertools.pairwise(room), strict=True)]


def _cut(leg: Leg, begin: float, end: float) -> tuple[FloatArray, FloatArray, float]:
    """Lengths and coefficients of the pieces of a leg between two places."""
    first = int(leg.knots[1:-1].searchsorted(begin + _LENGTH_MIN))
    last = int(leg.knots[1:-1].searchsorted(end - _LENGTH_MIN))
    knots = np.array([begin, *leg.knots[first + 1 : last + 1].tolist(), end])
    moved = leg.coefficients[:, first : last + 1].copy()
    # Only the first piece begins elsewhere than before.
    position, tangent, bend = cubic_orders(leg.coefficients[:, first], begin - float(leg.knots[first]))
    moved[:3, 0] = position, tangent, 0.5 * bend
    return knots[1:] - knots[:-1], moved, leg.rate_max


def _blend(before: Leg, after: Leg, cut: float) -> tuple[FloatArray, FloatArray, float]:
    """The cubic from `cut` before the end of one leg to `cut` behind the start of the next (Hermite)."""
    span = 2.0 * cut
    p0, v0 = before.at(before.length - cut)
    p1, v1 = after.at(cut)
    slope = (p1 - p0) / span
    c2 = (3.0 * slope - 2.0 * v0 - v1) / span
    c3 = (v0 + v1 - 2.0 * slope) / span**2
    return np.array([span]), np.array([p0, v0, c2, c3])[:, None], min(before.rate_max, after.rate_max)
