"""Residual sway of the tool after a motion: one lightly damped mode per lateral axis.

x'' + 2 zeta w x' + w^2 x = -a, with a the lateral acceleration of the cup: the usual single-mode model of structural
flexibility (de Silva, "Vibration: Fundamentals and Practice", 2006, ch. 2), discretised exactly for a held input.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FlexConfig:
    """The mode; `gain` scales how much of the acceleration excites it."""

    frequency_hz: float = 7.0
    damping_ratio: float = 0.08
    gain: float = 0.8


@dataclass
class FlexState:
    """Displacement [m] (row 0) and velocity [m/s] (row 1) along x and y of the cup, shape (2, 2)."""

    motion: FloatArray = field(default_factory=lambda: np.zeros((2, 2)))


class Flex:
    """Sway along both lateral axes; advanced a whole tick at a time."""

    def __init__(self, config: FlexConfig) -> None:
        self._config = config
        self._powers: dict[tuple[int, float], tuple[FloatArray, FloatArray]] = {}
        self.state = FlexState()

    @property
    def displacement_m(self) -> FloatArray:
        """Sway in the cup's frame, shape (2,)."""
        displacement: FloatArray = self.state.motion[0]
        return displacement

    @property
    def velocity_m_s(self) -> FloatArray:
        """Velocity of the sway in the cup's frame, shape (2,)."""
        velocity: FloatArray = self.state.motion[1]
        return velocity

    def advance(self, lateral_m_s2: FloatArray, dt_s: float) -> None:
        """Moves on by k steps of `dt_s` under lateral accelerations (k, 2)."""
        transition, weights = self._discrete(len(lateral_m_s2), dt_s)
        self.state.motion = transition @ self.state.motion + weights @ lateral_m_s2

    def _discrete(self, count: int, dt_s: float) -> tuple[FloatArray, FloatArray]:
        """Transition over `count` steps, shape (2, 2), and weight of each step's input, shape (2, count)."""
        key = (count, dt_s)
        if key not in self._powers:
            step, push = self._one_step(dt_s)
            columns, power = [], np.eye(2)
            for _ in range(count):
                columns.append(power @ push)
                power = step @ power
            self._powers[key] = (power, np.column_stack(columns[::-1]))
        return self._powers[key]

    def _one_step(self, dt_s: float) -> tuple[FloatArray, FloatArray]:
        w, zeta = 2.0 * np.pi * self._config.frequency_hz, self._config.damping_ratio
        wd = w * np.sqrt(1.0 - zeta**2)
        decay = np.exp(-zeta * w * dt_s)
        cos, sin = np.cos(wd * dt_s), np.sin(wd * dt_s)
        step = decay * np.array(
            [[cos + zeta * w / wd * sin, sin / wd], [-(w**2) / wd * sin, cos - zeta * w / wd * sin]]
        )
        # Held input: x settles at -gain a / w^2.
        settled = np.array([-self._config.gain / w**2, 0.0])
        return step, settled - step @ settled
