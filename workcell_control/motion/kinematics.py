"""Kinematics of a serial arm read from a URDF.

Forward kinematics and derivatives come from Pinocchio. Inverse kinematics takes every analytic
branch through EAIK (Ostermeier et al., "Automatic Geometric Decomposition for Analytical Inverse
Kinematics", 2024) where the arm's geometry allows a decomposition, else a damped Newton search
from several seeds. Either way each branch is polished and its pose error verified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pinocchio as pin
from eaik.pybindings.EAIK import Robot as AnalyticArm

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.limits import JointLimits

POSE_ERROR_MAX = 1e-9
"""Largest accepted pose error: norm of the twist between wanted and reached pose, [m] and [rad]."""
_POLISH_STEPS_MAX = 4
_NUMERIC_STEPS_MAX = 60
_DAMPING_MIN = 1e-12
"""Keeps the step defined at a singularity without slowing the last digits down elsewhere."""
_NUMERIC_SEEDS = 24
_DUPLICATE_RAD = 1e-6
_FULL_TURN_RAD = 2.0 * np.pi

DEFAULT_ACCELERATION_TO_VELOCITY_S = 0.25
DEFAULT_JERK_TO_ACCELERATION_S = 0.1


class KinematicsError(ValueError):
    """The arm model cannot be built, or a pose cannot be reached."""


@dataclass(frozen=True)
class ToolMotion:
    """Motion of the tool frame in the world frame, one row per sample.

    `velocity` and `acceleration` have shape (k, 3), [m/s] and [m/s^2], of the tool's origin.
    """

    velocity: FloatArray
    acceleration: FloatArray


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
        self._data = self.model.createData()
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
        self._tool_zero_rotation = self.fk(np.zeros(self.joint_count))[:3, :3].copy()
        self._analytic = self._analytic_arm()

    @property
    def joint_count(self) -> int:
        """Number of actuated joints n."""
        return int(self.model.nq)

    @property
    def is_analytic(self) -> bool:
        """Whether inverse kinematics finds every branch in closed form."""
        return self._analytic is not None

    def fk(self, position: FloatArray) -> FloatArray:
        """Pose of the tool, shape (4, 4), at joint `position`, shape (n,) [rad]."""
        pin.framesForwardKinematics(self.model, self._data, position)
        return np.array(self._data.oMf[self._tool_id].homogeneous)

    def jacobian(self, position: FloatArray) -> FloatArray:
        """Geometric Jacobian, shape (6, n): tool velocity, then angular velocity, in world axes."""
        return np.array(
            pin.computeFrameJacobian(
                self.model,
                self._data,
                position,
                self._tool_id,
                pin.ReferenceFrame.LOCAL_WORLD_ALIGNED,
            )
        )

    def pose_error(self, position: FloatArray, pose: FloatArray) -> float:
        """Norm of the twist from the pose at `position` to `pose` ([m] and [rad] together)."""
        return float(np.linalg.norm(self._twist_to(position, pose)))

    def tool_motion(self, position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> ToolMotion:
        """Velocity and (classical) acceleration of the tool's origin along k samples of shape (k, n)."""
        tool_velocity = np.empty((len(position), 3))
        tool_acceleration = np.empty((len(position), 3))
        frame = pin.ReferenceFrame.LOCAL_WORLD_ALIGNED
        model, data, tool = self.model, self._data, self._tool_id
        for k in range(len(position)):
            pin.forwardKinematics(model, data, position[k], velocity[k], acceleration[k])
            tool_velocity[k] = pin.getFrameVelocity(model, data, tool, frame).linear
            tool_acceleration[k] = pin.getFrameClassicalAcceleration(model, data, tool, frame).linear
        return ToolMotion(tool_velocity, tool_acceleration)

    def ik(self, pose: FloatArray, seed: FloatArray | None = None) -> tuple[FloatArray, ...]:
        """All branches that reach `pose` within the position limits, nearest to `seed` first.

        A joint with more than one turn of range is given the turn nearest to `seed` (zero where
        no seed is given). Every returned configuration reproduces the pose to `POSE_ERROR_MAX`.
        Empty where the pose is out of reach.
        """
        reference = np.zeros(self.joint_count) if seed is None else np.asarray(seed, dtype=float)
        candidates = self._analytic_candidates(pose)
        if candidates is None:
            candidates = self._numeric_candidates(pose, reference)
        branches: list[FloatArray] = []
        for candidate in candidates:
            branch = self._accept(candidate, pose, reference)
            if branch is not None and not _is_known(branch, branches):
                branches.append(branch)
        branches.sort(key=lambda q: self.travel_cost(reference, q))
        return tuple(branches)

    def ik_near(self, pose: FloatArray, seed: FloatArray) -> FloatArray | None:
        """The solution on the same branch as the nearby `seed` by Newton steps, or None."""
        solution = self._polish(np.array(seed, dtype=float), pose, _POLISH_STEPS_MAX)
        if solution is None or not self.limits.contains(solution):
            return None
        return solution

    def travel_cost(self, start: FloatArray, goal: FloatArray) -> float:
        """Least time in [s] that the slowest joint needs at full speed, plus a little of the others.

        The small share of the other joints prefers, among equals, the branch that moves least.
        """
        times = np.abs(goal - start) / self.limits.velocity
        return float(times.max() + 0.05 * times.sum())

    def _analytic_arm(self) -> AnalyticArm | None:
        if self.joint_count != 6 or any(nq != 1 for nq in self.model.nqs[1:]):
            return None
        # The angular halves of the joints' screws at the zero configuration are their axes in the
        # world, whatever axis the URDF names.
        pin.computeJointJacobians(self.model, self._data, np.zeros(6))
        pin.updateFramePlacements(self.model, self._data)
        axes = np.array(self._data.J[3:, :].T)
        if not np.allclose(np.linalg.norm(axes, axis=1), 1.0):
            return None  # a prismatic joint
        points = [self._data.oMi[i + 1].translation.copy() for i in range(6)]
        points.append(self._data.oMf[self._tool_id].translation.copy())
        offsets = np.vstack([points[0], np.diff(np.array(points), axis=0)])
        # Rotations typed with few digits (rpy="1.5708 0 0") would hide parallel axes from the
        # decomposition; the polish step afterwards works on the unrounded model.
        axes = _snap(axes)
        axes /= np.linalg.norm(axes, axis=1, keepdims=True)
        robot = AnalyticArm(axes.T, _snap(offsets).T, np.eye(3), [], True)
        return robot if robot.has_known_decomposition() else None

    def _analytic_candidates(self, pose: FloatArray) -> list[FloatArray] | None:
        if self._analytic is None:
            return None
        target = np.array(pose)
        target[:3, :3] = pose[:3, :3] @ self._tool_zero_rotation.T
        solution = self._analytic.calculate_IK(target)
        return list(np.asarray(solution.Q, dtype=float).reshape(-1, self.joint_count))

    def _numeric_candidates(self, pose: FloatArray, reference: FloatArray) -> list[FloatArray]:
        rng = np.random.default_rng(0)  # the same pose always finds the same branches
        low = np.maximum(self.limits.lower, -np.pi)
        high = np.minimum(self.limits.upper, np.pi)
        seeds = [reference, *rng.uniform(low, high, (_NUMERIC_SEEDS, self.joint_count))]
        found = (self._polish(seed.copy(), pose, _NUMERIC_STEPS_MAX) for seed in seeds)
        return [q for q in found if q is not None]

    def _accept(self, candidate: FloatArray, pose: FloatArray, reference: FloatArray) -> FloatArray | None:
        polished = self._polish(candidate, pose, _POLISH_STEPS_MAX)
        if polished is None:
            return None
        return _nearest_turn(polished, reference, self.limits)

    def _polish(self, position: FloatArray, pose: FloatArray, steps_max: int) -> FloatArray | None:
        """Newton steps with light damping (Levenberg-Marquardt) until the pose error is met."""
        for _ in range(steps_max):
            twist = self._twist_to(position, pose)
            error = float(np.linalg.norm(twist))
            if error <= POSE_ERROR_MAX * 0.5:
                return position
            jacobian = pin.computeFrameJacobian(
                self.model, self._data, position, self._tool_id, pin.ReferenceFrame.LOCAL
            )
            normal = jacobian @ jacobian.T
            normal.flat[::7] += max(_DAMPING_MIN, 1e-4 * min(1.0, error * error))  # the diagonal of a 6x6
            position = position + jacobian.T @ np.linalg.solve(normal, twist)
        if self.pose_error(position, pose) <= POSE_ERROR_MAX:
            return position
        return None

    def _twist_to(self, position: FloatArray, pose: FloatArray) -> FloatArray:
        pin.framesForwardKinematics(self.model, self._data, position)
        reached = self._data.oMf[self._tool_id]
        return np.array(pin.log6(reached.actInv(pin.SE3(pose))).vector)


