"""The cell's core on the simulated world without ROS: the shortest closed loop there is."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell import Cell
from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.cell.kpi import CycleRecord
from workcell_control.cell.ledger import PartLedger
from workcell_control.cell.steps import (
    Bin,
    CancelMotion,
    Command,
    Elapsed,
    Event,
    Grip,
    GripDone,
    Inspect,
    Move,
    MoveDone,
    ReleaseProtectiveStop,
    VerdictCame,
    Wake,
)
from workcell_control.cell.task import CellTask
from workcell_control.execution.drivers.embedded import EmbeddedDriver
from workcell_control.motion.trajectory import TrajectoryError
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.scenario import Scenario
from workcell_sim.world.signals import SIGNAL_NAMES
from workcell_sim.world.trajectory_executor import Outcome
from workcell_sim.world.trajectory_goal import TrajectoryGoal, TrajectoryPoint
from workcell_sim.world.world_config import load_world_config

ROOT = Path(__file__).resolve().parents[2]
FILES = {
    "description_file": str(ROOT / "urdf" / "cell.urdf.xacro"),
    "arm_file": str(ROOT / "urdf" / "ur5e.yaml"),
    "station_file": str(ROOT / "config" / "station.yaml"),
}
INSPECTION_S = 0.08
STILL_RAD_S = 0.02


def parameters(**changes: object) -> CellParameters:
    return replace(CellParameters(**FILES, ledger_file="", required_nodes=[""], governor_node=""), **changes)  # type: ignore[arg-type]


@dataclass
class WorldLoop:
    """Steps world and cell together; verdicts come from the world's own truth."""

    values: CellParameters = field(default_factory=parameters)
    scenario: Scenario = field(default_factory=lambda: Scenario("calm", "", 3600.0, ()))
    seed: int = 1
    ledger: PartLedger = field(default_factory=PartLedger)
    world: CellWorld | None = None
    reading_delay_s: float = 0.06
    verdict_of: Callable[[bool], str] = lambda is_defective: "reject" if is_defective else "accept"

    def __post_init__(self) -> None:
        if self.world is None:
            config = load_world_config(
                FILES["station_file"], FILES["arm_file"], FILES["description_file"], fidelity="kinematic"
            )
            self.world = CellWorld(config, self.scenario, self.seed)
        self.task: CellTask = build_task(self.values)
        self._positions: deque[tuple[int, np.ndarray]] = deque(maxlen=50)
        self.cell = Cell(lambda: self.values, self.ledger, self.now_ns, self._bin_below)
        self.cycles: list[CycleRecord] = []
        self.audits: list[tuple[str, str]] = []
        self.states: list[str] = []
        self.log: list[Command] = []
        self._agenda: list[tuple[int, int, Callable[[], list[Command]]]] = []
        self._count = 0
        self._wake: Wake | None = None
        self._pending: Move | None = None
        self._goal: tuple[str, int] | None = None
        self._last_end: np.ndarray | None = None
        self._state = self.world.step()
        self._robot_state = ""
        self.reads = True
        self.do(self.cell.tick(self.now_ns))

    @property
    def now_ns(self) -> int:
        assert self.world is not None
        return round(self.world.time_s * 1e9)

    def run(self, duration_s: float, until: Callable[[], bool] = lambda: False) -> WorldLoop:
        end_ns = self.now_ns + round(duration_s * 1e9)
        while self.now_ns < end_ns and not until():
            self.step()
        return self

    def send(self, event: Event) -> None:
        self.do(self.cell.handle(event, self.now_ns))

    def step(self) -> None:
        world = self.world
        assert world is not None
        self._state = result = world.step()
        self._positions.append((self.now_ns, result.position_rad))
        self.cell.on_joint_states(self.now_ns)
        for end in result.goal_ends:
            if self._goal is not None and end.goal_id == self._goal[0]:
                token, self._goal = self._goal[1], None
                self.send(MoveDone(token, end.outcome is Outcome.SUCCEEDED, end.text))
        for end in result.grip_ends:
            self.send(GripDone(int(end.goal_id.split("-")[0]), end.reached_goal))
        if world.robot_state != self._robot_state:
            self._robot_state = world.robot_state
            self.do(
                self.cell.on_robot_state(
                    *EmbeddedDriver().condition({"world/robot_state": self._robot_state}), self.now_ns
                )
            )
        for entry in result.audits:
            self.audits.append((entry.serial, entry.place.value))
            self.cell.on_audit(entry.serial, entry.place.value, not entry.board.is_good)
        if result.signals is not None and self.reads:
            values = result.signals.copy()
            stamp_ns = self.now_ns
            self._later(self.reading_delay_s, lambda: self._read(values, stamp_ns))
        while self._agenda and self._agenda[0][0] <= self.now_ns:
            self.do(heapq.heappop(self._agenda)[2]())
        self.do(self.cell.tick(self.now_ns))
        self._begin_move()
        self.cycles += self.cell.take_cycles()
        if not self.states or self.states[-1] != self.cell.state_text:
            self.states.append(self.cell.state_text)

    def do(self, commands: list[Command]) -> None:
        for command in commands:
            self.log.append(command)
            match command:
                case Move():
                    self._pending = command
                case Grip(token, is_on):
                    self._count += 1
                    self.world.command_gripper(f"{token}-{self._count}", is_on, self.cell.tuning.grip_vacuum_pa)
                case Wake():
                    self._wake = command
                    self._later(command.after_s, lambda wake=command: self._elapsed(wake))
                case Inspect():
                    self._later(INSPECTION_S, self._inspected)
                case CancelMotion():
                    self._pending = None
                    self._last_end = None
                    if self._goal is not None:
                        self.world.cancel_trajectory(self._goal[0])
                        self._goal = None
                case ReleaseProtectiveStop():
                    self.world.reset_protective_stop()

    def _bin_below(self, time_ns: int) -> Bin | None:
        _, position = min(self._positions, key=lambda item: abs(item[0] - time_ns))
        return self.task.bin_below(position)

    def _begin_move(self) -> None:
        if self._pending is None:
            return
        measured = self._state.position_rad
        start = self._last_end
        if start is None:
            if np.abs(self._state.velocity_rad_s).max() > STILL_RAD_S:
                return
            start = measured
        move, self._pending = self._pending, None
        try:
            plan = self.task.plan(
                start, move.waypoint, is_straight=move.is_straight, is_held=move.is_held, tuning=self.cell.tuning
            )
        except TrajectoryError as error:
            self.send(MoveDone(move.token, False, str(error)))
            return
        if plan.trajectory.duration_s == 0.0:
            self.send(MoveDone(move.token, True))
            return
        if move.is_held:
            self.cell.on_move_held(plan.tool_acceleration_max_m_s2)
        trajectory = plan.trajectory
        points = [
            TrajectoryPoint(t, p, v, a)
            for t, p, v, a in zip(
                trajectory.time_s[1:].tolist(),
                trajectory.position[1:].tolist(),
                np.vstack([trajectory.velocity[1:-1], np.zeros((1, 6))]).tolist(),
                trajectory.acceleration[1:].tolist(),
                strict=True,
            )
        ]
        goal = TrajectoryGoal(self.task.arm.joint_names, points)
        refusal = self.world.trajectory_refusal(goal)
        if refusal is not None:
            self.send(MoveDone(move.token, False, refusal.reason))
            return
        self._count += 1
        self._goal = (f"goal{self._count}", move.token)
        self._last_end = trajectory.position[-1]
        self.world.start_trajectory(self._goal[0], goal)

    def _read(self, values: np.ndarray, stamp_ns: int) -> list[Command]:
        self.cell.on_readings_message(self.now_ns)
        commands: list[Command] = []
        for tag, value in zip(SIGNAL_NAMES, values.tolist(), strict=True):
            if tag in self.cell.watched_tags:
                commands += self.cell.on_reading(tag, value, 0, stamp_ns, self.now_ns)
        return commands

    def _elapsed(self, wake: Wake) -> list[Command]:
        return self.cell.handle(Elapsed(wake.token), self.now_ns) if wake is self._wake else []

    def _inspected(self) -> list[Command]:
        part = self.world.held_part
        verdict = "unsure"
        if part is not None and self.world.is_part_in_view():
            verdict = self.verdict_of(not self.world._board_of(part).is_good)
        return self.cell.handle(VerdictCame(verdict, self.now_ns), self.now_ns)

    def _later(self, delay_s: float, action: Callable[[], list[Command]]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.now_ns + round(delay_s * 1e9), self._count, action))
