"""The infeed in Gazebo: boards enter at the belt's entrance and ride to the stop, where the cup picks them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from workcell_sim.gazebo.slots import Slot, Slots, Stage
from workcell_sim.world.parts import Infeed
from workcell_sim.world.station import Station

ROLLER_RADIUS_M = 0.01
"""Of the rollers in the world file, whose tops are the belt's surface."""


@dataclass(frozen=True)
class BeltConfig:
    """The belt: its speed, the way from entrance to stop, and how near to the stop a board counts as there."""

    speed_m_s: float = 0.4
    travel_m: float = 0.2
    reach_m: float = 0.004
    entry_drop_m: float = 0.001
    # A board that did not get to the stop by then lies across: it is taken off the belt as one on the floor.
    jam_after_s: float = 15.0


class Belt:
    """Lets boards in, one after the other, and runs while one is under way and none at the stop.

    Args:
        infeed: whose `at_pick` stands here for the board in front of the entrance.
    """

    def __init__(self, station: Station, config: BeltConfig, infeed: Infeed, slots: Slots) -> None:
        self._pick_m = station.infeed_pick.position_m
        self._side_m = station.board_size_m
        self._thickness_m = station.board_thickness_m
        self._config = config
        self._infeed = infeed
        self._slots = slots

    @property
    def at_stop(self) -> Slot | None:
        """The board that can be picked."""
        return next(iter(self._slots.in_stage(Stage.PICK)), None)

    def admit(self, time_s: float) -> Slot | None:
        """Takes the board in front of the entrance into a slot, if there is one, a slot, and room on the belt."""
        slot = self._slots.free()
        if self._infeed.state.at_pick is None or slot is None or not self._is_entrance_clear():
            return None
        slot.part, slot.pose = self._infeed.take(time_s), None
        slot.enter(Stage.COMING, time_s)
        return slot

    def entry_m(self, slot: Slot) -> tuple[float, float, float]:
        """Where the middle of a slot's board is to enter."""
        assert slot.part is not None
        x, y, z = self._pick_m
        return (
            x + float(slot.part.offset_m[0]),
            y - self._config.travel_m,
            z - self._thickness_m / 2 + self._config.entry_drop_m,
        )

    def advance(self, time_s: float) -> list[Slot]:
        """Notes which boards have come to the stop; returns those that never will."""
        jammed = []
        for slot in self._slots.in_stage(Stage.BELT):
            if self._is_at_stop(slot) and slot.is_still:
                slot.enter(Stage.PICK, time_s)
            elif time_s - slot.since_s > self._config.jam_after_s and self.at_stop is None:
                jammed.append(slot)
        return jammed

    def speed_m_s(self, is_pick_in_use: bool) -> float:
        """Speed that the belt is to have; it stands while a board lies at the stop or is just being picked."""
        is_wanted = bool(self._slots.in_stage(Stage.COMING, Stage.BELT))
        return self._config.speed_m_s if is_wanted and not is_pick_in_use and self.at_stop is None else 0.0

    def is_seat(self, slot: Slot) -> bool:
        """Whether a board lies where boards are picked, or a little way in front of it on the belt."""
        if slot.pose is None:
            return False
        x, y, z = (float(value) for value in slot.pose[:3, 3])
        on_belt = abs(x - self._pick_m[0]) < self._side_m / 4 and -self._side_m < y - self._pick_m[1]
        return on_belt and y - self._pick_m[1] < self._config.reach_m and abs(z - self._pick_m[2]) < 2e-3

    def _is_at_stop(self, slot: Slot) -> bool:
        return (
            slot.pose is not None
            and abs(float(slot.pose[1, 3]) - self._pick_m[1]) < self._config.reach_m
            and math.isclose(float(slot.pose[0, 3]), self._pick_m[0], abs_tol=self._side_m / 4)
        )

    def _is_entrance_clear(self) -> bool:
        """A board spawned inside another would end Gazebo's physics."""
        if self._slots.in_stage(Stage.COMING):
            return False
        entrance_m = self._pick_m[1] - self._config.travel_m
        lying = (slot for slot in self._slots.in_stage(Stage.BELT, Stage.PICK, Stage.HELD, Stage.FALLING))
        return all(
            slot.pose is not None and math.hypot(*self._away(slot, entrance_m)) > 1.5 * self._side_m for slot in lying
        )

    def _away(self, slot: Slot, entrance_m: float) -> tuple[float, float]:
        assert slot.pose is not None
        return float(slot.pose[0, 3]) - self._pick_m[0], float(slot.pose[1, 3]) - entrance_m