def choose_branches(
    arm: Arm,
    start: FloatArray,
    poses: Sequence[FloatArray],
    *,
    same_branch: Sequence[tuple[int, int]] = (),
    is_allowed: Callable[[FloatArray], bool] = lambda _: True,
) -> tuple[FloatArray, ...]:
    """One configuration per pose of a task, so that the whole task costs least from `start`.

    A shortest path through the layers of branches (dynamic programming): the branch of the first
    pose is not the nearest to `start` where that makes the rest of the task dearer.

    Args:
        arm: The arm.
        start: Configuration before the task, shape (n,).
        poses: Tool poses in the order in which the task visits them, each (4, 4).
        same_branch: Pairs (i, j), i < j, of poses joined by a straight line: pose j continues
            the branch chosen for pose i.
        is_allowed: Refuses configurations, such as those that collide.

    Raises:
        KinematicsError: a pose has no solution within the limits.
    """
    follows = {j: i for i, j in same_branch}
    best: list[tuple[float, tuple[FloatArray, ...]]] = [(0.0, ())]
    for index, pose in enumerate(poses):
        extended: list[tuple[float, tuple[FloatArray, ...]]] = []
        for cost, path in best:
            last = path[-1] if path else start
            seed = path[follows[index]] if index in follows else last
            options = arm.ik(pose, seed)
            if index in follows:
                options = options[:1]
            extended.extend((cost + arm.travel_cost(last, q), (*path, q)) for q in options if is_allowed(q))
        if not extended:
            raise KinematicsError(
                f"pose {index} of the task at {np.round(pose[:3, 3], 4).tolist()} m: no "
                "allowed configuration within the joint limits reaches it"
            )
        best = _cheapest_per_end(extended)
    return min(best, key=lambda item: item[0])[1]


