"""A smoothed move on its own path as fast as its bounds allow, the jerk's included, by a barrier method.

A move from rest to rest is taken as a path over its own time t, and passed at a rate r = dt/dtau. With x = r^2, a
function of t, the new motion's acceleration, torques and tool's acceleration are linear in x and x', and its jerk is

    r (q''' x + 3/2 q'' x' + 1/2 q' x'')

(Pham and Pham, "On the structure of the time-optimal path parameterization problem with third-order constraints",
2017). The path begins and ends at rest by itself, so that x has no singularity there: x = 1 is the move as it is. x is
a cubic spline; the time that the move takes is minimised by Newton steps with logarithmic barriers before every bound
(Boyd and Vandenberghe, "Convex Optimization", 11.3): each step keeps them all, so that one may stop at any. A bound
concerns the four coefficients of the spline at its sample, so that a step solves a banded system.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import solveh_banded

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import JointTrajectory

_CELLS = 2
"""Samples' intervals to each of the spline's."""
_BARRIERS = (0.01, 0.003)
"""Weights of the barriers, one after the other: the last is about the share of the time that they cost."""
_STEPS = 3
"""Newton steps for each weight."""
_SHORTENINGS_MAX = 10
_SHORTER = 0.7
_DECREASE_MIN = 1e-4
_BEGIN_SHARE = 0.9
"""Of the largest even rate's square that keeps every bound: where to begin."""
_SQUARE_MAX = 1e4
_CHANGE_MAX_PER_S = 10.0
"""Bound of x': near the ends, where hardly anything moves, no other bound would keep the spline smooth."""
_JERK_SHARE = 0.998
"""Of the jerk limit that is planned with, for what the jerk does between samples."""
_DEGREE = 3
_GAUSS_PLACES, _GAUSS_WEIGHTS = np.polynomial.legendre.leggauss(3)
"""For the time over each cell."""


@dataclass(frozen=True)
class RateRows:
    """Shares of bounds that go as `still` + x `square` + x' `change` at each of k samples, shape (k, r) each."""

    still: FloatArray
    square: FloatArray
    change: FloatArray


@dataclass(frozen=True)
class RateBounds:
    """What bounds the rate along a move besides the joints' limits."""

    rows: Sequence[RateRows] = ()
    """Each between -1 and 1."""
    ball: RateRows | None = None
    """Three that as a vector are no longer than 1, such as the tool's acceleration."""
    square_max: FloatArray | None = None
    """Of x at each sample, (k,)."""


def retimed(move: JointTrajectory, limits: JointLimits, bounds: RateBounds) -> JointTrajectory:
    """The move on the same path, as fast as limits and bounds allow at its samples.

    Args:
        move: From rest to rest, evenly sampled, its acceleration linear between samples.
        limits: Of the joints.
        bounds: Further ones.
    """
    if len(move.time_s) <= _DEGREE:
        return move
    problem = _Problem(move, limits, bounds)
    return problem.timed(move, problem.solved())


@dataclass(frozen=True)
class _Shares:
    """x, x' and x'' at both ends of the cells, shape (2, 3, m), and the shares of bounds that follow, linear in them.

    Those of the rows (m, r), of the jerks (2, m, n) still without their factor sqrt(x), and of the ball (m, 3).
    """

    x: FloatArray
    rows: FloatArray
    jerks: FloatArray
    ball: FloatArray

    def moved(self, change: _Shares, share: float) -> _Shares:
        """These after a share of a change of the coefficients."""
        return _Shares(
            self.x + share * change.x,
            self.rows + share * change.rows,
            self.jerks + share * change.jerks,
            self.ball + share * change.ball,
        )


