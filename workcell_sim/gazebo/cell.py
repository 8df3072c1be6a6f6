"""The cell around Gazebo's world: takes what the joints, the cup and the boards do, and says what is to happen.

One `step` for each joint state. No ROS, no thread, no clock but the world's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from workcell_control.motion.kinematics import Arm
from workcell_sim.gazebo.belt import Belt, BeltConfig
from workcell_sim.gazebo.board_files import Plate, Spawn
from workcell_sim.gazebo.cup import Cup, CupMotion, CupOrders
from workcell_sim.gazebo.field_side import CellStates, FieldSide, JointSample
from workcell_sim.gazebo.landing import landing
from workcell_sim.gazebo.slots import Slot, Slots, Stage
from workcell_sim.world.arm_parameters import joint_names
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.cell_world import AuditEntry
from workcell_sim.world.disturbances import Disturbances
from workcell_sim.world.gripper import GripEnd, Gripper
from workcell_sim.world.parts import Infeed, Place
from workcell_sim.world.protective_stop import ProtectiveStop
from workcell_sim.world.scenario import Scenario
from workcell_sim.world.vacuum import Vacuum
from workcell_sim.world.world_config import WorldConfig

FloatArray = npt.NDArray[np.float64]


class Orders(NamedTuple):
    """What Gazebo is to be asked for, each by the name of a slot.

    Attributes:
        spawn: boards that enter; their files are to be written first.
        remove, attach, detach: slots.
        belt_m_s: speed of the belt, where it is to be told: when it changes, and now and then.
    """

    spawn: tuple[Spawn, ...] = ()
    remove: tuple[str, ...] = ()
    attach: tuple[str, ...] = ()
    detach: tuple[str, ...] = ()
    belt_m_s: float | None = None


@dataclass(frozen=True, eq=False)
class GazeboStep:
    """What a step brought: the devices' values where a window ended, commands and boards that ended, and orders."""

    orders: Orders
    signals: FloatArray | None = None
    grip_ends: list[GripEnd] = field(default_factory=list)
    audits: list[AuditEntry] = field(default_factory=list)


