"""Cubic splines through evenly spaced points of several joints, with not-a-knot ends.

De Boor, "A Practical Guide to Splines".
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from workcell_control.motion.arrays import FloatArray

_DEGREE = 3


class CubicSpline:
    """A piecewise cubic with continuous second derivative; the third is continuous at the second and last but one knot.

    Args:
        length: From the first knot, 0, to the last.
        values: What it passes through at evenly spaced knots, shape (k, n) with k at least 4.
    """

    def __init__(self, length: float, values: FloatArray) -> None:
        if len(values) <= _DEGREE:
            raise ValueError(f"a cubic needs {_DEGREE + 1} knots or more, got {len(values)}")
        self._step = length / (len(values) - 1)
        slopes = (values[1:] - values[:-1]) / self._step
        tangents = _tangents_from_slopes(len(values)) @ slopes
        bend = (tangents[:-1] + tangents[1:] - 2.0 * slopes) / self._step
        self.coefficients = np.array(
            [values[:-1], tangents[:-1], (slopes - tangents[:-1]) / self._step - bend, bend / self._step]
        )
        """Of (s - knot)^0 to ^3, shape (4, k - 1, n)."""

    def orders(self, at: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Position and first three derivatives at places of shape (m,), shape (m, n) each; ends are extrapolated."""
        last = self.coefficients.shape[1] - 1
        segments = np.minimum(np.maximum((at / self._step).astype(np.intp), 0), last)
        coefficients = self.coefficients[:, segments]
        first_three = cubic_orders(coefficients, (at - segments * self._step)[:, None])
        return *first_three, 6.0 * coefficients[3]


def cubic_orders(coefficients: FloatArray, offset: FloatArray | float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Value, first and second derivative of cubics from their coefficients of offset^0 to ^3, shape (4, ..., n)."""
    c0, c1, c2, c3 = coefficients
    bent = 3.0 * c3 * offset
    return ((c3 * offset + c2) * offset + c1) * offset + c0, (bent + 2.0 * c2) * offset + c1, 2.0 * (bent + c2)


@lru_cache(maxsize=64)
def _tangents_from_slopes(count: int) -> FloatArray:
    """The matrix that makes the first derivatives at the knots of the slopes between them, (count, count - 1)."""
    left, right = np.zeros((count, count)), np.zeros((count, count - 1))
    inner = np.arange(1, count - 1)
    left[inner, inner - 1], left[inner, inner], left[inner, inner + 1] = 1.0, 4.0, 1.0
    right[inner, inner - 1], right[inner, inner] = 3.0, 3.0
    for row, neighbour, slope, next_slope in ((0, 1, 0, 1), (count - 1, count - 2, count - 2, count - 3)):
        left[row, row], left[row, neighbour] = 1.0, 2.0
        right[row, slope], right[row, next_slope] = 2.5, 0.5
    return np.asarray(np.linalg.solve(left, right))
