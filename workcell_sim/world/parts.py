"""The parts in the cell: identity, mass, where each one is, and how they arrive."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

ROUNDING_S = 1e-9
"""A time that was added to another one and taken off again is as long as before to this."""


class Place(Enum):
    """Where a part is; the last four are the ends of its way."""

    BELT = "belt"
    PICK = "pick"
    HELD = "held"
    ACCEPT = "accept"
    REWORK = "rework"
    REJECT = "reject"
    FLOOR = "floor"


@dataclass
class Part:
    """A board. `number` and `defect_rate` make it again in the board factory; offsets are those of its seat."""

    number: int
    serial: str
    mass_kg: float
    defect_rate: float | None
    place: Place = Place.BELT
    offset_m: FloatArray = field(default_factory=lambda: np.zeros(2))
    yaw_rad: float = 0.0


@dataclass(frozen=True)
class InfeedConfig:
    """Arrival of boards on the belt.

    `interval_s` is the mean time between boards; single intervals differ by up to `jitter` of it. Boards wait while
    `queue_max` are on the belt. `feed_time_s` passes from a free pick position to the next board lying there.
    """

    interval_s: float = 3.5
    jitter: float = 0.3
    queue_max: int = 4
    feed_time_s: float = 0.5
    seat_spread_m: float = 0.0006
    seat_spread_rad: float = 0.01
    mass_spread: float = 0.02


def arrivals_max(config: InfeedConfig, duration_s: float, interval_factor: float = 1.0) -> int:
    """Number of boards that arrive in a time at most, by the least interval that the jitter leaves."""
    interval_s = config.interval_s * interval_factor * (1.0 - config.jitter)
    return math.ceil(duration_s / interval_s) + 1


@dataclass
class InfeedState:
    """The belt: boards in order, the board at the pick position, and the count of all that came."""

    queue: list[Part] = field(default_factory=list)
    at_pick: Part | None = None
    next_arrival_s: float = 0.0
    pick_free_since_s: float = -1e9
    arrived: int = 0


class Infeed:
    """Feeds boards to the pick position."""

    def __init__(self, config: InfeedConfig, board_mass_kg: float, rng: np.random.Generator) -> None:
        self._config = config
        self._board_mass_kg = board_mass_kg
        self._rng = rng
        self.state = InfeedState()

    def advance(self, time_s: float, interval_factor: float, mass_factor: float, defect_rate: float | None) -> None:
        """Moves the belt on to `time_s`."""
        config, state = self._config, self.state
        if time_s >= state.next_arrival_s and len(state.queue) < config.queue_max:
            state.queue.append(self._new_part(mass_factor, defect_rate))
            spread = 1.0 + config.jitter * (2.0 * float(self._rng.random()) - 1.0)
            state.next_arrival_s = time_s + config.interval_s * interval_factor * spread
        if state.at_pick is None and state.queue and time_s - state.pick_free_since_s >= config.feed_time_s:
            state.at_pick = state.queue.pop(0)
            state.at_pick.place = Place.PICK

    def due_s(self) -> float:
        """When a board arrives or moves up next, which may be past; infinite while neither can happen by itself."""
        config, state = self._config, self.state
        arrives_s = state.next_arrival_s if len(state.queue) < config.queue_max else math.inf
        is_free = state.at_pick is None and bool(state.queue)
        moves_up_s = state.pick_free_since_s + config.feed_time_s + ROUNDING_S if is_free else math.inf
        return min(arrives_s, moves_up_s)

    def take(self, time_s: float) -> Part:
        """Takes the board off the pick position.

        Raises:
            LookupError: none lies there.
        """
        part = self.state.at_pick
        if part is None:
            raise LookupError("no part at the pick position")
        self.state.at_pick = None
        self.state.pick_free_since_s = time_s
        part.place = Place.HELD
        return part

    def put_back(self, part: Part) -> bool:
        """Lays a board back on the pick position; False if another lies there."""
        if self.state.at_pick is not None:
            return False
        part.place = Place.PICK
        self.state.at_pick = part
        return True

    def reweigh(self, factor: float) -> None:
        """Makes the boards that wait heavier or lighter by a factor."""
        waiting = [*self.state.queue, *([self.state.at_pick] if self.state.at_pick is not None else [])]
        for part in waiting:
            part.mass_kg *= factor

    def delay_feed(self, time_s: float) -> None:
        """The belt waits as long as something is in the way of the pick position."""
        self.state.pick_free_since_s = time_s

    def _new_part(self, mass_factor: float, defect_rate: float | None) -> Part:
        config, state = self._config, self.state
        number = state.arrived
        state.arrived += 1
        spread = 1.0 + config.mass_spread * float(self._rng.standard_normal())
        return Part(
            number=number,
            serial=f"p{number:05d}",
            mass_kg=self._board_mass_kg * mass_factor * spread,
            defect_rate=defect_rate,
            offset_m=config.seat_spread_m * self._rng.standard_normal(2),
            yaw_rad=config.seat_spread_rad * float(self._rng.standard_normal()),
        )
