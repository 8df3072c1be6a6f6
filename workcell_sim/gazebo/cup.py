"""Suction in Gazebo: the vacuum's pull decides when a board's joint with the cup is made, and when it breaks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workcell_sim.gazebo.slots import Slot, Stage
from workcell_sim.world.station import Station
from workcell_sim.world.suction import Grip, SuctionConfig, hold, hold_force, new_grip
from workcell_sim.world.vacuum import Vacuum

FloatArray = npt.NDArray[np.float64]

# As in the embedded world: below this height the belt carries the board, below this share of the atmosphere it is free.
_LIFTED_M = 0.0015
_FREE_SHARE = 0.03
# The lip gives: what shakes the cup for less than this does not shear the board. It also keeps out single steps of the
# arm that come from the time at which its controllers heard of time.
_LIP_TIME_S = 0.03
# A board that is left this far below a cup that has risen is not at it.
_LEFT_BEHIND_M = 0.1


class CupMotion(NamedTuple):
    """The cup in a tick.

    Attributes:
        pose: in `world`, shape (4, 4).
        acceleration_m_s2: proper acceleration in its frame, shape (k, 3).
        vibration_m_s2: RMS, from the joints.
        duration_s: of the tick.
    """

    pose: FloatArray
    acceleration_m_s2: FloatArray
    vibration_m_s2: float
    duration_s: float


class CupOrders(NamedTuple):
    """What is to happen to a joint between cup and board."""

    attach: Slot | None = None
    detach: Slot | None = None


@dataclass
class CupState:
    """The board at the cup; `sealed_m` is the cup's height when it sealed."""

    slot: Slot | None = None
    grip: Grip | None = None
    sealed_m: float = 0.0
    is_lifted: bool = False
    is_lost: bool = False
    margin_n: float = 0.0


class Cup:
    """Couples vacuum, cup and boards."""

    def __init__(self, station: Station, config: SuctionConfig, vacuum: Vacuum, rng: np.random.Generator) -> None:
        self._station = station
        self._config = config
        self._vacuum = vacuum
        self._rng = rng
        self.state = CupState()
        self._felt_m_s2: FloatArray | None = None

    def advance(self, motion: CupMotion, leak: float, at_stop: Slot | None, time_s: float) -> CupOrders:
        """Moves on by a tick.

        Args:
            leak: extra leak of the circuit as a share of the pump's capacity.
            at_stop: the board that can be picked.
        """
        state, vacuum = self.state, self._vacuum
        felt_m_s2 = self._felt(motion)
        attach = None
        if state.slot is None and vacuum.is_on and not state.is_lost and at_stop is not None:
            attach = self._try_seal(motion.pose, at_stop, time_s)
        vacuum.advance(motion.duration_s, self._leak(leak))
        if state.slot is None or state.grip is None:
            state.is_lost = state.is_lost and vacuum.is_on
            return CupOrders()
        if not vacuum.is_on and vacuum.state.level_pa < vacuum.config.atmosphere_pa * _FREE_SHARE:
            return CupOrders(attach, self._let_go(time_s))
        if self._is_held(motion, felt_m_s2, state.slot, state.grip):
            return CupOrders(attach)
        state.is_lost = vacuum.is_on
        return CupOrders(attach, self._let_go(time_s))

    def _felt(self, motion: CupMotion) -> FloatArray:
        """The acceleration that the lip passes on, shape (k, 3)."""
        samples = motion.acceleration_m_s2
        if not len(samples):
            return samples
        share = 1.0 - math.exp(-motion.duration_s / len(samples) / _LIP_TIME_S)
        felt = np.empty_like(samples)
        last = samples[0] if self._felt_m_s2 is None else self._felt_m_s2
        for index, sample in enumerate(samples):
            last = felt[index] = last + share * (sample - last)
        self._felt_m_s2 = felt[-1].copy()
        return felt

    def _is_held(self, motion: CupMotion, felt_m_s2: FloatArray, slot: Slot, grip: Grip) -> bool:
        state = self.state
        risen_m = float(motion.pose[2, 3]) - state.sealed_m
        state.is_lifted = state.is_lifted or risen_m > _LIFTED_M
        if not state.is_lifted or slot.part is None or not len(felt_m_s2):
            return True
        result = hold(
            grip,
            self._config,
            hold_force(self._vacuum.state.level_pa, self._config),
            slot.part.mass_kg,
            felt_m_s2,
            motion.vibration_m_s2,
            motion.duration_s / len(felt_m_s2),
        )
        state.margin_n = result.margin_n
        return result.is_held and not self._is_left_behind(slot, risen_m)

    def _is_left_behind(self, slot: Slot, risen_m: float) -> bool:
        seat_m = self._station.infeed_pick.position_m[2]
        return risen_m > _LEFT_BEHIND_M and slot.pose is not None and slot.pose[2, 3] - seat_m < _LEFT_BEHIND_M / 4

    def _leak(self, extra: float) -> float:
        config = self._vacuum.config
        if self.state.grip is None:
            return config.open_leak + extra
        return (config.sealed_leak + extra) * self.state.grip.seal

    def _try_seal(self, cup: FloatArray, slot: Slot, time_s: float) -> Slot | None:
        """Seals the cup on a board whose back is at its lip."""
        assert slot.pose is not None
        back = slot.pose @ np.array([0.0, 0.0, self._station.board_thickness_m / 2, 1.0])
        offset = cup[:3, :3].T @ (back[:3] - cup[:3, 3])
        if abs(float(offset[2])) > self._config.seal_gap_max_m:
            return None
        if float(np.abs(offset[:2]).max()) > self._station.board_size_m / 2 - self._config.cup_radius_m:
            return None
        state = self.state
        state.slot, state.grip = slot, new_grip(self._config, self._rng)
        state.sealed_m, state.is_lifted = float(cup[2, 3]), False
        slot.enter(Stage.HELD, time_s)
        return slot

    def _let_go(self, time_s: float) -> Slot:
        state = self.state
        slot = state.slot
        assert slot is not None
        state.slot, state.grip, state.is_lifted = None, None, False
        slot.enter(Stage.FALLING, time_s)
        return slot
