"""Whether the rest of a move can be carried out as planned: by the grip and the torques as they are measured now."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from workcell_control.motion.arrays import FloatArray, frozen_array

NS_PER_S = 1_000_000_000
TREND_S = 0.5
"""Time over which a falling vacuum is followed, and the longest for which it is expected to go on so."""
GRIP_SHARE = 0.9
"""Share of what is planned that a grip may hold before a move is slowed: the grip's own safety factor covers that."""
TORQUE_WATCHED = 0.7
"""Share of a torque limit from which on the torques to come are looked at."""
TORQUE_SHARE = 0.95
"""Share of the torque limits that is kept."""
RATE_LEAST = 0.1
"""A move is not slowed down below this; what then still fails is the drop's or the robot's own matter."""


@dataclass(frozen=True)
class MoveLoads:
    """What a move asks of grip and joints along its k samples, at its planned rate."""

    time_s: FloatArray
    tool_acceleration_m_s2: FloatArray
    """Shape (k,)."""
    torque_still_n_m: FloatArray
    """That standing there takes, shape (k, n)."""
    torque_moving_n_m: FloatArray
    """That comes with moving, shape (k, n); it grows with the square of the rate."""

    def __post_init__(self) -> None:
        for name in vars(self):
            object.__setattr__(self, name, frozen_array(getattr(self, name)))

    def from_time(self, path_s: float) -> MoveLoads:
        """From the sample before a time on."""
        first = max(int(np.searchsorted(self.time_s, path_s)) - 1, 0)
        return MoveLoads(*(getattr(self, name)[first:] for name in vars(self)))

    def torque_at(self, path_s: float, rate: float) -> FloatArray:
        """Torques of the joints at a time of the path and a rate along it, shape (n,)."""
        row = min(int(np.searchsorted(self.time_s, path_s)), len(self.time_s) - 1)
        return np.asarray(self.torque_still_n_m[row] + rate**2 * self.torque_moving_n_m[row])


class MarginWatch:
    """The rate at which the rest of the move under way keeps its margins; it only falls until the next move.

    Args:
        holds_m_s2: Acceleration that a grip of a vacuum [Pa] holds a part against.
        torque_max_n_m: Torque limits of the joints, shape (n,).
    """

    def __init__(self, holds_m_s2: Callable[[float], float], torque_max_n_m: FloatArray) -> None:
        self._holds_m_s2 = holds_m_s2
        self._torque_max = torque_max_n_m
        self._vacuum: deque[tuple[int, float]] = deque()
        self._is_held = False
        self._planned_m_s2 = 0.0
        self._find_loads: Callable[[], MoveLoads] | None = None
        self._loads: MoveLoads | None = None
        self._excess_n_m = np.zeros_like(torque_max_n_m)
        self.rate = 1.0

    def begin(self, tool_acceleration_max_m_s2: float, loads: Callable[[], MoveLoads], *, is_held: bool) -> None:
        """A move was sent.

        Args:
            tool_acceleration_max_m_s2: Largest of the move as planned.
            loads: Works out what the move asks for; called only where a margin has become small.
            is_held: Whether it carries a part.
        """
        self._vacuum.clear()
        self._planned_m_s2, self._find_loads, self._is_held = tool_acceleration_max_m_s2, loads, is_held
        self._loads = None
        self._excess_n_m = np.zeros_like(self._torque_max)
        self.rate = 1.0

    def on_vacuum(self, vacuum_pa: float, stamp_ns: int) -> None:
        """The vacuum was measured."""
        self._vacuum.append((stamp_ns, vacuum_pa))
        while stamp_ns - self._vacuum[0][0] > TREND_S * NS_PER_S:
            self._vacuum.popleft()

    def follow(self, effort_n_m: Sequence[float], path_s: Callable[[], float], rate: float) -> float:
        """The rate that the rest of the move may have.

        Args:
            effort_n_m: Torques of the joints as measured last, empty where they are not told.
            path_s: Where on its path the arm is, by the path's own time; asked only where it matters.
            rate: The rate at which it moves.
        """
        holds_m_s2 = self._expected_to_hold_m_s2()
        effort = np.asarray(effort_n_m, dtype=np.float64)
        is_grip_weak = holds_m_s2 < GRIP_SHARE * self._planned_m_s2
        is_strained = effort.size > 0 and bool((np.abs(effort) > TORQUE_WATCHED * self._torque_max).any())
        if self._find_loads is None or not (is_grip_weak or is_strained):
            return self.rate
        if self._loads is None:
            self._loads = self._find_loads()
        at_s = path_s()
        ahead = self._loads.from_time(at_s)
        if is_grip_weak:
            self._slow(_grip_rate(ahead, holds_m_s2))
        if is_strained:
            excess = np.abs(effort) - np.abs(self._loads.torque_at(at_s, rate))
            self._excess_n_m = np.maximum(self._excess_n_m, excess)
            self._slow(_torque_rate(ahead, TORQUE_SHARE * self._torque_max - self._excess_n_m))
        return self.rate

    def _slow(self, rate: float) -> None:
        self.rate = max(min(self.rate, rate), RATE_LEAST)

    def _expected_to_hold_m_s2(self) -> float:
        """What the grip will hold if its vacuum goes on falling as it does; infinite where nothing is held."""
        if not self._is_held or not self._vacuum:
            return math.inf
        (first_ns, first_pa), (last_ns, last_pa) = self._vacuum[0], self._vacuum[-1]
        fallen_pa = max(first_pa - last_pa, 0.0)
        span_s = (last_ns - first_ns) / NS_PER_S
        expected_pa = last_pa - fallen_pa * (TREND_S / span_s if span_s > 0.5 * TREND_S else 0.0)
        return self._holds_m_s2(max(expected_pa, 0.0))


def _grip_rate(ahead: MoveLoads, holds_m_s2: float) -> float:
    """Accelerations along a path grow with the square of the rate."""
    asked = float(ahead.tool_acceleration_m_s2.max())
    return 1.0 if GRIP_SHARE * asked <= holds_m_s2 else math.sqrt(holds_m_s2 / asked)


def _torque_rate(ahead: MoveLoads, allowed_n_m: FloatArray) -> float:
    spare = np.maximum(allowed_n_m - np.abs(ahead.torque_still_n_m), 0.0)
    moving = np.maximum(np.abs(ahead.torque_moving_n_m), 1e-9)
    return math.sqrt(min(float((spare / moving).min()), 1.0))
