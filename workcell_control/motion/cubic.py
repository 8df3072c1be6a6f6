"""Cubic splines through points of several joints, with not-a-knot ends (de Boor, "A Practical Guide to Splines")."""

from __future__ import annotations

import numpy as np

from workcell_control.motion.arrays import FloatArray

_DEGREE = 3


class CubicSpline:
    """A piecewise cubic with continuous second derivative; the third is continuous at the second and last but one knot.

    Args:
        knots: Increasing, shape (k,) with k at least 4.
        values: What it passes through, shape (k, n).
    """

    def __init__(self, knots: FloatArray, values: FloatArray) -> None:
        if len(knots) <= _DEGREE:
            raise ValueError(f"a cubic needs {_DEGREE + 1} knots or more, got {len(knots)}")
        steps = np.diff(knots)
        slopes = np.diff(values, axis=0) / steps[:, None]
        tangents = _tangents(steps, slopes)
        bend = (tangents[:-1] + tangents[1:] - 2.0 * slopes) / steps[:, None]
        self._knots = knots
        self.coefficients = np.stack(
            [values[:-1], tangents[:-1], (slopes - tangents[:-1]) / steps[:, None] - bend, bend / steps[:, None]]
        )
        """Of (s - knot)^0 to ^3, shape (4, k - 1, n)."""

    def sample(self, at: FloatArray, order: int = 0) -> FloatArray:
        """Returns the derivative of an order 0..3 at places of shape (m,), shape (m, n); ends are extrapolated."""
        segments = np.clip(np.searchsorted(self._knots, at, side="right") - 1, 0, len(self._knots) - 2)
        offset = (at - self._knots[segments])[:, None]
        result = np.zeros((len(at), self.coefficients.shape[2]))
        for power in range(_DEGREE, order - 1, -1):
            factor = float(np.prod(np.arange(power - order + 1, power + 1)))
            result = result * offset + factor * self.coefficients[power][segments]
        return result


def _tangents(steps: FloatArray, slopes: FloatArray) -> FloatArray:
    """Solves for the first derivative at each knot, shape (k, n)."""
    count = len(steps) + 1
    matrix = np.zeros((count, count))
    right = np.empty((count, slopes.shape[1]))
    inner = np.arange(1, count - 1)
    matrix[inner, inner - 1] = steps[1:]
    matrix[inner, inner] = 2.0 * (steps[:-1] + steps[1:])
    matrix[inner, inner + 1] = steps[:-1]
    right[1:-1] = 3.0 * (steps[1:, None] * slopes[:-1] + steps[:-1, None] * slopes[1:])
    for row, (h0, h1), (m0, m1), column in (
        (0, steps[:2], slopes[:2], 1),
        (count - 1, steps[-1:-3:-1], slopes[-1:-3:-1], count - 2),
    ):
        both = h0 + h1
        matrix[row, row], matrix[row, column] = h1, both
        right[row] = ((h0 + 2.0 * both) * h1 * m0 + h0**2 * m1) / both
    return np.asarray(np.linalg.solve(matrix, right))