class GazeboCell:
    """Infeed, boards, suction, field signals and protective stop of a cell whose bodies Gazebo moves.

    Args:
        config: constants, the same as the embedded world's.
        scenario: disturbances of the shift.
        seed: as for the embedded world: the same boards, masses and disturbances come in the same order.
        slots: how many boards the world has room for.
        belt: how boards come.
    """

    def __init__(
        self, config: WorldConfig, scenario: Scenario, seed: int, slots: int = 6, belt: BeltConfig | None = None
    ) -> None:
        self.config = config
        self.joints = joint_names(config.prefix)
        rngs = [np.random.default_rng(stream) for stream in np.random.SeedSequence([seed, _SEED_OF_WORLD]).spawn(3)]
        station = config.station
        self._arm = Arm(config.urdf, f"{config.prefix}gripper_tcp")
        self._disturbances = Disturbances(scenario)
        self.conditions = self._disturbances.at(0.0)
        self._factory = BoardFactory(seed, defect_rate=config.defect_rate, boards_dir=config.boards_dir or None)
        self._vacuum = Vacuum(config.vacuum)
        self._gripper = Gripper(config.gripper)
        self._infeed = Infeed(config.infeed, station.board_mass_kg, rngs[0])
        self._slots = Slots(slots)
        self._belt = Belt(station, belt or BeltConfig(), self._infeed, self._slots)
        self._cup = Cup(station, config.suction, self._vacuum, rngs[1])
        self._field = FieldSide(self._arm, config, self._vacuum, rngs[2])
        self._stop = ProtectiveStop(config.protective_stop, config.arm.effort_max_n_m, self.joints)
        self._last: JointSample | None = None
        self._belt_told = (0.0, -math.inf)

    @property
    def time_s(self) -> float:
        """Time of the last step."""
        return self._last.time_s if self._last is not None else 0.0

    @property
    def vacuum_pa(self) -> float:
        """Vacuum at the cup below ambient."""
        return self._vacuum.state.level_pa

    @property
    def hold_margin_n(self) -> float:
        """Spare holding force of the last tick with a lifted part."""
        return self._cup.state.margin_n

    @property
    def held(self) -> Slot | None:
        """The slot whose board is at the cup."""
        return self._cup.state.slot

    @property
    def robot_state(self) -> str:
        """`normal`, or `protective_stop;reason=...`."""
        return self._stop.robot_state

    @property
    def is_stopped(self) -> bool:
        """Whether the protective stop is in force."""
        return self._stop.state.is_stopped

    def command_gripper(self, goal_id: str, is_on: bool, set_point_pa: float) -> None:
        """Switches the vacuum on with a set point below ambient, or off."""
        self._vacuum.set(set_point_pa if is_on else 0.0)
        self._gripper.start(goal_id, is_on, self._vacuum.state.level_pa)

    def cancel_gripper(self, goal_id: str) -> bool:
        """Forgets a gripper command; the vacuum stays. False if it is not the active one."""
        return self._gripper.cancel(goal_id)

    def protective_stop(self, reason: str) -> bool:
        """Trips the protective stop; whoever has the controllers is to stop them. False if it is in force."""
        return self._stop.trip(reason, self.time_s)

    def reset_protective_stop(self) -> tuple[bool, str]:
        """Releases the protective stop; tells whether it did, and why not."""
        return self._stop.reset(self.time_s)

    def on_pose(self, name: str, time_s: float, pose: FloatArray) -> None:
        """Takes up where Gazebo has a board, pose (4, 4) in `world`."""
        self._slots.on_pose(name, time_s, pose)

    def step(self, sample: JointSample, acceleration_m_s2: FloatArray) -> GazeboStep:
        """Moves on to a joint state.

        Args:
            sample: joints; a time that is not later than the last is passed over.
            acceleration_m_s2: proper acceleration of the cup since the last step, in its frame, shape (k, 3).
        """
        last, self._last = self._last, sample
        if last is None or sample.time_s <= last.time_s:
            return GazeboStep(Orders())
        now_s = sample.time_s
        self.conditions = self._disturbances.at(now_s)
        if self._disturbances.protective_stop_between(last.time_s, now_s):
            self.protective_stop("scenario")
        cup = self._pull(sample, acceleration_m_s2, now_s - last.time_s)
        audits, spent = self._settle(now_s)
        orders = self._orders(cup, [*spent, *self._belt.advance(now_s)], audits, now_s)
        self._gripper.check(self.vacuum_pa, self.held is not None, now_s - last.time_s)
        return GazeboStep(
            orders=orders,
            signals=self._field.observe(sample, self.conditions, self._states()),
            grip_ends=self._gripper.take_ended(),
            audits=audits,
        )

    def _pull(self, sample: JointSample, acceleration_m_s2: FloatArray, duration_s: float) -> CupOrders:
        motion = CupMotion(
            pose=self._arm.fk(sample.position_rad),
            acceleration_m_s2=acceleration_m_s2,
            vibration_m_s2=self._field.vibration_at_tool_m_s2,
            duration_s=duration_s,
        )
        return self._cup.advance(motion, self.conditions.leak, self._belt.at_stop, sample.time_s)

    def _settle(self, now_s: float) -> tuple[list[AuditEntry], list[Slot]]:
        """Boards that came to rest: their ends, and the slots to clear."""
        audits, spent = [], []
        for slot in self._slots.in_stage(Stage.FALLING):
            place = landing(slot, self.config.station, self._belt, now_s)
            if place is Place.PICK:
                slot.enter(Stage.BELT, now_s)
            elif place is not None:
                audits.append(self._audit(slot, place))
                spent.append(slot)
        return audits, spent

    def _orders(self, cup: CupOrders, spent: list[Slot], audits: list[AuditEntry], now_s: float) -> Orders:
        audits += [self._audit(slot, Place.FLOOR) for slot in spent if slot.stage is Stage.BELT]
        for slot in spent:
            slot.enter(Stage.GOING, now_s)
        conditions = self.conditions
        self._infeed.advance(now_s, conditions.arrival, conditions.mass, conditions.defect_rate)
        self._slots.forget_gone(now_s)
        self._belt.admit(now_s)
        going = [slot for slot in self._slots.in_stage(Stage.GOING) if slot.is_order_due(now_s)]
        coming = [slot for slot in self._slots.in_stage(Stage.COMING) if slot.is_order_due(now_s)]
        loose = [slot.name for slot in self._slots.let_go_of_tied(now_s)]
        return Orders(
            spawn=tuple(self._spawn(slot) for slot in coming),
            remove=tuple(slot.name for slot in going),
            attach=(cup.attach.name,) if cup.attach is not None else (),
            detach=(*loose, cup.detach.name) if cup.detach is not None else tuple(loose),
            belt_m_s=self._new_belt_speed(),
        )

    def _new_belt_speed(self) -> float | None:
        is_in_use = self._cup.state.slot is not None and not self._cup.state.is_lifted
        wanted = self._belt.speed_m_s(is_in_use)
        told, told_s = self._belt_told
        if wanted == told and self.time_s - told_s < _BELT_PERIOD_S:
            return None
        self._belt_told = wanted, self.time_s
        return wanted

    def _spawn(self, slot: Slot) -> Spawn:
        assert slot.part is not None
        station, part = self.config.station, slot.part
        plate = Plate(station.board_size_m, station.board_thickness_m, part.mass_kg)
        board = self._factory.board(part.number, part.defect_rate)
        # The face looks down: a turn seen from below is the other way round from above.
        return Spawn(slot.name, board, plate, self._belt.entry_m(slot), -part.yaw_rad)

    def _audit(self, slot: Slot, place: Place) -> AuditEntry:
        assert slot.part is not None
        slot.part.place = place
        return AuditEntry(slot.part.serial, place, self._factory.board(slot.part.number, slot.part.defect_rate))

    def _states(self) -> CellStates:
        held = self.held
        is_loaded = held is not None and held.part is not None and self._cup.state.is_lifted
        return CellStates(
            is_protective_stop=self.is_stopped,
            is_grip_lost=self._cup.state.is_lost,
            is_part_present=self._belt.at_stop is not None,
            arrived=self._infeed.state.arrived,
            payload_kg=held.part.mass_kg if is_loaded and held is not None and held.part is not None else 0.0,
        )


def is_in_view(slot: Slot | None, config: WorldConfig) -> bool:
    """Whether the camera sees a slot's board, near enough to its working distance to be lit."""
    if slot is None or slot.pose is None:
        return False
    camera = config.station.camera
    seen: Mapping[int, float] = dict(enumerate((np.linalg.inv(camera.pose.matrix) @ slot.pose)[:3, 3]))
    near = abs(seen[2] - camera.working_distance_m) < _VIEW_SHARE * camera.working_distance_m
    return bool(near and max(abs(seen[0]), abs(seen[1])) < _VIEW_REACH_M)


# The embedded world's streams of chance, so that the same seed brings the same boards.
_SEED_OF_WORLD = 0x57A7E
# A word that Gazebo missed is not missed for longer.
_BELT_PERIOD_S = 1.0
_VIEW_SHARE = 0.12
_VIEW_REACH_M = 0.04
