"""Kinematics of a serial arm read from a URDF: forward and derivatives by Pinocchio, inverse by `ik`."""

from __future__ import annotations

import numpy as np
import pinocchio as pin

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.chain import ChainFrames, SerialChain, ToolMotion
from workcell_control.motion.ik import InverseKinematics, pose_twist
from workcell_control.motion.limits import JointLimits

DEFAULT_ACCELERATION_TO_VELOCITY_S = 0.25
DEFAULT_JERK_TO_ACCELERATION_S = 0.1


class KinematicsError(ValueError):
    """The arm model cannot be built, or a pose cannot be reached."""


class Arm:
    """A serial arm from the root of its URDF to a tool frame, with n actuated joints.

    Poses are homogeneous 4x4 matrices of the tool frame in the URDF's root frame (`world`).
    An instance holds scratch memory: use it from one thread.
    """

    def __init__(
        self,
        urdf_xml: str,
        tool_frame: str = "tool0",
        *,
        acceleration_max: FloatArray | float | None = None,
        jerk_max: FloatArray | float | None = None,
    ) -> None:
        """Build the model; joints that do not move the tool are locked at their zero.

        The URDF knows no acceleration or jerk limit. Where none is given, full speed is reached
        in 0.25 s and full acceleration in 0.1 s.

        Raises:
            KinematicsError: the URDF does not parse, or has no frame of that name.
        """
        self.model, self.full_model = _reduced_model(urdf_xml, tool_frame)
        self.tool_frame = tool_frame
        self.joint_names: tuple[str, ...] = tuple(self.model.names[1:])
        self.scratch = self.model.createData()
        """What Pinocchio works in; holds nothing between calls."""
        self._tool_id: int = self.model.getFrameId(tool_frame)
        velocity = np.asarray(self.model.velocityLimit, dtype=np.float64)
        if acceleration_max is None:
            acceleration_max = velocity / DEFAULT_ACCELERATION_TO_VELOCITY_S
        acceleration = np.broadcast_to(np.asarray(acceleration_max, dtype=np.float64), velocity.shape)
        if jerk_max is None:
            jerk_max = acceleration / DEFAULT_JERK_TO_ACCELERATION_S
        self.limits = JointLimits(
            np.asarray(self.model.lowerPositionLimit, dtype=np.float64),
            np.asarray(self.model.upperPositionLimit, dtype=np.float64),
            velocity,
            acceleration,
            np.broadcast_to(np.asarray(jerk_max, dtype=np.float64), velocity.shape),
        )
        self.chain = SerialChain(self.model, self._tool_id)
        """The same kinematics for many configurations at once."""
        self._inverse = InverseKinematics(self.model, self._tool_id, self.chain, self.limits)
        self.reach_m = float(self.chain.links_m.sum())
        """No point of the tool's frame is further from the first joint."""

    @property
    def joint_count(self) -> int:
        """Number of actuated joints n."""
        return int(self.model.nq)

    @property
    def is_analytic(self) -> bool:
        """Whether inverse kinematics finds every branch in closed form."""
        return self._inverse.is_analytic

    def fk(self, position: FloatArray) -> FloatArray:
        """Pose of the tool, shape (4, 4), at joint `position`, shape (n,) [rad]."""
        pin.framesForwardKinematics(self.model, self.scratch, position)
        return np.array(self.scratch.oMf[self._tool_id].homogeneous)

    def jacobian(self, position: FloatArray) -> FloatArray:
        """Geometric Jacobian, shape (6, n): tool velocity, then angular velocity, in world axes."""
        return np.array(
            pin.computeFrameJacobian(
                self.model,
                self.scratch,
                position,
                self._tool_id,
                pin.ReferenceFrame.LOCAL_WORLD_ALIGNED,
            )
        )

    def pose_error(self, position: FloatArray, pose: FloatArray) -> float:
        """Norm of the twist from the pose at `position` to `pose` ([m] and [rad] together)."""
        pin.framesForwardKinematics(self.model, self.scratch, position)
        return float(np.linalg.norm(pose_twist(self.scratch.oMf[self._tool_id], pose)))

    def tool_motion(self, position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> ToolMotion:
        """Velocity and (classical) acceleration of the tool's origin along k samples of shape (k, n)."""
        return self.chain.tool_motion(position, velocity, acceleration)

    def ik(self, pose: FloatArray, seed: FloatArray | None = None) -> tuple[FloatArray, ...]:
        """All branches that reach `pose` within the position limits, nearest to `seed` first.

        A joint with more than one turn of range is given the turn nearest to `seed` (zero where
        no seed is given). Every returned configuration reproduces the pose to `POSE_ERROR_MAX`.
        Empty where the pose is out of reach.
        """
        reference = np.zeros(self.joint_count) if seed is None else np.asarray(seed, dtype=np.float64)
        found = self._inverse.solve_one(np.asarray(pose, dtype=np.float64), reference)
        order = np.argsort(self.travel_costs(reference, found), kind="stable")
        return tuple(found[order])

    def ik_batch(self, poses: FloatArray, seeds: FloatArray | None = None) -> FloatArray:
        """Every branch of k poses, shape (k, b, n), rows of NaN where there are fewer than b.

        Args:
            poses: Tool poses, shape (k, 4, 4).
            seeds: Configurations, shape (k, n), to whose turns the joints are brought; zeros where not given.
        """
        references = np.zeros((len(poses), self.joint_count)) if seeds is None else seeds
        return self._inverse.solve(poses, references)

    def ik_near(self, pose: FloatArray, seed: FloatArray) -> FloatArray | None:
        """The solution on the same branch as the nearby `seed` by Newton steps, or None."""
        solution = self._inverse.follow(np.asarray(pose)[None], np.asarray(seed)[None])[0]
        return None if np.isnan(solution[0]) else solution

    def ik_along(self, poses: FloatArray, seeds: FloatArray) -> FloatArray:
        """For each of k poses the solution nearest to its nearby seed, shape (k, n), NaN where there is none."""
        return self._inverse.along(poses, seeds)

    def singularity_distance(self, position: FloatArray) -> float:
        """Smallest singular value of the Jacobian at `position`, its angular rows scaled by the arm's reach.

        Zero at a singularity; [m] of tool motion per [rad] of joint motion in the direction that is hardest to move.
        """
        return float(self.singularity_distances(self.chain.frames(position[None]))[0])

    def singularity_distances(self, frames: ChainFrames) -> FloatArray:
        """The same from the frames of m configurations, shape (m,)."""
        jacobians = self.chain.jacobian(frames)
        jacobians[:, 3:] *= self.reach_m
        return np.asarray(np.linalg.svd(jacobians, compute_uv=False)[:, -1])

    def travel_cost(self, start: FloatArray, goal: FloatArray) -> float:
        """Least time in [s] that the slowest joint needs at full speed, plus a little of the others.

        The small share of the other joints prefers, among equals, the branch that moves least.
        """
        return float(self.travel_costs(start, goal))

    def travel_costs(self, start: FloatArray, goal: FloatArray) -> FloatArray:
        """The same of many pairs, shapes (..., n) that broadcast, shape (...)."""
        times = np.abs(goal - start) / self.limits.velocity
        return np.asarray(times.max(axis=-1) + 0.05 * times.sum(axis=-1))


def _reduced_model(urdf_xml: str, tool_frame: str) -> tuple[pin.Model, pin.Model]:
    try:
        full = pin.buildModelFromXML(urdf_xml)
    except (ValueError, RuntimeError) as error:
        raise KinematicsError(f"robot description: {error}") from error
    if not full.existFrame(tool_frame):
        raise KinematicsError(f"robot description: no link or frame named '{tool_frame}'")
    chain = set(full.supports[full.frames[full.getFrameId(tool_frame)].parentJoint])
    locked = [i for i in range(1, full.njoints) if i not in chain]
    reduced = pin.buildReducedModel(full, locked, pin.neutral(full))
    if reduced.nq == 0:
        raise KinematicsError(f"robot description: no joint moves '{tool_frame}'")
    return reduced, full
