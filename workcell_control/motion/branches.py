"""Which branch of the inverse kinematics to take for each pose of a task, so that the whole task costs least."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from workcell_control.motion.arrays import BoolArray, FloatArray, IndexArray
from workcell_control.motion.ik import FULL_TURN_RAD, nearest_turns
from workcell_control.motion.kinematics import Arm, KinematicsError

_SINGULARITY_NEAR_M = 0.03
_WAYS_MAX = 16
"""Ways kept per pose: one per branch, and some that reach it by other turns."""
_SINGULARITY_COST_S = 0.5
"""Cost of a waypoint at a singularity, falling to zero at `_SINGULARITY_NEAR_M`."""


def choose_branches(
    arm: Arm,
    start: FloatArray,
    poses: Sequence[FloatArray],
    *,
    same_branch: Sequence[tuple[int, int]] = (),
    are_allowed: Callable[[FloatArray], BoolArray] = lambda rows: np.ones(len(rows), dtype=bool),
) -> tuple[FloatArray, ...]:
    """One configuration per pose of a task, so that the whole task costs least from `start`.

    A shortest path through the layers of branches (dynamic programming): the branch of the first
    pose is not the nearest to `start` where that makes the rest of the task dearer. A configuration
    near a singularity costs extra.

    Args:
        arm: The arm.
        start: Configuration before the task, shape (n,).
        poses: Tool poses in the order in which the task visits them, each (4, 4).
        same_branch: Pairs (i, j), i < j, of poses joined by a straight line: pose j continues
            the branch chosen for pose i.
        are_allowed: Says of configurations (k, n) which are allowed (k,), such as those that do not collide; asked
            only about what would be chosen.

    Raises:
        KinematicsError: a pose has no solution within the limits.
    """
    follows = {j: i for i, j in same_branch}
    branches = arm.ik_batch(np.array(poses), np.broadcast_to(start, (len(poses), arm.joint_count)))
    allowed = ~np.isnan(branches[:, :, 0])
    penalties_s = _penalties_s(arm, branches, allowed)
    asked = np.zeros_like(allowed)
    while True:
        ways = _Ways(arm, start)
        for index, pose in enumerate(poses):
            rows = np.flatnonzero(allowed[index])
            if not ways.extend(branches[index, rows], penalties_s[index, rows], rows, follows.get(index)):
                raise KinematicsError(
                    f"pose {index} of the task at {np.round(pose[:3, 3], 4).tolist()} m: no "
                    "allowed configuration within the joint limits reaches it"
                )
        positions, chosen = ways.cheapest()
        doubtful = np.array([i for i in range(len(poses)) if not asked[i, chosen[i]]], dtype=np.intp)
        if not len(doubtful):
            return tuple(positions)
        # Whole turns do not change where the arm is: a branch is asked about once.
        branch_of = np.array(chosen, dtype=np.intp)[doubtful]
        asked[doubtful, branch_of] = True
        answers = are_allowed(np.array(positions)[doubtful])
        if answers.all():
            return tuple(positions)
        allowed[doubtful, branch_of] = answers


class _Ways:
    """The cheapest way to each configuration that the task may be in, pose by pose."""

    def __init__(self, arm: Arm, start: FloatArray) -> None:
        self._arm = arm
        self._costs_s = np.zeros(1)
        # Of each way, every configuration so far (ways, poses + 1, n), the start first, and its branch's index.
        self._positions = np.asarray(start, dtype=np.float64)[None, None]
        self._chosen = np.zeros((1, 0), dtype=np.intp)
        # Numbers that tell turns of -3 to 3 of each joint apart, and leave room for the branch's index.
        self._turn_names = 1024.0 * 7.0 ** np.arange(arm.joint_count)

    def extend(self, branches: FloatArray, penalties_s: FloatArray, indices: IndexArray, continued: int | None) -> bool:
        """Go on to one of the next pose's branches, shape (b, n); False where none can be reached.

        Args:
            branches: Configurations of the pose.
            penalties_s: What each costs by itself, shape (b,).
            indices: The branches' names, shape (b,).
            continued: Index of the pose whose branch it has to continue, None where any will do.
        """
        if not len(branches):
            return False
        last = self._positions[:, -1]
        seeds = last if continued is None else self._positions[:, continued + 1]
        turned = nearest_turns(branches[None], seeds[:, None], self._arm.limits)  # (ways, b, n)
        steps_s = self._arm.travel_costs(last[:, None], turned) + penalties_s
        if continued is not None:
            # The branch itself is the one next to the configuration that it continues.
            apart = self._arm.travel_costs(seeds[:, None], turned)
            nearest = np.nanargmin(np.where(np.isnan(apart), np.inf, apart), axis=1)
            steps_s[np.arange(len(branches)) != nearest[:, None]] = np.nan
        totals = self._costs_s[:, None] + steps_s
        usable = np.argwhere(~np.isnan(totals))
        if not len(usable):
            return False
        cheap = usable[np.argsort(totals[usable[:, 0], usable[:, 1]], kind="stable")]
        # A configuration is its branch and its joints' turns: of the ways that end alike the cheapest is kept.
        ended = turned[cheap[:, 0], cheap[:, 1]]
        turns = np.round((ended - branches[cheap[:, 1]]) / FULL_TURN_RAD)
        _, firsts = np.unique(cheap[:, 1] + turns @ self._turn_names, return_index=True)
        ways, ends = cheap[np.sort(firsts)[:_WAYS_MAX]].T
        self._costs_s = totals[ways, ends]
        self._positions = np.concatenate([self._positions[ways], turned[ways, ends][:, None]], axis=1)
        self._chosen = np.concatenate([self._chosen[ways], indices[ends][:, None]], axis=1)
        return True

    def cheapest(self) -> tuple[list[FloatArray], list[int]]:
        """Configurations and branch indices of the way that costs least."""
        best = int(np.argmin(self._costs_s))
        return list(self._positions[best, 1:]), self._chosen[best].tolist()


def _penalties_s(arm: Arm, branches: FloatArray, allowed: BoolArray) -> FloatArray:
    """Cost of standing near a singularity, of shape (k, b)."""
    costs_s = np.zeros(allowed.shape)
    distances_m = arm.singularity_distances(branches[allowed])
    costs_s[allowed] = _SINGULARITY_COST_S * np.maximum(0.0, 1.0 - distances_m / _SINGULARITY_NEAR_M)
    return costs_s
