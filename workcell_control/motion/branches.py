"""Which branch of the inverse kinematics to take for each pose of a task, so that the whole task costs least."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from workcell_control.motion.arrays import BoolArray, FloatArray, IndexArray
from workcell_control.motion.chain import ChainFrames
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
    are_allowed: Callable[[ChainFrames], BoolArray] | None = None,
) -> tuple[FloatArray, ...]:
    """One configuration per pose of a task, so that the whole task costs least from `start`.

    A shortest path through the layers of branches (dynamic programming): the branch of the first
    pose is not the nearest to `start` where that makes the rest of the task dearer. A configuration
    near a singularity costs extra. That, and whether it is allowed, is only looked into where it would
    be chosen: until then it counts as free of cost, so that no other could cost less.

    Args:
        arm: The arm.
        start: Configuration before the task, shape (n,).
        poses: Tool poses in the order in which the task visits them, each (4, 4).
        same_branch: Pairs (i, j), i < j, of poses joined by a straight line: pose j continues
            the branch chosen for pose i.
        are_allowed: Says from the frames of k configurations which are allowed (k,), such as those that do not
            collide; asked only about what would be chosen. All are where not given.

    Raises:
        KinematicsError: a pose has no solution within the limits.
    """
    follows = {j: i for i, j in same_branch}
    branches = arm.ik_batch(np.array(poses), np.broadcast_to(start, (len(poses), arm.joint_count)))
    penalties_s = np.where(np.isnan(branches[:, :, 0]), np.inf, 0.0)
    asked = np.zeros(penalties_s.shape, dtype=bool)
    steps_s = _unwound_steps_s(arm, start, branches, follows)
    while True:
        found = None if steps_s is None else _unwound(arm, start, branches, steps_s, penalties_s)
        positions, chosen = found or _with_turns(arm, start, poses, branches, penalties_s, follows)
        doubtful = np.flatnonzero(~asked[np.arange(len(poses)), chosen])
        if not len(doubtful):
            return tuple(positions)
        # Whole turns do not change where the arm is: a branch is asked about once.
        branch_of = np.array(chosen, dtype=np.intp)[doubtful]
        asked[doubtful, branch_of] = True
        frames = arm.chain.frames(np.array(positions)[doubtful])
        costs_s = _singularity_costs_s(arm, frames)
        if are_allowed is not None:
            costs_s[~are_allowed(frames)] = np.inf
        penalties_s[doubtful, branch_of] = costs_s
        if not costs_s.any():
            return tuple(positions)


def _unwound_steps_s(
    arm: Arm, start: FloatArray, branches: FloatArray, follows: Mapping[int, int]
) -> FloatArray | None:
    """Costs from each branch of a pose to each of the next one's, (k, b, b), were all joints free to go on turning.

    Infinite to branches that do not continue the one before where they have to. The start takes the place of every
    branch before the first pose. None where a pose continues another than the one before it.
    """
    if any(after != before + 1 for after, before in follows.items()):
        return None
    before = np.concatenate([np.broadcast_to(start, (1, *branches.shape[1:])), branches[:-1]])
    shift = branches[:, None] - before[:, :, None]
    shift -= np.rint(shift * (1.0 / FULL_TURN_RAD)) * FULL_TURN_RAD
    steps_s = arm.travel_costs(np.zeros(arm.joint_count), shift)
    steps_s[np.isnan(steps_s)] = np.inf
    for after in follows:
        nearest = steps_s[after].argmin(axis=1)
        is_other = np.arange(branches.shape[1]) != nearest[:, None]
        steps_s[after][is_other] = np.inf
    return np.asarray(steps_s)


def _unwound(
    arm: Arm, start: FloatArray, branches: FloatArray, steps_s: FloatArray, penalties_s: FloatArray
) -> tuple[list[FloatArray], list[int]] | None:
    """The cheapest way were all joints free to go on turning; None where a joint's range does not let them.

    No way within the ranges costs less, so that it is the cheapest of all where it stays in them.
    """
    costs_s = np.zeros(branches.shape[1])
    origins = []
    for steps, penalties in zip(steps_s, penalties_s, strict=True):
        totals = costs_s[:, None] + steps
        origins.append(totals.argmin(axis=0))
        costs_s = totals.min(axis=0) + penalties
    chosen = [int(costs_s.argmin())]
    if not np.isfinite(costs_s[chosen[0]]):
        return None
    for origin in reversed(origins[1:]):
        chosen.append(int(origin[chosen[-1]]))
    chosen.reverse()
    rows = branches[np.arange(len(chosen)), chosen]
    turns = np.rint(np.diff(rows, axis=0, prepend=start[None]) * (1.0 / FULL_TURN_RAD))
    positions = rows - np.cumsum(turns, axis=0) * FULL_TURN_RAD
    return (list(positions), chosen) if arm.limits.contains(positions, 0.0) else None


def _with_turns(
    arm: Arm,
    start: FloatArray,
    poses: Sequence[FloatArray],
    branches: FloatArray,
    penalties_s: FloatArray,
    follows: Mapping[int, int],
) -> tuple[list[FloatArray], list[int]]:
    """The cheapest way within the joints' ranges.

    Raises:
        KinematicsError: a pose has no allowed solution.
    """
    ways = _Ways(arm, start)
    for index, pose in enumerate(poses):
        rows = np.flatnonzero(np.isfinite(penalties_s[index]))
        if not ways.extend(branches[index, rows], penalties_s[index, rows], rows, follows.get(index)):
            raise KinematicsError(
                f"pose {index} of the task at {np.round(pose[:3, 3], 4).tolist()} m: no "
                "allowed configuration within the joint limits reaches it"
            )
    return ways.cheapest()


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


def _singularity_costs_s(arm: Arm, frames: ChainFrames) -> FloatArray:
    """Cost of standing near a singularity, of each of k configurations."""
    share = arm.singularity_distances(frames) / _SINGULARITY_NEAR_M
    return np.asarray(_SINGULARITY_COST_S * np.maximum(0.0, 1.0 - share))
