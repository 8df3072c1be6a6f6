"""A stand-in for Gazebo: boards ride, hang, fall and rest by the simplest rules, as `GazeboCell` orders. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from world_rig import base_config

from workcell_control.motion.kinematics import Arm
from workcell_sim.gazebo.board_files import Spawn
from workcell_sim.gazebo.cell import GazeboCell, Orders
from workcell_sim.gazebo.field_side import JointSample
from workcell_sim.world.cell_world import AuditEntry
from workcell_sim.world.gripper import GripEnd
from workcell_sim.world.scenario import Event, Scenario
from workcell_sim.world.station import Pose

FloatArray = npt.NDArray[np.float64]

TICK_S = 0.01
GRAVITY = np.array([[0.0, 0.0, -9.81]])
"""Proper acceleration of a cup that looks down and rests."""


def make_cell(*events: Event, seed: int = 1, slots: int = 4) -> GazeboCell:
    """A cell around the station as shipped, whose boards come as fast as there is room."""
    config = base_config()
    config = replace(config, infeed=replace(config.infeed, interval_s=0.5, feed_time_s=0.0))
    return GazeboCell(config, Scenario("test", "", 3600.0, events), seed, slots)


@dataclass
class Body:
    """A board in the world; `held` is its pose in the cup's frame."""

    pose: FloatArray
    held: FloatArray | None = None


@dataclass
class FakeGazebo:
    """Time, the arm's cup and the boards around a cell."""

    cell: GazeboCell
    bodies: dict[str, Body | None] = field(default_factory=dict)
    spawns: list[Spawn] = field(default_factory=list)
    orders: list[Orders] = field(default_factory=list)
    audits: list[AuditEntry] = field(default_factory=list)
    grip_ends: list[GripEnd] = field(default_factory=list)
    signals: list[FloatArray] = field(default_factory=list)
    is_deaf: bool = False
    acceleration: FloatArray = field(default_factory=lambda: GRAVITY.copy())
    time_s: float = 0.0
    belt_m_s: float = 0.0

    def __post_init__(self) -> None:
        config = self.cell.config
        self.arm = Arm(config.urdf, "gripper_tcp")
        self.joints = np.array(config.station.home_joints_rad)
        self.position = self.arm.fk(self.joints)[:3, 3]

    def wait(self, duration_s: float) -> None:
        """Lets time pass."""
        for _ in range(round(duration_s / TICK_S)):
            self._tick(self.position)

    def move(self, pose: Pose, height_m: float = 0.0, duration_s: float = 0.5) -> None:
        """Moves the cup in a straight line, looking down, to a height over a pose."""
        start, end = self.position, np.array(pose.position_m) + np.array([0.0, 0.0, height_m])
        for share in np.linspace(0.0, 1.0, round(duration_s / TICK_S) + 1)[1:]:
            self._tick(start + share * (end - start))

    def grip(self, is_on: bool) -> GripEnd:
        """Commands the gripper and waits for its answer."""
        count = len(self.grip_ends)
        self.cell.command_gripper(f"goal {count}", is_on, 55e3)
        for _ in range(300):
            self._tick(self.position)
            if len(self.grip_ends) > count:
                return self.grip_ends[-1]
        raise TimeoutError("the gripper never answered")

    def _tick(self, position: FloatArray) -> None:
        self.time_s += TICK_S
        before = self.joints
        if position is not self.position:
            self.joints, self.position = self._joints_at(position), position
        cup = self.arm.fk(self.joints)
        for name, body in self.bodies.items():
            if body is not None:
                self._move(body, cup)
                self.cell.on_pose(name, self.time_s, body.pose.copy())
        sample = JointSample(self.time_s, self.joints, (self.joints - before) / TICK_S)
        step = self.cell.step(sample, self.acceleration)
        self.audits += step.audits
        self.grip_ends += step.grip_ends
        if step.signals is not None:
            self.signals.append(step.signals)
        self.orders.append(step.orders)
        if not self.is_deaf:
            self._obey(step.orders, cup)

    def _joints_at(self, position: FloatArray) -> FloatArray:
        cup = np.diag([1.0, -1.0, -1.0, 1.0])
        cup[:3, 3] = position
        solution = self.arm.ik_near(cup, self.joints)
        assert solution is not None
        return solution

    def _move(self, body: Body, cup: FloatArray) -> None:
        station = self.cell.config.station
        if body.held is not None:
            body.pose = cup @ body.held
            return
        x, y, z = body.pose[:3, 3]
        pick = station.infeed_pick.position_m
        is_over_belt = abs(x - pick[0]) < 0.06 and -0.45 < y - pick[1] < 0.06
        tops = [bin_.top_m for bin_ in station.bins if bin_.holds(x, y)]
        rest = pick[2] - station.board_thickness_m if is_over_belt else max(tops, default=0.75)
        body.pose[2, 3] = max(rest + station.board_thickness_m / 2, z - 1.0 * TICK_S)
        if is_over_belt and z - rest < 0.002:
            body.pose[1, 3] = min(y + self.belt_m_s * TICK_S, pick[1])

    def _obey(self, orders: Orders, cup: FloatArray) -> None:
        self.belt_m_s = self.belt_m_s if orders.belt_m_s is None else orders.belt_m_s
        for spawn in orders.spawn:
            self.spawns.append(spawn)
            assert self.bodies.get(spawn.slot) is None, "a board was spawned inside another"
            pose = np.eye(4)
            pose[:3, 3] = spawn.position_m
            self.bodies[spawn.slot] = Body(pose)
        for name in orders.attach:
            body = self.bodies[name]
            assert body is not None
            body.held = np.linalg.inv(cup) @ body.pose
        for name in orders.detach:
            body = self.bodies.get(name)
            if body is not None:
                body.held = None
        for name in orders.remove:
            self.bodies[name] = None
