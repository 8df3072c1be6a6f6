"""Forward kinematics of many configurations at once, in numpy.

Pinocchio is fast for one configuration; for hundreds, a call for each costs more than the arithmetic. Here a whole
path, or every branch of thousands of poses, goes through the joints together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pinocchio as pin

from workcell_control.motion.arrays import FloatArray


@dataclass(frozen=True)
class ChainFrames:
    """Frames of n joints at m configurations in the world; the configurations are the last axis.

    `rotation` has shape (n + 1, 3, 3, m) and `origin` (n + 1, 3, m): joints 0..n-1, then the tool.
    """

    rotation: FloatArray
    origin: FloatArray


class SerialChain:
    """Revolute joints from the world to a tool.

    Args:
        model: Holds only the joints of the chain, in order.
        tool_id: Index of the tool's frame.

    Raises:
        ValueError: a joint is not a single revolute one.
    """

    def __init__(self, model: pin.Model, tool_id: int) -> None:
        if any(nq != 1 for nq in model.nqs[1:]):
            raise ValueError("the chain has a joint that is not a single revolute one")
        self.joint_count = int(model.nq)
        self.axes = _joint_axes(model)  # (n, 3), in the joint's frame
        placements = [model.jointPlacements[i + 1] for i in range(self.joint_count)]
        tool = model.frames[tool_id].placement
        self._root = placements[0].translation[:, None].copy()
        # From each joint to the next or the tool, in its own frame, as rows.
        self._offsets = np.array([placement.translation for placement in [*placements[1:], tool]])[:, None, None]
        self._tool_unturned = tool.rotation.T.copy()
        self.links_m = np.linalg.norm(self._offsets[:, 0, 0], axis=1)  # from each joint's origin to the next one's
        # A turned joint's rotation is linear in 1, cosine and sine.
        self._rotation_parts = _rotation_parts(placements, self.axes)

    def frames(self, position: FloatArray) -> ChainFrames:
        """Frames of every joint and the tool at configurations of shape (m, n)."""
        count, rows = self.joint_count, len(position)
        turns = np.ones((count, 3, rows))
        np.cos(position.T, out=turns[:, 1])
        np.sin(position.T, out=turns[:, 2])
        local = (self._rotation_parts @ turns).reshape(count, 3, 3, rows)
        rotation = np.empty((count + 1, 3, 3, rows))
        rotation[0] = local[0]
        for joint in range(1, count):
            np.einsum("ijm,jkm->ikm", rotation[joint - 1], local[joint], out=rotation[joint])
        np.matmul(self._tool_unturned, rotation[count - 1], out=rotation[count])
        origin = np.empty((count + 1, 3, rows))
        origin[0] = self._root
        np.matmul(self._offsets, rotation[:count], out=origin[1:, :, None])
        _sum_up(origin)
        return ChainFrames(rotation, origin)

    def tool_poses(self, position: FloatArray) -> FloatArray:
        """Tool poses, shape (m, 4, 4), at configurations of shape (m, n)."""
        frames = self.frames(position)
        poses = np.zeros((len(position), 4, 4))
        poses[:, :3, :3] = frames.rotation[-1].transpose(2, 0, 1)
        poses[:, :3, 3] = frames.origin[-1].T
        poses[:, 3, 3] = 1.0
        return poses

    def jacobian(self, frames: ChainFrames) -> FloatArray:
        """Geometric Jacobians, shape (m, 6, n): tool velocity, then angular velocity, in world axes."""
        count = self.joint_count
        axes = self.world_axes(frames)
        linear = _cross(axes, frames.origin[count] - frames.origin[:count])
        return np.concatenate([linear, axes], axis=1).transpose(2, 1, 0)

    def world_axes(self, frames: ChainFrames) -> FloatArray:
        """Axes of the joints in the world, shape (n, 3, m)."""
        return np.asarray((self.axes[:, None, None] @ frames.rotation[: self.joint_count])[:, :, 0])

    def tool_motion(self, position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> ToolMotion:
        """Velocity and (classical) acceleration of the tool's origin along m samples of shape (m, n)."""
        frames = self.frames(position)
        axes = self.world_axes(frames)
        levers = _cross(axes, frames.origin[-1] - frames.origin[:-1])
        swept = levers * velocity.T[:, None]  # each joint's share of the tool's velocity
        spin = axes * velocity.T[:, None]
        turning = spin.copy()
        _sum_up(turning)  # angular velocity of each link
        # A joint's share is turned by the links before it, and itself turns the shares of those behind it.
        turning *= 2.0
        turning -= spin
        parts = _cross(turning, swept)
        levers *= acceleration.T[:, None]
        parts += levers
        return ToolMotion(swept.sum(axis=0).T, parts.sum(axis=0).T)


