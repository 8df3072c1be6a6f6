"""Runs the arm several ticks ahead along a path that nothing is likely to disturb, and hands out tick by tick.

A tick is so short that calling upon its arithmetic costs more than doing it. Whatever comes between (another path, a
stop, another payload, more wear) is noticed at the next tick, which then goes on from where the arm is: nothing the
arm did is ever taken back.
"""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_sim.world.arm import Arm, Foreseen, Motion, MujocoArm
from workcell_sim.world.arm_parameters import JOINT_COUNT
from workcell_sim.world.drive import Drives
from workcell_sim.world.spline import Samples
from workcell_sim.world.trajectory_executor import Ahead

FloatArray = npt.NDArray[np.float64]
_NO_RESISTANCE: FloatArray = np.zeros(JOINT_COUNT)


class Foresight:
    """Moves an arm against its drives' resistance."""

    def __init__(self, arm: Arm, drives: Drives) -> None:
        self._arm = arm
        self._drives = drives
        self._ticks: deque[tuple[Foreseen, FloatArray]] = deque()
        self._basis: tuple[Any, ...] = ()

    def advance(self, reference: Samples, ahead: Ahead | None, wear: FloatArray | None) -> tuple[Motion, FloatArray]:
        """Moves by a tick; returns what the arm did and the resistance (6,) it met.

        Args:
            reference: of this tick.
            ahead: where it is taken from, None where nothing is known of what follows.
            wear: of the gears, shape (6,); the same array as long as it does not change, None for none.
        """
        if ahead is None or not isinstance(self._arm, MujocoArm):
            return self._advance_alone(reference, wear)
        state = self._arm.state
        basis = (ahead, wear, state, state.payload_kg)
        if not self._ticks or any(one is not other for one, other in zip(basis, self._basis, strict=True)):
            self._basis = basis
            self._ticks = deque(self._foresee(self._arm, ahead, wear))
        if not self._ticks:
            return self._advance_alone(reference, wear)
        foreseen, resistance = self._ticks.popleft()
        return self._arm.take(foreseen), resistance

    def _advance_alone(self, reference: Samples, wear: FloatArray | None) -> tuple[Motion, FloatArray]:
        self._ticks.clear()
        resistance = self._resistance(reference.velocity_rad_s[-1], wear)
        return self._arm.advance(reference, resistance), resistance

    def _foresee(self, arm: MujocoArm, ahead: Ahead, wear: FloatArray | None) -> list[tuple[Foreseen, FloatArray]]:
        """What the arm will do in this tick and those that follow, up to the first in which it is to rest."""
        begin = (ahead.index - 1) * ahead.count
        reference = Samples(*(values[begin:] for values in ahead.samples))
        is_moving = ((reference.velocity_rad_s != 0.0) | (reference.acceleration_rad_s2 != 0.0)).any(axis=1)
        ticks = is_moving.reshape(-1, ahead.count).any(axis=1)
        count = len(ticks) if ticks.all() else int(ticks.argmin())
        if count == 0:
            return []
        reference = Samples(*(values[: count * ahead.count] for values in reference))
        resistances = self._resistance(reference.velocity_rad_s[ahead.count - 1 :: ahead.count], wear)
        return list(zip(arm.foresee(reference, resistances), resistances, strict=True))

    def _resistance(self, velocity_rad_s: FloatArray, wear: FloatArray | None) -> FloatArray:
        if wear is not None:
            return self._drives.resistance(velocity_rad_s, wear)
        return _NO_RESISTANCE if velocity_rad_s.ndim == 1 else np.zeros_like(velocity_rad_s)
