"""What happens at the cup: parts are sealed, carried, slide, fall, and end in a bin or on the floor."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from workcell_sim.world.parts import Infeed, Part, Place
from workcell_sim.world.station import Station
from workcell_sim.world.suction import Grip, SuctionConfig, hold, hold_force, new_grip
from workcell_sim.world.vacuum import Vacuum

FloatArray = npt.NDArray[np.float64]

# A part counts as lifted off the belt above this height; below it the belt carries it.
_LIFTED_M = 0.0015
# A part let go this near to its seat, in height and from above, falls back on it.
_SEAT_HEIGHT_M = 0.03
_SEAT_REACH_M = 0.02
# A vented cup lets go of the part below this share of the atmosphere.
_FREE_SHARE = 0.03


class Cup(Protocol):
    """What the grip needs of the arm."""

    def tcp_pose(self) -> FloatArray:
        """Pose of the cup in `world`, shape (4, 4)."""

    def set_payload(self, mass_kg: float) -> None:
        """Changes the mass at the cup."""


@dataclass
class GripStationState:
    """The part at the cup, if any.

    `seat_m` and `seat_yaw_rad` are where the centre of the part lay in the cup's frame when it was picked.
    """

    part: Part | None = None
    grip: Grip | None = None
    seat_m: tuple[float, float] = (0.0, 0.0)
    seat_yaw_rad: float = 0.0
    is_lifted: bool = False
    is_lost: bool = False
    margin_n: float = 0.0


class GripStation:
    """Couples vacuum, cup and parts."""

    def __init__(
        self, station: Station, config: SuctionConfig, vacuum: Vacuum, infeed: Infeed, rng: np.random.Generator
    ) -> None:
        self._station = station
        self._config = config
        self._vacuum = vacuum
        self._infeed = infeed
        self._rng = rng
        self.state = GripStationState()

    @property
    def part(self) -> Part | None:
        """The part at the cup."""
        return self.state.part

    def advance(
        self,
        cup: Cup,
        tcp_acceleration_m_s2: FloatArray,
        vibration_m_s2: float,
        leak: float,
        step_s: float,
        time_s: float,
    ) -> Part | None:
        """Moves on by a tick of k steps; returns the part that left the cell in it, if any.

        Args:
            tcp_acceleration_m_s2: proper acceleration of the cup, shape (k, 3).
            leak: extra leak of the circuit as a share of the pump's capacity.
        """
        state, vacuum = self.state, self._vacuum
        steps = len(tcp_acceleration_m_s2)
        if state.part is None and vacuum.is_on and not state.is_lost:
            self._try_seal(cup, time_s)
        vacuum.advance(step_s * steps, self._leak(leak))
        if state.part is None or state.grip is None:
            state.is_lost = state.is_lost and vacuum.is_on
            return None
        if not vacuum.is_on and vacuum.state.level_pa < vacuum.config.atmosphere_pa * _FREE_SHARE:
            return self._let_go(cup, time_s)
        if not state.is_lifted:
            state.is_lifted = self._height_over_seat(cup) > _LIFTED_M
            if not state.is_lifted:
                return None
            cup.set_payload(state.part.mass_kg)
        force = hold_force(vacuum.state.level_pa, self._config)
        result = hold(
            state.grip, self._config, force, state.part.mass_kg, tcp_acceleration_m_s2, vibration_m_s2, step_s
        )
        state.margin_n = result.margin_n
        if result.is_held:
            return None
        state.is_lost = vacuum.is_on
        return self._let_go(cup, time_s)

    def part_in_cup(self) -> FloatArray:
        """Pose of the held part's face (x right, y down seen from the face's side, z into the part) in the cup's frame.

        Shape (4, 4). Only with a part at the cup.
        """
        state = self.state
        slip = state.grip.slip_m if state.grip is not None else np.zeros(2)
        cos, sin = math.cos(state.seat_yaw_rad), math.sin(state.seat_yaw_rad)
        pose = np.eye(4)
        # The cup looks down and so does the face; the frame of the face has z into the part, that is up.
        pose[:3, :3] = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]]) @ np.diag([1.0, -1.0, -1.0])
        pose[:3, 3] = (state.seat_m[0] + slip[0], state.seat_m[1] + slip[1], self._station.board_thickness_m)
        return pose

    def _leak(self, extra: float) -> float:
        config = self._vacuum.config
        if self.state.grip is None:
            return config.open_leak + extra
        return (config.sealed_leak + extra) * self.state.grip.seal

    def _try_seal(self, cup: Cup, time_s: float) -> None:
        part = self._infeed.state.at_pick
        if part is None:
            return
        pose = cup.tcp_pose()
        seat = self._station.infeed_pick.matrix
        offset = pose[:3, :3].T @ (seat[:3, 3] - pose[:3, 3])
        if abs(float(offset[2])) > self._config.seal_gap_max_m:
            return
        centre = offset[:2] + part.offset_m
        if float(np.abs(centre).max()) > self._station.board_size_m / 2 - self._config.cup_radius_m:
            return
        turn = pose[:3, :3].T @ seat[:3, :3]
        state = self.state
        state.part = self._infeed.take(time_s)
        state.grip = new_grip(self._config, self._rng)
        state.seat_m = (float(centre[0]), float(centre[1]))
        state.seat_yaw_rad = math.atan2(float(turn[1, 0]), float(turn[0, 0])) + part.yaw_rad
        state.is_lifted = False

    def _height_over_seat(self, cup: Cup) -> float:
        return float(cup.tcp_pose()[2, 3]) - self._station.infeed_pick.position_m[2]

    def _let_go(self, cup: Cup, time_s: float) -> Part | None:
        """The part leaves the cup: back on its seat, into the bin below, or to the floor."""
        state = self.state
        part = state.part
        assert part is not None
        pose = cup.tcp_pose()
        x, y, z = (pose @ np.array([*state.seat_m, 0.0, 1.0]))[:3]
        cup.set_payload(0.0)
        state.part, state.grip, state.is_lifted = None, None, False
        seat = self._station.infeed_pick.position_m
        near = math.hypot(x - seat[0], y - seat[1]) < _SEAT_REACH_M and abs(z - seat[2]) < _SEAT_HEIGHT_M
        if near and self._infeed.put_back(part):
            return None
        part.place = self._place_below(float(x), float(y), float(z))
        return part

    def _place_below(self, x: float, y: float, z: float) -> Place:
        for bin_ in self._station.bins:
            if bin_.holds(x, y) and z >= bin_.top_m:
                return Place(bin_.name)
        return Place.FLOOR
