"""Inverse kinematics: every branch, for one pose or thousands, verified against the exact model.

Arms whose axes 2, 3 and 4 are parallel are solved by `parallel_axes`; other six-axis arms with a closed form by EAIK
(Ostermeier et al., "Automatic Geometric Decomposition for Analytical Inverse Kinematics", 2024); the rest by damped
Newton steps (Levenberg-Marquardt) from several seeds. Whatever the source, a solution counts only where the model
itself reproduces the pose; what is not exact yet is refined by Newton steps on that model.
"""

from __future__ import annotations

import numpy as np
import pinocchio as pin
from eaik.pybindings.EAIK import Robot as ClosedForm

from workcell_control.motion.arrays import BoolArray, FloatArray, IndexArray
from workcell_control.motion.chain import SerialChain, twists_between
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.parallel_axes import BRANCH_COUNT, ParallelAxesArm

POSE_ERROR_MAX = 1e-9
"""Largest accepted pose error: norm of the twist between wanted and reached pose, [m] and [rad]."""
_REFINED_TO = 0.5 * POSE_ERROR_MAX
_REFINE_STEPS_MAX = 12
_SEARCH_STEPS_MAX = 60
_SEARCH_SEEDS = 48
_STEP_MAX_RAD = 0.5
_DAMPING_MIN = 1e-13
"""Keeps a step defined at a singularity without slowing the last digits down elsewhere."""
_CHUNK = 512
"""Poses solved together: their branches stay within a processor's cache."""
_FEW = 24
"""Up to so many poses are solved one after the other sooner than together."""
_DUPLICATE_RAD = 1e-6
FULL_TURN_RAD = 2.0 * np.pi


