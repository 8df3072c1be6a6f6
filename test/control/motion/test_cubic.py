"""Cubic splines of tool paths."""

import numpy as np
import pytest

from workcell_control.motion.cubic import CubicSpline

KNOTS = np.linspace(0.0, 2.9, 6)


def test_a_cubic_is_met_exactly_with_its_derivatives():
    # Not-a-knot ends reproduce any single cubic.
    coefficients = np.array([[1.0, -2.0], [0.5, 3.0], [-1.5, 0.25], [2.0, -0.75]])

    def truth(at, order=0):
        rows = [np.polynomial.polynomial.polyder(column, order) for column in coefficients.T]
        return np.stack([np.polynomial.polynomial.polyval(at, row) for row in rows], axis=1)

    spline = CubicSpline(2.9, truth(KNOTS))
    at = np.linspace(0.0, 2.9, 41)
    for order in range(4):
        np.testing.assert_allclose(spline.orders(at)[order], truth(at, order), atol=1e-11)


def test_it_passes_its_points_with_continuous_second_derivative():
    values = np.random.default_rng(3).normal(size=(6, 2))
    spline = CubicSpline(2.9, values)
    np.testing.assert_allclose(spline.orders(KNOTS)[0], values, atol=1e-12)
    inner = KNOTS[1:-1]
    for order in range(3):
        np.testing.assert_allclose(spline.orders(inner - 1e-10)[order], spline.orders(inner + 1e-10)[order], atol=1e-6)


def test_the_third_derivative_has_no_jump_at_the_outer_inner_knots():
    spline = CubicSpline(2.9, np.random.default_rng(4).normal(size=(6, 1)))
    for knot in (KNOTS[1], KNOTS[-2]):
        before, after = spline.orders(np.array([knot - 1e-6, knot + 1e-6]))[3]
        assert before == pytest.approx(after)


def test_too_few_points_are_refused():
    with pytest.raises(ValueError, match="4 knots or more"):
        CubicSpline(2.9, np.zeros((3, 1)))
