"""toppra on the same path and bounds as ours: time-optimal without a jerk limit."""

from __future__ import annotations

import numpy as np
import toppra
import toppra.algorithm
import toppra.constraint

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.passage import MotionBounds
from workcell_control.motion.path import JointPath

GRID = 400
_DIRECTIONS = 64


class _PathOfOurs(toppra.interpolator.AbstractGeometricPath):
    def __init__(self, path: JointPath) -> None:
        self._path = path

    def __call__(self, at: FloatArray, order: int = 0) -> FloatArray:
        rows = self._path.sample(np.atleast_1d(np.asarray(at, dtype=np.float64)), order)
        return rows if np.ndim(at) else rows[0]

    @property
    def dof(self) -> int:
        return int(self._path.coefficients.shape[2])

    @property
    def path_interval(self) -> FloatArray:
        return np.array([0.0, self._path.length])

    @property
    def waypoints(self) -> None:
        return None


def duration_s(arm: Arm, path: JointPath, bounds: MotionBounds) -> float:
    """Time of toppra's passage from rest to rest, its bounds held at both ends of each interval."""
    toppra.setup_logging("ERROR")
    both = toppra.constraint.DiscretizationType.Interpolation
    velocity, acceleration = bounds.limits.velocity, bounds.limits.acceleration
    constraints = [
        _velocity(path, velocity),
        toppra.constraint.JointAccelerationConstraint(np.stack([-acceleration, acceleration], axis=1), both),
    ]
    if bounds.dynamics is not None:
        constraints.append(_torque(bounds, both))
    if np.isfinite(bounds.tool_acceleration_max_m_s2):
        constraints.append(_tool(arm, bounds.tool_acceleration_max_m_s2, both))
    grid = np.unique(np.concatenate([np.linspace(0.0, path.length, GRID), path.knots]))
    # Knots of ours may lie nearer to each other than toppra takes for two.
    grid = grid[np.diff(grid, prepend=-1.0) > 1e-6]
    grid[-1] = path.length
    solver = toppra.algorithm.TOPPRA(constraints, _PathOfOurs(path), grid, parametrizer="ParametrizeConstAccel")
    passage = solver.compute_trajectory(0.0, 0.0)
    if passage is None:
        raise RuntimeError("toppra found no passage")
    return float(passage.duration)


def _velocity(path: JointPath, velocity: FloatArray) -> object:
    """The joints' velocity limits, and with them the path's own bound of its rate, such as a tool speed sets."""

    def limits_at(place: float) -> FloatArray:
        at = np.array([min(max(place, 0.0), path.length)])
        rate = float(path.rate_max[path.pieces_of(at)][0])
        slope = np.abs(path.sample(at, 1)[0])
        bound = np.minimum(velocity, slope * rate + 1e-6) if np.isfinite(rate) else velocity
        return np.stack([-bound, bound], axis=1)

    return toppra.constraint.JointVelocityConstraintVarying(limits_at)


def _torque(bounds: MotionBounds, both: object) -> object:
    dynamics = bounds.dynamics
    assert dynamics is not None

    def inverse(q: FloatArray, v: FloatArray, a: FloatArray) -> FloatArray:
        return np.asarray(dynamics.torques(q[None], v[None], a[None])[0])

    limits = np.stack([-dynamics.torque_max, dynamics.torque_max], axis=1)
    return toppra.constraint.JointTorqueConstraint(inverse, limits, np.zeros(6), both)


def _tool(arm: Arm, acceleration_max: float, both: object) -> object:
    """The ball of the allowed acceleration, from outside by planes in directions spread over the sphere."""
    turns = np.pi * (1.0 + np.sqrt(5.0)) * (np.arange(_DIRECTIONS) + 0.5)
    z = 1.0 - 2.0 * (np.arange(_DIRECTIONS) + 0.5) / _DIRECTIONS
    planes = np.stack([np.cos(turns) * np.sqrt(1 - z * z), np.sin(turns) * np.sqrt(1 - z * z), z], axis=1)

    def inverse(q: FloatArray, v: FloatArray, a: FloatArray) -> FloatArray:
        return np.asarray(arm.tool_motion(q[None], v[None], a[None]).acceleration[0])

    return toppra.constraint.SecondOrderConstraint(
        inverse, lambda _: planes, lambda _: np.full(_DIRECTIONS, acceleration_max), 6, discretization_scheme=both
    )