class InverseKinematics:
    """Solves for the joints of one chain.

    Args:
        model: The exact kinematics.
        tool_id: Index of the tool's frame in the model.
        chain: The same for many configurations at once.
        limits: Position limits that solutions respect.
    """

    def __init__(self, model: pin.Model, tool_id: int, chain: SerialChain, limits: JointLimits) -> None:
        self._model = model
        self._data = model.createData()
        self._tool_id = tool_id
        self._chain = chain
        self._limits = limits
        axes, points, tool = _screws(chain)
        self._parallel: ParallelAxesArm | None = None
        self._closed: ClosedForm | None = None
        if chain.joint_count == 6:
            self._parallel = ParallelAxesArm.near(axes, points, tool)
            self._closed = _closed_form(axes, points, tool)
        self._tool_zero_rotation = tool[:3, :3]

    @property
    def is_analytic(self) -> bool:
        """Whether every branch is found in closed form."""
        return self._parallel is not None or self._closed is not None

    def solve(self, poses: FloatArray, seeds: FloatArray) -> FloatArray:
        """Every branch of k poses, shape (k, b, n), rows of NaN where there is none.

        Each joint is given the turn nearest to the seed within its limits.

        Args:
            poses: Tool poses in the world, shape (k, 4, 4).
            seeds: Configurations, shape (k, n).
        """
        if self._closed is not None and len(poses) <= _FEW:
            few = self._solve_few(poses, seeds)
            if few is not None:
                return few
        chunks = range(0, len(poses), _CHUNK)
        solved = [self._solve_chunk(poses[at : at + _CHUNK], seeds[at : at + _CHUNK]) for at in chunks]
        most = max((rows.shape[1] for rows in solved), default=0)
        result = np.full((len(poses), most, self._chain.joint_count), np.nan)
        for at, rows in zip(chunks, solved, strict=True):
            result[at : at + _CHUNK, : rows.shape[1]] = rows
        return result

    def _solve_few(self, poses: FloatArray, seeds: FloatArray) -> FloatArray | None:
        """As `solve` where every pose has all branches, exact and within limits; else None."""
        rows = self._closed_answers(poses)
        if any(len(found) != BRANCH_COUNT for found in rows):
            return None
        branches = nearest_turns(np.array(rows), seeds[:, None], self._limits)
        are_exact = self._are_exact(branches.reshape(-1, 6), np.repeat(poses, BRANCH_COUNT, axis=0))
        return branches if are_exact.all() else None

    def solve_one(self, pose: FloatArray, seed: FloatArray) -> FloatArray:
        """Every branch of one pose, shape (b, n): as `solve`, without the overhead of many.

        Args:
            pose: Tool pose, shape (4, 4).
            seed: Configuration, shape (n,).
        """
        if self._closed is not None:
            found = nearest_turns(self._closed_answers(pose[None])[0], seed, self._limits)
            # Eight branches are all there are. Where some end, the closed form also returns what comes nearest, and
            # near such an end it may miss one that another order of solving finds.
            if len(found) == BRANCH_COUNT and all(self._is_exact(row, pose) for row in found):
                return found
        branches = self.solve(pose[None], seed[None])[0]
        return np.asarray(branches[~np.isnan(branches[:, 0])])

    def _are_exact(self, position: FloatArray, poses: FloatArray) -> BoolArray:
        """`_is_exact` of each of k configurations, shape (k,)."""
        frames = self._chain.frames(position)
        turn = frames.rotation[-1] - poses[:, :3, :3].transpose(1, 2, 0)
        shift = frames.origin[-1] - poses[:, :3, 3].T
        square = np.square(turn).sum(axis=(0, 1)) + np.square(shift).sum(axis=0)
        return np.asarray(square <= _REFINED_TO * _REFINED_TO)

    def _is_exact(self, position: FloatArray, pose: FloatArray) -> bool:
        pin.framesForwardKinematics(self._model, self._data, position)
        difference = (self._data.oMf[self._tool_id].homogeneous - pose).ravel()
        # The Frobenius norm of a small rotation's difference is at least its angle.
        return float(difference @ difference) <= _REFINED_TO * _REFINED_TO

    def _solve_chunk(self, poses: FloatArray, seeds: FloatArray) -> FloatArray:
        candidates = self._candidates(poses, seeds)
        count, branches, joints = candidates.shape
        found = np.flatnonzero(~np.isnan(candidates).any(axis=2).ravel())
        solved = np.full((count * branches, joints), np.nan)
        steps = _REFINE_STEPS_MAX if self.is_analytic else _SEARCH_STEPS_MAX
        solved[found] = self._refined(candidates.reshape(-1, joints)[found], poses[found // branches], steps)
        return _distinct(nearest_turns(solved.reshape(count, branches, joints), seeds[:, None], self._limits))

    def follow(self, poses: FloatArray, seeds: FloatArray) -> FloatArray:
        """The solution on each seed's own branch by Newton steps, shape (k, n), NaN where there is none."""
        found = self._refined(np.array(seeds, dtype=np.float64), poses, _REFINE_STEPS_MAX)
        outside = ((found < self._limits.lower) | (found > self._limits.upper)).any(axis=1)
        found[outside] = np.nan
        return found

    def along(self, poses: FloatArray, seeds: FloatArray) -> FloatArray:
        """The solution of each pose that is nearest to its seed, shape (k, n), NaN where there is none.

        In closed form where there is one, which needs no seed near by; else by Newton steps from the seed.
        """
        if self._closed is None:
            return self.follow(poses, seeds)
        answers = self._closed_answers(poses)
        most = max(map(len, answers))
        if not most:
            return np.full_like(seeds, np.nan)
        if any(len(answer) != most for answer in answers):
            nothing = np.full((most, seeds.shape[1]), np.nan)
            answers = [np.concatenate([answer, nothing])[:most] for answer in answers]
        found = self._nearest(np.array(answers), seeds)
        # Near the end of a branch the closed form also returns what only comes near: the steps tell, and refine.
        return found if self._are_exact(found, poses).all() else self.follow(poses, found)

    def _nearest(self, branches: FloatArray, seeds: FloatArray) -> FloatArray:
        """Of k poses' branches, shape (k, b, n), those next to seeds within the limits, shape (k, n)."""
        rows = np.arange(len(seeds))
        shift = branches - seeds[:, None]
        shift -= np.rint(shift * (1.0 / FULL_TURN_RAD)) * FULL_TURN_RAD
        # No turn is nearer than the nearest: where that is within the limits, others need not be looked at.
        found = seeds + shift[rows, _next_to(shift)]
        if self._limits.contains(found, 0.0):
            return found
        turned = nearest_turns(branches, seeds[:, None], self._limits)
        return np.asarray(turned[rows, _next_to(turned - seeds[:, None])])

    def _candidates(self, poses: FloatArray, seeds: FloatArray) -> FloatArray:
        if self._parallel is None and self._closed is not None:
            rows = self._closed_answers(poses)
            candidates = np.full((len(poses), max(map(len, rows)), 6), np.nan)
            for candidate, found in zip(candidates, rows, strict=True):
                candidate[: len(found)] = found
            return candidates
        if self._parallel is not None:
            rotation = np.ascontiguousarray(poses[:, :3, :3].transpose(1, 2, 0))
            angles = self._parallel.solve(rotation, np.ascontiguousarray(poses[:, :3, 3].T), seeds[:, 5])
            return angles.transpose(2, 1, 0)
        return self._seeds(len(poses), seeds)

    def _closed_answers(self, poses: FloatArray) -> list[FloatArray]:
        """What the closed form finds for each of k poses, shape (b, 6) each."""
        assert self._closed is not None
        targets = poses.copy()
        targets[:, :3, :3] = poses[:, :3, :3] @ self._tool_zero_rotation.T
        return [self._closed.calculate_IK(target).Q for target in targets]

    def _seeds(self, count: int, seeds: FloatArray) -> FloatArray:
        rng = np.random.default_rng(0)  # the same pose always finds the same branches
        low, high = np.maximum(self._limits.lower, -np.pi), np.minimum(self._limits.upper, np.pi)
        drawn = rng.uniform(low, high, (count, _SEARCH_SEEDS, self._chain.joint_count))
        drawn[:, 0] = seeds
        return drawn

    def _refined(self, position: FloatArray, poses: FloatArray, steps_max: int) -> FloatArray:
        """Newton steps on the exact chain, shape (m, n); NaN where the pose is not met."""
        if not len(position):
            return position
        rotation = np.ascontiguousarray(poses[:, :3, :3].transpose(1, 2, 0))
        translation = np.ascontiguousarray(poses[:, :3, 3].T)
        open_rows = np.arange(len(position))
        result = np.array(position)
        met = np.zeros(len(position), dtype=bool)
        for step in range(steps_max + 1):
            frames = self._chain.frames(result[open_rows])
            twist = twists_between(frames, rotation[:, :, open_rows], translation[:, open_rows])
            error = np.linalg.norm(twist, axis=1)
            limit = POSE_ERROR_MAX if step == steps_max else _REFINED_TO
            is_met = error <= limit
            met[open_rows[is_met]] = True
            left = ~is_met
            open_rows = open_rows[left]
            if not len(open_rows) or step == steps_max:
                break
            jacobian = self._chain.jacobian(frames)[left]
            result[open_rows] += _damped_steps(jacobian, twist[left], error[left])
        result[~met] = np.nan
        return result


def nearest_turns(position: FloatArray, reference: FloatArray, limits: JointLimits) -> FloatArray:
    """Every joint shifted by whole turns to lie nearest to `reference` in its range; NaN rows where none does.

    Args:
        position: Configurations, shape (..., n).
        reference: Of a shape that broadcasts with it.
        limits: The ranges.
    """
    result = position + np.rint((reference - position) * (1.0 / FULL_TURN_RAD)) * FULL_TURN_RAD
    if ((result >= limits.lower) & (result <= limits.upper)).all():
        return np.asarray(result)
    result = np.where(result > limits.upper, result - FULL_TURN_RAD, result)
    result = np.where(result < limits.lower, result + FULL_TURN_RAD, result)
    outside = ~((result >= limits.lower) & (result <= limits.upper)).all(axis=-1)
    result[outside] = np.nan
    return result


def _next_to(shift: FloatArray) -> IndexArray:
    """Of shifts (k, b, n), some NaN, the one whose largest is the smallest, shape (k,)."""
    largest = np.abs(shift).max(axis=2)
    return np.asarray(np.where(np.isnan(largest), np.inf, largest).argmin(axis=1))


def _damped_steps(jacobian: FloatArray, twist: FloatArray, error: FloatArray) -> FloatArray:
    normal = jacobian @ jacobian.transpose(0, 2, 1)
    damping = np.maximum(_DAMPING_MIN, 1e-4 * np.minimum(1.0, error * error))
    normal[:, np.arange(6), np.arange(6)] += damping[:, None]
    steps = (jacobian.transpose(0, 2, 1) @ np.linalg.solve(normal, twist[..., None]))[..., 0]
    largest = np.abs(steps).max(axis=1, keepdims=True)
    return np.asarray(steps * np.minimum(1.0, _STEP_MAX_RAD / np.maximum(largest, 1e-12)))


def _distinct(solved: FloatArray) -> FloatArray:
    """Solutions that repeat an earlier one of the same pose become NaN; found ones come first."""
    branches = solved.shape[1]
    for later in range(1, branches):
        apart = np.abs(solved[:, :later] - solved[:, later, None]).max(axis=2)
        solved[(apart < _DUPLICATE_RAD).any(axis=1), later] = np.nan
    order = np.argsort(np.isnan(solved[:, :, 0]), axis=1, kind="stable")
    return np.asarray(np.take_along_axis(solved, order[:, :, None], axis=1))


def _screws(chain: SerialChain) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Axes (n, 3) and points on them (n, 3) at the zero configuration, and the tool's pose (4, 4) there."""
    zero = np.zeros((1, chain.joint_count))
    frames = chain.frames(zero)
    axes = np.einsum("nij,nj->ni", frames.rotation[:-1, :, :, 0], chain.axes)
    return axes, frames.origin[:-1, :, 0], chain.tool_poses(zero)[0]


def _closed_form(axes: FloatArray, points: FloatArray, tool: FloatArray) -> ClosedForm | None:
    places = np.vstack([points, tool[:3, 3]])
    offsets = np.vstack([places[0], np.diff(places, axis=0)])
    # Rotations typed with few digits (rpy="1.5708 0 0") would hide parallel axes from the decomposition; solutions
    # are refined on the unrounded model anyway.
    rounded = _snap(axes)
    rounded /= np.linalg.norm(rounded, axis=1, keepdims=True)
    robot = ClosedForm(rounded.T, _snap(offsets).T, np.eye(3), [], True)
    return robot if robot.has_known_decomposition() else None


def _snap(array: FloatArray) -> FloatArray:
    """Round to 1e-5 (m, or direction cosine); adding zero turns -0.0 into 0.0."""
    return np.round(array, 5) + 0.0


def pose_twist(reached: pin.SE3, pose: FloatArray) -> FloatArray:
    """The twist from a reached placement to a wanted pose (4, 4), shape (6,) [m, rad]."""
    return np.array(pin.log6(reached.actInv(pin.SE3(pose))).vector)
