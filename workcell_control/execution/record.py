"""What a move was planned to be and what it came to: the record that monitors and models learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workcell_control.motion.arrays import FloatArray

NS_PER_S = 1_000_000_000
POWER_GAP_MAX_S = 5.0
"""Power readings further apart than this are not joined: nobody knows what was between."""


@dataclass(frozen=True)
class MoveRecord:
    """One move from its sending to its end; what was not measured is not a number."""

    start_ns: int
    end_ns: int
    planned_s: float
    is_ok: bool
    reason: str
    tracking_error_max_rad: tuple[float, ...]
    current_max_a: float
    torque_margin: float
    """Share of its torque limit that the most loaded joint had left at least."""
    energy_j: float
    vibration_max_m_s2: float

    @property
    def actual_s(self) -> float:
        """Time that it took."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def figures(self) -> tuple[tuple[str, float, str], ...]:
        """Name, value and unit of each figure."""
        errors = enumerate(self.tracking_error_max_rad, start=1)
        return (
            ("planned_time", self.planned_s, "s"),
            ("actual_time", self.actual_s, "s"),
            ("is_ok", float(self.is_ok), "1"),
            *((f"tracking_error_joint_{joint}", error, "rad") for joint, error in errors),
            ("current_max", self.current_max_a, "A"),
            ("torque_margin", self.torque_margin, "1"),
            ("energy", self.energy_j, "J"),
            ("vibration_max", self.vibration_max_m_s2, "m/s^2"),
        )


class MoveRecorder:
    """Hears what is measured during a move.

    Args:
        torque_max_n_m: Torque limits of the joints, shape (n,).
    """

    def __init__(self, torque_max_n_m: FloatArray) -> None:
        self._torque_max: list[float] = torque_max_n_m.tolist()
        self._start_ns: int | None = None
        self._planned_s = 0.0
        self._torque_share = math.nan
        self._current_a = math.nan
        self._vibration = math.nan
        self._energy_j = math.nan
        self._power: tuple[int, float] | None = None

    @property
    def is_open(self) -> bool:
        """Whether a move is under way."""
        return self._start_ns is not None

    def begin(self, planned_s: float, now_ns: int) -> None:
        """A move was sent."""
        self._start_ns, self._planned_s = now_ns, planned_s
        self._torque_share = self._current_a = self._vibration = self._energy_j = math.nan
        self._power = None

    def on_effort(self, effort_n_m: Sequence[float]) -> None:
        """Torques of the joints, empty where they are not told."""
        if self._start_ns is not None and len(effort_n_m):
            share = max(abs(e) / limit for e, limit in zip(effort_n_m, self._torque_max, strict=True))
            self._torque_share = np.fmax(self._torque_share, share)

    def on_current(self, current_a: float) -> None:
        """Current of a joint."""
        self._current_a = np.fmax(self._current_a, abs(current_a))

    def on_vibration(self, vibration_m_s2: float) -> None:
        """Vibration of a joint, RMS of its window."""
        self._vibration = np.fmax(self._vibration, vibration_m_s2)

    def on_power(self, power_w: float, stamp_ns: int) -> None:
        """Power of the cell; energy is its integral (trapezoids)."""
        if self._power is not None:
            gap_s = (stamp_ns - self._power[0]) / NS_PER_S
            if 0.0 < gap_s <= POWER_GAP_MAX_S:
                joined_j = 0.5 * (self._power[1] + power_w) * gap_s
                self._energy_j = joined_j if math.isnan(self._energy_j) else self._energy_j + joined_j
        self._power = (stamp_ns, power_w)

    def end(self, is_ok: bool, reason: str, tracking_error_max_rad: FloatArray, now_ns: int) -> MoveRecord | None:
        """The move has ended; its record, None where none was under way."""
        start_ns, self._start_ns = self._start_ns, None
        if start_ns is None:
            return None
        return MoveRecord(
            start_ns=start_ns,
            end_ns=now_ns,
            planned_s=self._planned_s,
            is_ok=is_ok,
            reason=reason,
            tracking_error_max_rad=tuple(tracking_error_max_rad.tolist()),
            current_max_a=float(self._current_a),
            torque_margin=1.0 - float(self._torque_share),
            energy_j=float(self._energy_j),
            vibration_max_m_s2=float(self._vibration),
        )
