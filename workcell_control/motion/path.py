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

from workcell_control.motion.arrays import FloatArray, IndexArray, frozen_array
from workcell_control.motion.cubic import CubicSpline

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
        return np.clip(np.searchsorted(self.knots, at, side="right") - 1, 0, len(self.knots) - 2)

    def sample(self, at: FloatArray, order: int = 0, pieces: IndexArray | None = None) -> FloatArray:
        """The derivative of an order 0..2 at places of shape (m,), shape (m, n).

        Args:
            at: Places, within the knots.
            order: Of the derivative.
            pieces: The piece to evaluate each place on, where it lies on a knot and either would do.
        """
        index = self.pieces_of(at) if pieces is None else pieces
        u = (at - self.knots[index])[:, None]
        c = self.coefficients[:, index]
        if order == 0:
            return np.asarray(((c[3] * u + c[2]) * u + c[1]) * u + c[0])
        if order == 1:
            return np.asarray((3.0 * c[3] * u + 2.0 * c[2]) * u + c[1])
        return np.asarray(6.0 * c[3] * u + 2.0 * c[2])


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

    def at(self, s: float, order: int) -> FloatArray:
        """The derivative of an order at one place from the leg's start, shape (n,)."""
        piece = int(np.clip(np.searchsorted(self.knots, s, side="right") - 1, 0, len(self.knots) - 2))
        u = s - float(self.knots[piece])
        c = self.coefficients[:, piece]
        if order == 0:
            return np.asarray(((c[3] * u + c[2]) * u + c[1]) * u + c[0])
        return np.asarray((3.0 * c[3] * u + 2.0 * c[2]) * u + c[1])


def straight_leg(start: FloatArray, goal: FloatArray) -> Leg:
    """The straight line in joint space; the goal must differ from the start."""
    shift = goal - start
    length = max(float(np.linalg.norm(shift)), _LENGTH_MIN)
    zero = np.zeros_like(start)
    return Leg(np.array([0.0, length]), np.array([start, shift / length, zero, zero])[:, None])


def curve_leg(positions: FloatArray, tool_length_m: float = math.inf, speed_max_m_s: float = math.inf) -> Leg:
    """A smooth curve through samples of shape (k, n), k at least 4, such as a tool's straight line.

    Args:
        positions: In order, no two the same.
        tool_length_m: Way of the tool along them, evenly spaced.
        speed_max_m_s: Bound of the tool's speed.
    """
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    knots = np.concatenate([[0.0], np.cumsum(steps)])
    spline = CubicSpline(knots, positions)
    rate = math.inf
    if math.isfinite(speed_max_m_s) and math.isfinite(tool_length_m):
        rate = speed_max_m_s * float(steps.min()) * len(steps) / tool_length_m
    return Leg(knots, spline.coefficients, rate)


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
    inner = leg.knots[(leg.knots > begin + _LENGTH_MIN) & (leg.knots < end - _LENGTH_MIN)]
    starts = np.concatenate([[begin], inner])
    pieces = np.clip(np.searchsorted(leg.knots, starts, side="right") - 1, 0, len(leg.knots) - 2)
    u = (starts - leg.knots[pieces])[:, None]
    c0, c1, c2, c3 = leg.coefficients[:, pieces]
    moved = np.stack([((c3 * u + c2) * u + c1) * u + c0, (3.0 * c3 * u + 2.0 * c2) * u + c1, 3.0 * c3 * u + c2, c3])
    return np.diff(np.concatenate([starts, [end]])), moved, leg.rate_max


def _blend(before: Leg, after: Leg, cut: float) -> tuple[FloatArray, FloatArray, float]:
    """The cubic from `cut` before the end of one leg to `cut` behind the start of the next (Hermite)."""
    span = 2.0 * cut
    begin = before.length - cut
    p0, v0 = before.at(begin, 0), before.at(begin, 1)
    p1, v1 = after.at(cut, 0), after.at(cut, 1)
    slope = (p1 - p0) / span
    c2 = (3.0 * slope - 2.0 * v0 - v1) / span
    c3 = (v0 + v1 - 2.0 * slope) / span**2
    return np.array([span]), np.stack([p0, v0, c2, c3])[:, None], min(before.rate_max, after.rate_max)
