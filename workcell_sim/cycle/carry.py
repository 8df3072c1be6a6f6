"""The part at the cup through one cycle: the vacuum tick by tick, and whether the grip holds the part on its way."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
import numpy.typing as npt

from workcell_sim.cycle.motions import TICKS_PER_WINDOW, MoveRun
from workcell_sim.world.drive import Drives
from workcell_sim.world.gripper import GripperConfig
from workcell_sim.world.suction import Grip, SuctionConfig, hold, hold_force
from workcell_sim.world.vacuum import Vacuum

FloatArray = npt.NDArray[np.float64]


class Lost(Enum):
    """How a grip ended before its time."""

    NOT_SEALED = "not sealed"
    IN_NEST = "in nest"
    """It fell back on the infeed: it is tried again."""
    DROPPED = "dropped"


@dataclass
class Hold:
    """A part at the cup: what holds it, and the vacuum it saw."""

    grip: Grip
    mass_kg: float
    leak: float
    """Extra leak of the circuit as a share of the pump's capacity."""
    levels_pa: list[float] = field(default_factory=list)
    """Vacuum at the end of each tick since the part was detected."""
    lift_tick: int = 0
    """When the part began to be lifted."""
    shown_pa: float = 0.0
    """Vacuum while it was shown to the camera; 0 before."""


class Carrier:
    """Vacuum and grip of the one cup."""

    def __init__(
        self,
        vacuum: Vacuum,
        suction: SuctionConfig,
        gripper: GripperConfig,
        drives: Drives,
        vibration_noise: float,
        tick_s: float,
        steps_per_tick: int,
    ) -> None:
        self._vacuum = vacuum
        self._suction = suction
        self._gripper = gripper
        self._drives = drives
        self._vibration_noise = vibration_noise
        self._tick_s = tick_s
        self._steps = steps_per_tick

    def seal(self, held: Hold, set_point_pa: float) -> int | None:
        """Builds the vacuum up until the part is detected; returns the ticks, None where it is not in time."""
        self._vacuum.set(set_point_pa)
        for tick in range(1, round(self._gripper.timeout_s / self._tick_s) + 1):
            if self._tick(held) >= self._gripper.part_detect_pa:
                return tick
        return None

    def wait(self, held: Hold, ticks: int) -> None:
        """The arm stands with the part."""
        for _ in range(ticks):
            held.levels_pa.append(self._tick(held))

    def level_after(self, held: Hold, ticks: int) -> float:
        """Vacuum some ticks from now; nothing moves on."""
        ahead = Vacuum(self._vacuum.config)
        ahead.state = replace(self._vacuum.state)
        for _ in range(ticks):
            ahead.advance(self._tick_s, self._leak(held))
        return ahead.state.level_pa

    def carry(self, held: Hold, run: MoveRun, wear: FloatArray, noise: FloatArray, *, is_lift: bool) -> Lost | None:
        """Carries the part along a move; returns how it was lost, or None.

        Args:
            wear: of each gear, shape (6,).
            noise: of the vibration, standard normal, shape (windows of the move, 6).
            is_lift: whether the part lies on its seat when the move begins.
        """
        first = len(held.levels_pa)
        self.wait(held, run.ticks)
        levels = np.array(held.levels_pa[first:])
        vibration = self.vibration_at_tool(run, wear, noise)
        begin = run.lifted_tick if is_lift else 0
        spare = self._spare(held, run, levels, vibration)
        is_short = (spare[begin * self._steps :] < 0.0).nonzero()[0]
        if not len(is_short):
            return None
        # Only from there on does it matter how far the part slides.
        tick = self._slides_off(held, run, levels, vibration, begin + int(is_short[0]) // self._steps)
        if tick is None:
            return None
        del held.levels_pa[first + tick + 1 :]
        return Lost.IN_NEST if is_lift and tick < run.free_tick else Lost.DROPPED

    def vent(self) -> int:
        """Lets go of the part; returns the ticks until it is released."""
        self._vacuum.set(0.0)
        ticks = 0
        while self._vacuum.state.level_pa > self._gripper.released_pa:
            self._vacuum.advance(self._tick_s, 0.0)
            ticks += 1
        return max(ticks, 1)

    def vibration_at_tool(self, run: MoveRun, wear: FloatArray, noise: FloatArray) -> FloatArray:
        """Vibration at the tool in each tick of a move, shape (n,): that of the window before, as the world has it."""
        level = self._drives.vibration(run.window_speed_rms_rad_s, run.window_load_n_m, wear)
        level = level * (1.0 + self._vibration_noise * noise[: len(level)])
        at_tool = self._drives.at_tool(level)
        return np.concatenate([[0.0], at_tool])[np.arange(run.ticks) // TICKS_PER_WINDOW]

    def _tick(self, held: Hold) -> float:
        vacuum = self._vacuum
        vacuum.advance(self._tick_s, self._leak(held))
        return vacuum.state.level_pa

    def _leak(self, held: Hold) -> float:
        return (self._vacuum.config.sealed_leak + held.leak) * held.grip.seal

    def _spare(self, held: Hold, run: MoveRun, levels_pa: FloatArray, vibration: FloatArray) -> FloatArray:
        """Least spare force of friction and of contact at each step, shape (n * k,), as in `suction.hold`."""
        force = np.repeat(levels_pa * hold_force(1.0, self._suction), self._steps)
        contact = force + held.mass_kg * run.acceleration_m_s2[:, 2]
        shear = held.mass_kg * (run.lateral_m_s2 + np.repeat(vibration, self._steps))
        return np.minimum(held.grip.friction * contact - shear, contact)

    def _slides_off(
        self, held: Hold, run: MoveRun, levels_pa: FloatArray, vibration: FloatArray, begin: int
    ) -> int | None:
        """The tick in which the part comes off, by the world's own grip; None where it stays."""
        dt_s = self._tick_s / self._steps
        for tick in range(begin, run.ticks):
            rows = slice(tick * self._steps, (tick + 1) * self._steps)
            result = hold(
                held.grip,
                self._suction,
                hold_force(float(levels_pa[tick]), self._suction),
                held.mass_kg,
                run.acceleration_m_s2[rows],
                float(vibration[tick]),
                dt_s,
            )
            if not result.is_held:
                return tick
        return None