@dataclass(frozen=True)
class ToolMotion:
    """Motion of the tool's origin in the world, one row per sample.

    `velocity` and `acceleration` have shape (m, 3), [m/s] and [m/s^2].
    """

    velocity: FloatArray
    acceleration: FloatArray


def _sum_up(rows: FloatArray) -> None:
    """Adds to each of a few long rows, in place, all before it; `cumsum` would go through them column by column."""
    for before, row in itertools.pairwise(rows):
        np.add(before, row, out=row)


_NEXT, _NEXT_BUT_ONE = np.array([1, 2, 0]), np.array([2, 0, 1])


def _cross(a: FloatArray, b: FloatArray) -> FloatArray:
    """Cross products along the middle axis of two arrays of shape (k, 3, m)."""
    result = a.take(_NEXT, axis=1) * b.take(_NEXT_BUT_ONE, axis=1)
    result -= a.take(_NEXT_BUT_ONE, axis=1) * b.take(_NEXT, axis=1)
    return np.asarray(result)


def twists_between(frames: ChainFrames, rotation: FloatArray, translation: FloatArray) -> FloatArray:
    """Motions, shape (m, 6), from reached tool frames to wanted ones: shift [m] and turn [rad] in world axes.

    Args:
        frames: What is reached.
        rotation: Wanted rotations, shape (3, 3, m).
        translation: Wanted positions, shape (3, m).
    """
    reached = frames.rotation[-1]
    shift = translation - frames.origin[-1]
    skew = np.zeros_like(shift)
    for column in range(3):
        a, b = reached[:, column], rotation[:, column]
        skew[0] += a[1] * b[2] - a[2] * b[1]
        skew[1] += a[2] * b[0] - a[0] * b[2]
        skew[2] += a[0] * b[1] - a[1] * b[0]
    skew *= 0.5
    cosine = 0.5 * (np.einsum("ijm,ijm->m", reached, rotation) - 1.0)
    sine = np.sqrt((skew * skew).sum(axis=0))
    # Rodrigues: the skew part is the axis times the sine. Half a turn has no axis to show; any will do to get away.
    skew[0, (sine < 1e-9) & (cosine < 0.0)] = 1e-9
    sine = np.maximum(sine, 1e-300)
    angle = np.arctan2(sine, cosine)
    turn = skew * np.where(cosine > 0.999, 1.0 + sine * sine / 6.0, angle / sine)
    return np.concatenate([shift, turn]).T


def _joint_axes(model: pin.Model) -> FloatArray:
    """Each joint's axis in its own frame, as its motion subspace says."""
    data = model.createData()
    pin.computeJointJacobians(model, data, np.zeros(model.nv))
    axes = np.array([data.oMi[i + 1].rotation.T @ data.J[3:, i] for i in range(model.nv)])
    if not np.allclose(np.linalg.norm(axes, axis=1), 1.0):
        raise ValueError("the chain has a joint that is not revolute")
    return axes


def _rotation_parts(placements: list[pin.SE3], axes: FloatArray) -> FloatArray:
    """Rodrigues' formula behind each joint's placement: what goes with 1, cosine and sine, shape (n, 9, 3)."""
    parts = []
    for placement, axis in zip(placements, axes, strict=True):
        along = np.outer(axis, axis)
        of_joint = [placement.rotation @ part for part in (along, np.eye(3) - along, pin.skew(axis))]
        parts.append(np.stack(of_joint, axis=-1).reshape(9, 3))
    return np.array(parts)
