"""Pairs of shapes that no position of the joints brings near each other: proven once, never looked at again.

Two shapes move against each other by the joints between them. Where a shape is round about the first or the last of
these, turning that one changes nothing. If then no more than one is left, its whole range is walked through: a measured
distance holds, less what the joint can have moved since, until the next is measured.
"""

from __future__ import annotations

from collections.abc import Callable

import coal
import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.clearance import Body
from workcell_control.motion.kinematics import Arm

_ROUND_TO = 1e-6
"""How far from a joint's axis a round shape's own may be, [m] and as a sine."""
_SPARE_MIN_M = 2e-3
"""Less room than this is not walked through: the steps would become too short."""

DistanceAt = Callable[[FloatArray], float]
"""The distance of two shapes at joint positions of shape (n,), [m]."""


def stay_apart(arm: Arm, first: Body, second: Body, distance_at: DistanceAt, clearance_m: float) -> bool:
    """Whether two shapes are proven to keep more than a clearance, wherever the joints are; False may mean unknown."""
    near, far = sorted((first, second), key=lambda body: body.joint)
    joints = _joints_that_matter(arm, near, far)
    if len(joints) > 1:
        return False
    position = np.zeros(arm.joint_count)
    if not joints:
        return distance_at(position) > clearance_m + _SPARE_MIN_M
    (joint,) = joints
    lower, upper = float(arm.limits.lower[joint]), float(arm.limits.upper[joint])
    if upper - lower > 2.0 * np.pi:
        lower, upper = -np.pi, np.pi
    reach_m = float(far.levers(arm.chain.links_m)[joint])
    position[joint] = lower
    while position[joint] <= upper:
        spare_m = distance_at(position) - clearance_m
        if spare_m < _SPARE_MIN_M:
            return False
        position[joint] += spare_m / reach_m
    return True


def _joints_that_matter(arm: Arm, near: Body, far: Body) -> list[int]:
    """Indices of the joints that change how two shapes lie to each other."""
    joints = list(range(near.joint, far.joint))
    if joints and _is_round(far, np.zeros(3), arm.chain.axes[joints[-1]]):
        joints.pop()
    if joints:
        placement = arm.model.jointPlacements[joints[0] + 1]
        if _is_round(near, placement.translation, placement.rotation @ arm.chain.axes[joints[0]]):
            joints.pop(0)
    return joints


def _is_round(body: Body, point: FloatArray, axis: FloatArray) -> bool:
    """Whether turning a shape about an axis through a point, both in its parent's frame, changes nothing."""
    if not isinstance(body.shape, coal.Cylinder | coal.Capsule):
        return False
    tilt = np.cross(body.rotation[:, 2], axis)
    offset = np.cross(body.translation - point, axis)
    return bool(max(np.abs(tilt).max(), np.abs(offset).max()) < _ROUND_TO)