class _Problem:
    """Rows at both ends of every cell between samples; cells of no weight fill the spline's last interval up.

    Arrays over cells have their m cells first, jerks both ends of them before: (2, m, n).
    """

    def __init__(self, move: JointTrajectory, limits: JointLimits, bounds: RateBounds) -> None:
        self._count = len(move.time_s) - 1
        self._intervals = -(-self._count // _CELLS)
        self._span_s = move.duration_s / self._count
        self._weights = self._filled(np.full(self._count, self._span_s))
        velocity, acceleration = move.velocity, move.acceleration
        rows = [_joint_rows(move, limits, bounds.square_max), *bounds.rows]
        self._still, self._square, self._change = (
            self._filled(np.concatenate([getattr(part, name) for part in rows], axis=1)[:-1])
            for name in ("still", "square", "change")
        )
        jerk = np.diff(acceleration, axis=0) / self._span_s
        scale = 1.0 / (_JERK_SHARE * limits.jerk)
        self._jerks = [
            np.stack([self._filled(side * scale) for side in sides])
            for sides in (
                (jerk, jerk),
                (1.5 * acceleration[:-1], 1.5 * acceleration[1:]),
                (0.5 * velocity[:-1], 0.5 * velocity[1:]),
            )
        ]
        none = np.zeros((self._count + 1, 0))
        ball = bounds.ball or RateRows(none, none, none)
        self._ball = [self._filled(part[:-1]) for part in (ball.square, ball.change)]
        shares = np.arange(_CELLS + 1) / _CELLS
        basis = _basis(shares, _CELLS * self._span_s)
        self._bases = np.stack([basis[:-1], basis[1:]])  # (2, cells, order, 4)
        # From derivatives over x, x' and x'' at both ends of an interval's cells to those over its coefficients.
        ends = self._bases.reshape(-1, 3, _DEGREE + 1)  # (2 * cells, order, 4)
        self._gradient_map = ends.reshape(-1, _DEGREE + 1).T
        self._hessian_map = np.einsum("sdk,sel->klsde", ends, ends).reshape((_DEGREE + 1) ** 2, -1)
        self._in_reach = np.arange(_DEGREE + 1)[:, None] + np.arange(self._intervals)

    def _filled(self, rows: FloatArray) -> FloatArray:
        spare = self._intervals * _CELLS - self._count
        return np.concatenate([rows, np.zeros((spare, *rows.shape[1:]))]) if spare else rows

    def solved(self) -> FloatArray:
        """Coefficients of x."""
        coefficients = np.full(self._intervals + _DEGREE, self._even_square())
        shares = self._shares(coefficients)
        shares = replace(shares, rows=shares.rows + self._still)
        for weight in _BARRIERS:
            value = self._value(shares, weight)
            for _ in range(_STEPS):
                gradient, bands = self._derivatives(shares, weight)
                step = solveh_banded(bands, -gradient)
                decrease = -float(gradient @ step)
                change, share = self._shares(step), 1.0
                for _ in range(_SHORTENINGS_MAX):
                    there = shares.moved(change, share)
                    reached = self._value(there, weight)
                    if reached < value - _DECREASE_MIN * share * decrease:
                        coefficients, shares, value = coefficients + share * step, there, reached
                        break
                    share *= _SHORTER
        return coefficients

    def timed(self, move: JointTrajectory, coefficients: FloatArray) -> JointTrajectory:
        """The move at the rate that coefficients of x give."""
        begins, ends = self._x(coefficients, self._bases)
        square, change, _ = (np.append(a[: self._count], b[self._count - 1]) for a, b in zip(begins, ends, strict=True))
        places = (np.arange(_CELLS) + 0.5 + 0.5 * _GAUSS_PLACES[:, None]) / _CELLS
        bases = np.stack([_basis(row, _CELLS * self._span_s) for row in places])
        squares = self._x(coefficients, bases)[:, 0, : self._count]
        times = np.cumsum(0.5 * self._span_s * (_GAUSS_WEIGHTS @ (1.0 / np.sqrt(squares))))
        return JointTrajectory(
            np.concatenate([[0.0], times]),
            move.position,
            move.velocity * np.sqrt(square)[:, None],
            move.acceleration * square[:, None] + 0.5 * move.velocity * change[:, None],
        )

    def _x(self, coefficients: FloatArray, bases: FloatArray) -> FloatArray:
        """x, x' and x'' at places given by bases (s, cells, order, 4), shape (s, order, m)."""
        found = bases @ coefficients[self._in_reach]
        return np.asarray(found.transpose(0, 2, 3, 1).reshape(len(bases), bases.shape[2], -1))

    def _even_square(self) -> float:
        """Where to begin: an x that is the same everywhere, inside every bound."""
        with np.errstate(divide="ignore"):
            room = np.where(self._square > 0.0, 1.0 - self._still, 1.0 + self._still) / np.abs(self._square)
        jerk = max(float(np.abs(self._jerks[0]).max()), 1e-9)
        largest = [float(room.min()), math.pow(jerk, -2.0 / 3.0)]
        largest.append(1.0 / max(float(np.linalg.norm(self._ball[0], axis=1).max()), 1e-9))
        return _BEGIN_SHARE * min(largest)

    def _shares(self, coefficients: FloatArray) -> _Shares:
        """What coefficients of x make of the bounds, less what stays whatever they are."""
        x = self._x(coefficients, self._bases)
        square, change = x[0, 0, :, None], x[0, 1, :, None]
        jerks = self._jerks[0] * x[:, 0, :, None]
        for order in (1, 2):
            jerks += self._jerks[order] * x[:, order, :, None]
        return _Shares(
            x,
            self._square * square + self._change * change,
            jerks,
            self._ball[0] * square + self._ball[1] * change,
        )

    def _value(self, at: _Shares, weight: float) -> float:
        """Time and barriers; infinite where a bound does not hold."""
        squares = at.x[:, 0]
        if not squares.min() > 0.0:
            return math.inf
        slack = 1.0 - at.rows * at.rows
        if slack.min() <= 0.0:
            return math.inf
        slack_jerk = 1.0 - at.jerks * at.jerks * squares[..., None]
        slack_ball = 1.0 - (at.ball * at.ball).sum(axis=1)
        if min(slack_jerk.min(), slack_ball.min()) <= 0.0:
            return math.inf
        barrier = np.log(slack).sum() + 0.5 * np.log(slack_jerk).sum() + np.log(slack_ball).sum()
        time_s = float(self._weights @ (1.0 / np.sqrt(squares[0])))
        return time_s - weight * self._span_s * float(barrier)

    def _derivatives(self, at: _Shares, weight: float) -> tuple[FloatArray, FloatArray]:
        """Gradient and Hessian's upper bands of the value over the coefficients.

        What the jerks' curvature would add to the Hessian is left out: it stays positive.
        """
        x = at.x
        factor = weight * self._span_s
        gradient, hessian = _jerk_barrier(x[:, 0], at.jerks, self._jerks)
        gradient *= 0.5 * factor
        hessian *= 0.5 * factor
        first, second = _barrier(at.rows, [self._square, self._change])
        of_ball = _ball_barrier(at.ball, self._ball)
        gradient[:2, 0] += factor * (first + of_ball[0])
        hessian[:2, :2, 0] += factor * (second + of_ball[1])
        time = self._weights / np.sqrt(x[0, 0])
        gradient[0, 0] -= 0.5 * time / x[0, 0]
        hessian[0, 0, 0] += 0.75 * time / x[0, 0] ** 2
        return self._gathered(gradient, hessian)

    def _gathered(self, gradient: FloatArray, hessian: FloatArray) -> tuple[FloatArray, FloatArray]:
        """From x, x' and x'' at both ends of the cells, (3, 2, m) and (3, 3, 2, m), to the coefficients."""
        count, cells = self._intervals, (self._intervals, _CELLS)
        local = self._gradient_map @ gradient.reshape(3, 2, *cells).transpose(1, 3, 0, 2).reshape(-1, count)
        square = hessian.reshape(3, 3, 2, *cells).transpose(2, 4, 0, 1, 3).reshape(-1, count)
        blocks = (self._hessian_map @ square).reshape(_DEGREE + 1, _DEGREE + 1, count)
        result = np.zeros(count + _DEGREE)
        bands = np.zeros((_DEGREE + 1, count + _DEGREE))
        for k in range(_DEGREE + 1):
            result[k : k + count] += local[k]
            for later in range(k, _DEGREE + 1):
                bands[_DEGREE + k - later, later : later + count] += blocks[k, later]
        return result, bands


def _joint_rows(move: JointTrajectory, limits: JointLimits, square_max: FloatArray | None) -> RateRows:
    """Accelerations, velocities, and what keeps x positive and smooth."""
    acceleration, velocity = move.acceleration / limits.acceleration, move.velocity / limits.acceleration
    speed = np.abs(move.velocity / limits.velocity).max(axis=1)
    largest = 1.0 / np.maximum(speed, 1.0 / math.sqrt(_SQUARE_MAX)) ** 2
    if square_max is not None:
        largest = np.minimum(largest, square_max)
    # Of each cell, both ends are bounded at its beginning: speeds hardly differ.
    largest[:-1] = np.minimum(largest[:-1], largest[1:])
    zero, one = np.zeros((len(largest), 1)), np.ones((len(largest), 1))
    return RateRows(
        np.hstack([np.zeros_like(acceleration), -one, zero]),
        np.hstack([acceleration, 2.0 / largest[:, None], zero]),
        np.hstack([0.5 * velocity, zero, one / _CHANGE_MAX_PER_S]),
    )


def _barrier(shares: FloatArray, slopes: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Derivatives of -log(1 - share^2) summed over the last axis, from those of the shares over d variables.

    Shapes (d, ...) and (d, d, ...) without the last axis.
    """
    slack = 1.0 - shares * shares
    pull, bend = 2.0 * shares / slack, 2.0 * (1.0 + shares * shares) / (slack * slack)
    gradient = np.stack([np.einsum("...r,...r->...", pull, slope) for slope in slopes])
    hessian = np.empty((len(slopes), *gradient.shape))
    for i, slope in enumerate(slopes):
        bent = bend * slope
        for j in range(i, len(slopes)):
            hessian[i, j] = hessian[j, i] = np.einsum("...r,...r->...", bent, slopes[j])
    return gradient, hessian


def _jerk_barrier(square: FloatArray, jerks: FloatArray, slopes: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The same of the jerks, whose shares are sqrt(x) times `jerks` with the given slopes, over x, x' and x''.

    As bounds +-jerk <= 1 / sqrt(x), less the one term that would not keep the Hessian positive, the bound's own bend.
    """
    root, twice = np.sqrt(square)[..., None], 0.5 / square[..., None]
    shares, steep = root * jerks, [root * slope for slope in slopes]
    gradient, hessian = _barrier(shares, steep)
    slack = 1.0 - shares * shares
    gradient[0] += (2.0 * twice * shares * shares / slack).sum(axis=-1)
    across = 4.0 * twice * shares / (slack * slack)
    for order, slope in enumerate(steep):
        mixed = np.einsum("...r,...r->...", across, slope)
        hessian[0, order] += mixed
        hessian[order, 0] += mixed
    hessian[0, 0] += (twice * twice * (2.0 * (1.0 + shares * shares) / (slack * slack) + 4.0)).sum(axis=-1)
    return gradient, hessian


def _ball_barrier(shares: FloatArray, slopes: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
    """The same of -log(1 - |share|^2)."""
    slack = 1.0 - np.einsum("mi,mi->m", shares, shares)
    pulls = np.stack([2.0 * np.einsum("mi,mi->m", shares, slope) / slack for slope in slopes])
    bends = np.einsum("ami,bmi->abm", np.stack(slopes), np.stack(slopes))
    return pulls, 2.0 * bends / slack + pulls[:, None] * pulls[None]


def _basis(shares: FloatArray, span_s: float) -> FloatArray:
    """Uniform cubic B-splines, their first and second derivatives at shares of an interval, shape (k, 3, 4)."""
    u = shares
    values = np.stack([(1.0 - u) ** 3, (3.0 * u - 6.0) * u**2 + 4.0, ((3.0 - 3.0 * u) * u + 3.0) * u + 1.0, u**3])
    first = np.stack([-3.0 * (1.0 - u) ** 2, (9.0 * u - 12.0) * u, (6.0 - 9.0 * u) * u + 3.0, 3.0 * u**2])
    second = np.stack([6.0 - 6.0 * u, 18.0 * u - 12.0, 6.0 - 18.0 * u, 6.0 * u])
    return np.asarray(np.stack([values, first / span_s, second / span_s**2]).transpose(2, 0, 1) / 6.0)
