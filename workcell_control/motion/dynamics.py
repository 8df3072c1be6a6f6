"""Torques of the joints along a motion, with what the tool carries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.kinematics import Arm
from workcell_control.motion.retiming import RateRows
from workcell_control.motion.timing import Bounds, PathPoint
from workcell_control.motion.trajectory import JointTrajectory


@dataclass(frozen=True)
class Payload:
    """What the tool carries: a mass, seen as a point in the tool's frame."""

    mass_kg: float = 0.0
    centre_m: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if not self.mass_kg >= 0.0:
            raise ValueError(f"payload mass {self.mass_kg} kg: expected 0 or more")


class ArmDynamics:
    """Inverse dynamics of an arm by the recursive Newton-Euler algorithm (Featherstone, 2008), with a payload.

    `torque_max` is the effort limit of each joint in the robot description, [N m], shape (n,). An instance holds
    scratch memory: use it from one thread.
    """

    def __init__(self, arm: Arm, payload: Payload | None = None) -> None:
        self._model, self._data = arm.model, arm.scratch
        if payload is not None and payload.mass_kg > 0.0:
            self._model = arm.model.copy()
            frame = self._model.frames[self._model.getFrameId(arm.tool_frame)]
            centre = frame.placement.act(np.array(payload.centre_m))
            load = pin.Inertia(payload.mass_kg, centre, np.zeros((3, 3)))
            self._model.appendBodyToJoint(frame.parentJoint, load, pin.SE3.Identity())
            self._data = self._model.createData()
        limit = np.array(self._model.effortLimit, dtype=np.float64)
        self.torque_max = np.where(limit > 0.0, limit, np.inf)

    def torques(self, position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
        """Torque of each joint along m samples, [N m], shape (m, n)."""
        model, data = self._model, self._data
        rows = zip(position, velocity, acceleration, strict=True)
        return np.array([pin.rnea(model, data, q, v, a) for q, v, a in rows]).reshape(position.shape)

    def path_bounds(self, points: PathPoint, share: float) -> Bounds:
        """Torque bounds along a path: |m u + (c) x + g| <= share of the limit, with its gravity taken off the bound.

        Where gravity alone exceeds the bound, standing still is taken to be allowed.
        """
        gravity, inertial, quadratic = self._along(points.position, points.first, points.second)
        bound = share * self.torque_max
        a = np.concatenate([inertial, -inertial], axis=1)
        b = np.concatenate([quadratic, -quadratic], axis=1)
        c = np.maximum(np.concatenate([bound - gravity, bound + gravity], axis=1), 1e-6)
        return Bounds(a, b, c)

    def rate_rows(self, move: JointTrajectory, share: float) -> RateRows:
        """Torques along a move that is passed at another rate, as shares of `share` of their limits.

        Where gravity alone exceeds that, standing still is taken to be allowed.
        """
        gravity, inertial, quadratic = self._along(move.position, move.velocity, move.acceleration)
        bound = np.maximum(share * self.torque_max, _GRAVITY_ROOM * np.abs(gravity))
        return RateRows(gravity / bound, quadratic / bound, 0.5 * inertial / bound)

    def _along(
        self, position: FloatArray, first: FloatArray, second: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """What makes the torques along q(s): gravity, what goes with d^2s/dt^2, what goes with (ds/dt)^2."""
        zero = np.zeros_like(position)
        gravity = self.torques(position, zero, zero)
        return (
            gravity,
            self.torques(position, zero, first) - gravity,
            self.torques(position, first, second) - gravity,
        )


def tool_rows(arm: Arm, move: JointTrajectory, acceleration_max_m_s2: float) -> RateRows:
    """The tool's acceleration along a move that is passed at another rate, as shares of a bound, shape (k, 3) each."""
    motion = arm.tool_motion(move.position, move.velocity, move.acceleration)
    scale = 1.0 / acceleration_max_m_s2
    square = scale * motion.acceleration
    return RateRows(np.zeros_like(square), square, 0.5 * scale * motion.velocity)


def tool_bounds(arm: Arm, points: PathPoint, acceleration_max_m_s2: float) -> Bounds:
    """Bounds of the tool's acceleration along a path: a polygon inside the disc of the allowed acceleration.

    The acceleration p' u + p'' x lies in the plane of the path's tangent and its normal.
    """
    # Passed evenly, ds/dt being 1, the tool's velocity and acceleration are p' and p''.
    motion = arm.tool_motion(points.position, points.first, points.second)
    first, second = motion.velocity, motion.acceleration
    slope = np.sqrt((first * first).sum(axis=1))
    along = (first * second).sum(axis=1) / np.maximum(slope, 1e-9)
    across = np.sqrt(np.maximum((second * second).sum(axis=1) - along**2, 0.0))
    a = slope[:, None] * _POLYGON_COS
    b = along[:, None] * _POLYGON_COS + across[:, None] * _POLYGON_SIN
    return Bounds(a, b, np.full(a.shape, acceleration_max_m_s2 * np.cos(np.pi / _POLYGON_SIDES)))


_GRAVITY_ROOM = 1.01
_POLYGON_SIDES = 16
_POLYGON = np.arange(_POLYGON_SIDES // 2 + 1) * (2.0 * np.pi / _POLYGON_SIDES)
_POLYGON_COS, _POLYGON_SIN = np.cos(_POLYGON), np.sin(_POLYGON)
