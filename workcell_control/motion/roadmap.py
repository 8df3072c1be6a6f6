"""Ways around what blocks the straight one: RRT-Connect, shortened.

Two trees grow from both ends towards random configurations and each other (Kuffner and LaValle, "RRT-Connect: An
efficient approach to single-query path planning", 2000). The same request finds the same way.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workcell_control.motion.arrays import FloatArray

_EXTENSIONS_MAX = 4000
_STEP_RAD = 0.8
_SHORTCUTS = 30
_MARGIN_RAD = 0.6
"""How far beyond both ends samples are drawn first; the whole range follows as the search goes on."""

IsFree = Callable[[FloatArray], bool]
"""Whether the straight ways in joint space through configurations of shape (k, n) are free."""


class _Tree:
    def __init__(self, root: FloatArray) -> None:
        self.positions = np.empty((256, len(root)))
        self.positions[0] = root
        self.parents = [0]

    @property
    def count(self) -> int:
        return len(self.parents)

    def nearest(self, position: FloatArray, weight: FloatArray) -> int:
        apart = (self.positions[: self.count] - position) * weight
        return int(np.einsum("ij,ij->i", apart, apart).argmin())

    def add(self, position: FloatArray, parent: int) -> int:
        if self.count == len(self.positions):
            self.positions = np.concatenate([self.positions, np.empty_like(self.positions)])
        self.positions[self.count] = position
        self.parents.append(parent)
        return self.count - 1

    def branch(self, index: int) -> list[FloatArray]:
        """From a node back to the root."""
        rows = [self.positions[index].copy()]
        while index:
            index = self.parents[index]
            rows.append(self.positions[index].copy())
        return rows


def way_around(
    start: FloatArray,
    goal: FloatArray,
    low: FloatArray,
    high: FloatArray,
    weight: FloatArray,
    is_free: IsFree,
    seed: int = 0,
) -> FloatArray | None:
    """Corners of a free way from `start` to `goal`, both included, shape (k, n), or None where none was found.

    Args:
        start: Free configuration, shape (n,).
        goal: Free configuration, shape (n,).
        low: Lowest positions of the joints.
        high: Highest positions.
        weight: How much a joint's travel counts, such as what it moves.
        is_free: Checks ways.
        seed: Of the random numbers.
    """
    rng = np.random.default_rng(seed)
    trees = (_Tree(start), _Tree(goal))
    near_low = np.maximum(low, np.minimum(start, goal) - _MARGIN_RAD)
    near_high = np.minimum(high, np.maximum(start, goal) + _MARGIN_RAD)
    extensions = 0
    while extensions < _EXTENSIONS_MAX:
        growing, other = trees if len(trees[0].parents) <= len(trees[1].parents) else trees[::-1]
        # The longer the search, the further out.
        widening = min(1.0, extensions / 600.0)
        target = rng.uniform(near_low + widening * (low - near_low), near_high + widening * (high - near_high))
        extensions += 1
        reached = _extend(growing, target, weight, is_free)
        if reached is None:
            continue
        while True:
            extensions += 1
            met = _extend(other, growing.positions[reached], weight, is_free)
            if met is None:
                break
            if np.array_equal(other.positions[met], growing.positions[reached]):
                first, second = (growing, other) if growing is trees[0] else (other, growing)
                ends = (reached, met) if growing is trees[0] else (met, reached)
                rows = [*reversed(first.branch(ends[0])), *second.branch(ends[1])[1:]]
                return shortened(np.array(rows), weight, is_free, rng)
    return None


def shortened(rows: FloatArray, weight: FloatArray, is_free: IsFree, rng: np.random.Generator) -> FloatArray:
    """A way with fewer and gentler corners: corners left out, then random places joined directly."""
    rows = _without_corners(rows, is_free)
    for _ in range(_SHORTCUTS):
        if len(rows) <= 2:
            break
        lengths = np.linalg.norm(np.diff(rows, axis=0) * weight, axis=1)
        ends = np.concatenate([[0.0], np.cumsum(lengths)])
        a, b = np.sort(rng.uniform(0.0, ends[-1], 2))
        i, j = np.clip(np.searchsorted(ends, [a, b], side="right") - 1, 0, len(rows) - 2)
        if i == j:
            continue
        first = rows[i] + (a - ends[i]) / lengths[i] * (rows[i + 1] - rows[i])
        second = rows[j] + (b - ends[j]) / lengths[j] * (rows[j + 1] - rows[j])
        if is_free(np.stack([first, second])):
            rows = np.concatenate([rows[: i + 1], [first, second], rows[j + 1 :]])
    return _without_corners(rows, is_free)


def _without_corners(rows: FloatArray, is_free: IsFree) -> FloatArray:
    index = 1
    while index < len(rows) - 1:
        if is_free(rows[[index - 1, index + 1]]):
            rows = np.delete(rows, index, axis=0)
        else:
            index += 1
    return rows


def _extend(tree: _Tree, target: FloatArray, weight: FloatArray, is_free: IsFree) -> int | None:
    """One step of a tree towards a configuration; the node added, None where the step is blocked."""
    parent = tree.nearest(target, weight)
    origin = tree.positions[parent]
    shift = target - origin
    length = float(np.linalg.norm(shift * weight))
    position = target if length <= _STEP_RAD else origin + shift * (_STEP_RAD / length)
    if not is_free(np.stack([origin, position])):
        return None
    return tree.add(position, parent)
