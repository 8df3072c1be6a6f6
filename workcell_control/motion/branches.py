"""Which branch of the inverse kinematics to take for each pose of a task, so that the whole task costs least."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.ik import nearest_turns
from workcell_control.motion.kinematics import Arm, KinematicsError

_SINGULARITY_NEAR_M = 0.03
_SINGULARITY_COST_S = 0.5
"""Cost of a waypoint at a singularity, falling to zero at `_SINGULARITY_NEAR_M`."""


@dataclass(frozen=True)
class _Way:
    """The cheapest way to its last configuration."""

    cost_s: float
    positions: tuple[FloatArray, ...]


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
    pose is not the nearest to `start` where that makes the rest of the task dearer. A configuration
    near a singularity costs extra.

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
    layers = arm.ik_batch(np.array(poses), np.broadcast_to(start, (len(poses), arm.joint_count)))
    ways = [_Way(0.0, ())]
    for index, pose in enumerate(poses):
        options = _Layer(arm, layers[index], is_allowed)
        extended = [
            _Way(way.cost_s + cost_s, (*way.positions, position))
            for way in ways
            for cost_s, position in options.after(way.positions, start, follows.get(index))
        ]
        if not extended:
            raise KinematicsError(
                f"pose {index} of the task at {np.round(pose[:3, 3], 4).tolist()} m: no "
                "allowed configuration within the joint limits reaches it"
            )
        ways = _cheapest_per_end(extended)
    return min(ways, key=lambda way: way.cost_s).positions


class _Layer:
    """The branches of one pose."""

    def __init__(self, arm: Arm, branches: FloatArray, is_allowed: Callable[[FloatArray], bool]) -> None:
        self._arm = arm
        found = branches[~np.isnan(branches[:, 0])]
        # Whole turns change neither where the arm is nor how near a singularity it stands.
        self._branches = np.array([branch for branch in found if is_allowed(branch)])
        self._penalties = [_penalty(arm, branch) for branch in self._branches]

    def after(
        self, before: tuple[FloatArray, ...], start: FloatArray, continued: int | None
    ) -> list[tuple[float, FloatArray]]:
        """Cost and position of each branch that may follow on `before`."""
        if not len(self._branches):
            return []
        last = before[-1] if before else start
        seed = last if continued is None else before[continued]
        turned = nearest_turns(self._branches, seed, self._arm.limits)
        usable = [i for i in range(len(turned)) if not np.isnan(turned[i, 0])]
        if continued is not None:
            usable = sorted(usable, key=lambda i: self._arm.travel_cost(seed, turned[i]))[:1]
        return [(self._arm.travel_cost(last, turned[i]) + self._penalties[i], turned[i]) for i in usable]


def _penalty(arm: Arm, position: FloatArray) -> float:
    distance_m = arm.singularity_distance(position)
    return _SINGULARITY_COST_S * max(0.0, 1.0 - distance_m / _SINGULARITY_NEAR_M)


def _cheapest_per_end(ways: Sequence[_Way]) -> list[_Way]:
    cheapest: dict[bytes, _Way] = {}
    for way in ways:
        key = np.round(way.positions[-1], 6).tobytes()
        if key not in cheapest or way.cost_s < cheapest[key].cost_s:
            cheapest[key] = way
    return list(cheapest.values())
