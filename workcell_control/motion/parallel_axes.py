"""Every branch of six-axis arms whose axes 2, 3 and 4 are parallel, for many poses at once.

This is the structure of the Universal Robots and many other collaborative arms. The solution is geometric, in the
screw form of Paden and Kahan ("Kinematics and control of robot manipulators", 1986) with the order of Hawkins
("Analytic inverse kinematics for the Universal Robots UR-5/UR-10 arms", 2013), so that it needs no particular choice
of frames: axis 1 is perpendicular to 2, axis 5 to 4, axis 6 to 5, and axes 5 and 6 intersect, as do 4 and 5.
"""

from __future__ import annotations

import math

import numpy as np

from workcell_control.motion.arrays import FloatArray

BRANCH_COUNT = 8
_REACH_SLACK = 1e-9
"""How far a cosine may exceed 1 by rounding where a pose lies just at the end of reach."""
_EXACT = 1e-9
_IDENTITY = np.eye(3)
_WRIST_SINE_MIN = 1e-12


class ParallelAxesArm:
    """Screws of the arm at its zero configuration in the world.

    Args:
        axes: Unit vectors of the structure that this solver is for (see `near`), shape (6, 3).
        points: A point on each axis, shape (6, 3).
        tool: Pose of the tool at zero, shape (4, 4).
        reach_slack: How far a cosine may exceed 1, to the pose at the end of reach: more where the arm in question
            is only near this one.
    """

    def __init__(self, axes: FloatArray, points: FloatArray, tool: FloatArray, reach_slack: float) -> None:
        self._axes = axes
        self._points = points
        self._tool_rotation = tool[:3, :3].copy()
        self._wrist_from_tool = points[4] - tool[:3, 3]
        self._reach_slack = reach_slack
        self._across_base = np.cross(axes[0], axes[1])
        self._offset = float(axes[1] @ (points[4] - points[0]))
        self._side = float(np.sign(axes[5] @ axes[1]))
        across = np.cross(axes[5], axes[4])
        self._roll_basis = np.stack([axes[4], across])
        # At joint 6's zero the parallel axis, bent by joint 5, lies along -sin(bend) (h5 x h2).
        lies = self._roll_basis @ np.cross(axes[4], axes[1])
        self._roll_zero = float(np.arctan2(lies[1], lies[0]))
        self._plane = np.stack(_basis(axes[1]))
        self._upper = self._plane @ (points[2] - points[1])
        self._fore = self._plane @ (points[3] - points[2])
        self._signs = np.sign(axes[2:4] @ axes[1])

    @staticmethod
    def near(
        axes: FloatArray, points: FloatArray, tool: FloatArray, *, tilt_max_rad: float = 0.02, gap_max_m: float = 0.005
    ) -> ParallelAxesArm | None:
        """The ideal arm next to the given screws, or None where they are further from one than the tolerances.

        A calibrated arm's axes are nearly, not quite, parallel: the branches of its ideal neighbour are then seeds.

        Args:
            axes: Unit axes at zero, shape (6, 3).
            points: Points on them, shape (6, 3).
            tool: Pose of the tool at zero, shape (4, 4).
            tilt_max_rad: Largest tilt of an axis.
            gap_max_m: Largest gap between axes that should intersect.
        """
        h1 = axes[0]
        h2 = _unit(_without(np.mean([axes[1], _alike(axes[2], axes[1]), _alike(axes[3], axes[1])], axis=0), h1))
        h5 = _unit(_without(axes[4], h2))
        h6 = _unit(_without(axes[5], h5))
        ideal = np.array([h1, h2, _alike(h2, axes[2]), _alike(h2, axes[3]), h5, h6])
        tilt = np.linalg.norm(np.cross(ideal, axes), axis=1)
        wrist, gap_56 = _meeting(points[4], ideal[4], points[5], ideal[5])
        on_four, gap_45 = _meeting(points[3], ideal[3], wrist, ideal[4])
        is_like = tilt.max() <= tilt_max_rad and max(gap_56, gap_45) <= gap_max_m
        # The wrist must turn about all directions: axis 6 in line with the parallel axes at zero keeps the formula
        # for the bending angle free of an offset.
        if not is_like or abs(float(h6 @ h2)) < 1.0 - tilt_max_rad:
            return None
        ideal[5] = _alike(h2, h6)
        places = np.array([points[0], points[1], points[2], on_four, wrist, wrist])
        is_exact = max(float(tilt.max()), gap_56, gap_45) < _EXACT
        slack = _REACH_SLACK if is_exact else tilt_max_rad
        return ParallelAxesArm(ideal, places, tool, slack)

    def solve(self, rotation: FloatArray, translation: FloatArray, wrist_3_rad: FloatArray) -> FloatArray:
        """Joint angles of every branch, shape (6, 8, k), NaN where a branch does not reach.

        Args:
            rotation: Tool rotations, shape (3, 3, k).
            translation: Tool positions, shape (3, k).
            wrist_3_rad: Angle of joint 6 to take where the wrist is straight and any will do, shape (k,).
        """
        h1, h2, _, _, h5, h6 = self._axes
        turned = np.einsum("ijk,lj->ilk", rotation, self._tool_rotation)  # R M^-1
        centre = translation + np.einsum("ijk,j->ik", turned, self._wrist_from_tool)
        theta_1 = self._base(centre)[:, None]  # (2, 1, k)
        parallel = _rotated(h1, theta_1, h2)  # axis 2 turned by joint 1, (3, 2, 1, k)
        bend = self._bend(np.einsum("ijk,j->ik", turned, h6), parallel)  # (2, 2, k)
        theta_6 = self._roll(np.einsum("ijk,iabk->jabk", turned, parallel), bend, wrist_3_rad)
        unturned = _rotations(h1, -theta_1)
        flange = _mul(unturned, turned[:, :, None, None])  # R1^T R M^-1, (3, 3, 2, 1, k)
        # The turn of joints 2, 3 and 4 together, (3, 3, 2, 2, k).
        total = _mul(_mul(flange, _rotations(h6, -theta_6)), _rotations(h5, -bend))
        e, f = self._plane
        column = np.einsum("ij...,j->i...", total, e)
        sum_234 = np.arctan2(np.einsum("i,i...->...", f, column), np.einsum("i,i...->...", e, column))
        first = self._points[0][:, None, None, None]
        base = first + np.einsum("ijabk,jabk->iabk", unturned, centre[:, None, None] - first)
        elbow_target = base - np.einsum("ij...,j->i...", total, self._points[4] - self._points[3])
        theta_2, theta_3 = self._two_links(elbow_target)  # (2, 2, 2, k)
        angles = np.empty((6, *theta_2.shape))
        angles[0], angles[1], angles[4], angles[5] = theta_1, theta_2, bend, theta_6
        angles[2] = self._signs[0] * theta_3
        angles[3] = self._signs[1] * (sum_234 - theta_2 - theta_3)
        return _wrapped(angles).reshape(6, BRANCH_COUNT, -1)

    def _base(self, centre: FloatArray) -> FloatArray:
        """Angle of joint 1 for which the wrist lies its offset along axis 2, shape (2, k)."""
        relative = centre - self._points[0][:, None]
        x, y = self._axes[1] @ relative, self._across_base @ relative
        radius = np.maximum(np.hypot(x, y), 1e-12)
        swing = _arccos(self._offset / radius, self._reach_slack)
        heading = np.arctan2(y, x)
        return np.stack([heading + swing, heading - swing])

    def _bend(self, tool_axis: FloatArray, parallel: FloatArray) -> FloatArray:
        """Angle of joint 5, shape (2, 2, k): how far axis 6 leans from the parallel axes, either way."""
        cosine = self._side * np.einsum("jk,jabk->abk", tool_axis, parallel)[:, 0]
        x, y, z = tool_axis[:, None]
        u, v, w = parallel[:, :, 0]
        # By both parts: the arc cosine alone would lose half the digits where the wrist is nearly straight.
        sine = np.sqrt((y * w - z * v) ** 2 + (z * u - x * w) ** 2 + (x * v - y * u) ** 2)
        lean = np.arctan2(sine, cosine)
        return np.stack([lean, -lean], axis=1)

    def _roll(self, parallel: FloatArray, bend: FloatArray, free_rad: FloatArray) -> FloatArray:
        """Angle of joint 6 from where the parallel axes lie as the tool sees them, `parallel` (3, 2, 1, k)."""
        u, v = np.einsum("pj,jabk->pabk", self._roll_basis, parallel)
        sine = np.sin(bend)
        angle = self._roll_zero + np.where(sine > 0.0, np.pi, 0.0) - np.arctan2(v, u)
        return np.where(np.abs(sine) < _WRIST_SINE_MIN, free_rad, angle)

    def _two_links(self, target: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Angles about h2 of joints 2 and 3 that bring the point on axis 4 to `target`, each (2, 2, 2, k)."""
        upper, fore = self._upper, self._fore
        goal = np.einsum("pj,jabk->pabk", self._plane, target - self._points[1][:, None, None, None])
        a, b = math.hypot(*upper), math.hypot(*fore)
        upper_rad, fore_rad = math.atan2(upper[1], upper[0]), math.atan2(fore[1], fore[0])
        distance_2 = goal[0] ** 2 + goal[1] ** 2
        fold = _arccos((distance_2 - a * a - b * b) / (2.0 * a * b), self._reach_slack)
        folds = np.stack([fold, -fold])
        lag = np.arctan2(b * np.sin(folds), a + b * np.cos(folds))
        heading = np.arctan2(goal[1], goal[0])
        return heading - lag - upper_rad, folds + (upper_rad - fore_rad)


def _unit(vector: FloatArray) -> FloatArray:
    return np.asarray(vector / np.linalg.norm(vector))


def _without(vector: FloatArray, axis: FloatArray) -> FloatArray:
    return np.asarray(vector - axis * float(axis @ vector))


def _alike(vector: FloatArray, other: FloatArray) -> FloatArray:
    """`vector` or its opposite, whichever points the way of `other`."""
    return vector if float(vector @ other) >= 0.0 else -vector


def _meeting(p: FloatArray, u: FloatArray, q: FloatArray, v: FloatArray) -> tuple[FloatArray, float]:
    """The point of line (p, u) next to line (q, v), and the gap between the lines."""
    across = np.cross(u, v)
    square = float(across @ across)
    if square < 1e-6:
        return p, float("inf")
    along = float(np.cross(q - p, v) @ across) / square
    return p + along * u, abs(float((q - p) @ across)) / np.sqrt(square)


def _basis(axis: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Two directions e, f with e x f = axis."""
    helper = np.eye(3)[int(np.argmin(np.abs(axis)))]
    e = _unit(np.cross(helper, axis))
    return e, np.cross(axis, e)


def _arccos(cosine: FloatArray, slack: float) -> FloatArray:
    """Arc cosine; NaN beyond reach, 0 or pi within `slack` of it."""
    inside = np.abs(cosine) <= 1.0 + slack
    return np.where(inside, np.arccos(np.clip(cosine, -1.0, 1.0)), np.nan)


def _wrapped(angle: FloatArray) -> FloatArray:
    """Angles in [-pi, pi]."""
    return np.asarray(angle - 2.0 * np.pi * np.rint(angle / (2.0 * np.pi)))


def _rotations(axis: FloatArray, angle: FloatArray) -> FloatArray:
    """Rodrigues' rotation matrices, shape (3, 3, ...)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    along = axis[:, None] * axis
    tail = (...,) + (None,) * angle.ndim
    return np.asarray(along[tail] + (_IDENTITY - along)[tail] * np.cos(angle) + cross[tail] * np.sin(angle))


def _rotated(axis: FloatArray, angle: FloatArray, vector: FloatArray) -> FloatArray:
    """A fixed vector turned by angles of any shape, (3, ...)."""
    return np.asarray(np.einsum("ij...,j->i...", _rotations(axis, angle), vector))


def _mul(left: FloatArray, right: FloatArray) -> FloatArray:
    """Matrix products of (3, 3, ...) with (3, 3, ...)."""
    product = left[:, 0, None] * right[None, 0]
    product += left[:, 1, None] * right[None, 1]
    product += left[:, 2, None] * right[None, 2]
    return product