def _cheapest_per_end(
    paths: list[tuple[float, tuple[FloatArray, ...]]],
) -> list[tuple[float, tuple[FloatArray, ...]]]:
    cheapest: dict[tuple[float, ...], tuple[float, tuple[FloatArray, ...]]] = {}
    for cost, path in paths:
        key = tuple(np.round(path[-1], 6).tolist())
        if key not in cheapest or cost < cheapest[key][0]:
            cheapest[key] = (cost, path)
    return list(cheapest.values())


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


def _nearest_turn(position: FloatArray, reference: FloatArray, limits: JointLimits) -> FloatArray | None:
    """Shift each joint by whole turns to lie nearest to `reference` inside its range, or None."""
    turns = np.round((reference - position) / _FULL_TURN_RAD)
    result = position + turns * _FULL_TURN_RAD
    result = np.where(result > limits.upper, result - _FULL_TURN_RAD, result)
    result = np.where(result < limits.lower, result + _FULL_TURN_RAD, result)
    return result if limits.contains(result, 0.0) else None


def _is_known(branch: FloatArray, branches: list[FloatArray]) -> bool:
    return any(float(np.abs(branch - other).max()) < _DUPLICATE_RAD for other in branches)


def _snap(array: FloatArray) -> FloatArray:
    """Round to 1e-5 (m, or direction cosine); adding zero turns -0.0 into 0.0."""
    return np.round(array, 5) + 0.0
