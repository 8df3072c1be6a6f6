"""Ways around obstacles: found, short, the same every time, and none where there is none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from workcell_control.motion.roadmap import way_around

LOW, HIGH, WEIGHT = np.full(2, -3.0), np.full(2, 3.0), np.ones(2)
START, GOAL = np.array([-2.0, 0.0]), np.array([2.0, 0.0])


def wall(height: float):
    """A wall at x = 0 that reaches up to `height`, with nothing below it."""

    def is_free(rows: np.ndarray) -> bool:
        for a, b in itertools.pairwise(rows):
            line = a + np.linspace(0.0, 1.0, 400)[:, None] * (b - a)
            if np.any((np.abs(line[:, 0]) < 0.1) & (line[:, 1] < height)):
                return False
        return True

    return is_free


@pytest.mark.parametrize("seed", range(5))
def test_a_way_over_the_wall_is_found_and_shortened(seed):
    is_free = wall(1.0)
    rows = way_around(START, GOAL, LOW, HIGH, WEIGHT, is_free, seed)
    assert rows is not None
    assert np.array_equal(rows[0], START)
    assert np.array_equal(rows[-1], GOAL)
    assert is_free(rows)
    length = np.linalg.norm(np.diff(rows, axis=0), axis=1).sum()
    assert length < 1.3 * 2 * np.hypot(2.0, 1.0)
    assert len(rows) <= 6


def test_the_same_seed_finds_the_same_way():
    first, second = (way_around(START, GOAL, LOW, HIGH, WEIGHT, wall(1.0), 7) for _ in range(2))
    assert np.array_equal(first, second)
    other = way_around(START, GOAL, LOW, HIGH, WEIGHT, wall(1.0), 8)
    assert not np.array_equal(first, other)


def test_no_way_is_none():
    assert way_around(START, GOAL, LOW, HIGH, WEIGHT, wall(9.0)) is None
