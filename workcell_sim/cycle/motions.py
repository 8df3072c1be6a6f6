"""What the arm does in a cycle under given scales: planned and carried out once, then kept.

Plans come from the cell's own planner, the arm's answer from the world's MuJoCo arm. Its worn gears' resistance is
left out here and added by formula, since it changes from cycle to cycle.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.cell.steps import BINS, CLEAR, Bin, Way
from workcell_control.cell.task import CellTask, Tuning
from workcell_control.motion.limits import SCALE_QUANTUM, acceleration_steps
from workcell_control.motion.planner import Plan
from workcell_control.policy.optimiser.setting import Setting
from workcell_sim.world.arm import ArmState, MujocoArm
from workcell_sim.world.drive import Drives
from workcell_sim.world.flex import Flex
from workcell_sim.world.model import build_model
from workcell_sim.world.spline import Samples
from workcell_sim.world.world_config import WorldConfig

FloatArray = npt.NDArray[np.float64]

MOTIONS_KEPT = 20_000
LIFTED_M = 0.0015
"""A part hangs free above this height over its seat."""
NEST_M = 0.03
"""A part that is lost below this height falls back on its seat."""
LIFT_TICKS_MAX = 40
"""Of a lift, until the part is well over its seat."""
TICKS_PER_WINDOW = 3
"""Ticks in a window of the field signals, which last 2.5."""


@dataclass(frozen=True, eq=False)
class MoveRun:
    """One move as the arm makes it with sound gears, in n ticks of k steps.

    Attributes:
        duration_s: from the command to the end of the path.
        acceleration_m_s2: proper acceleration of the cup, shape (n * k, 3).
        torque_n_m, speed_rad_s: of the drives at each step, shape (n * k, 6).
        error_rad: deviation from the path at the end of each tick, shape (n, 6).
        wanted_rad_s, wanted_rad: velocity and position of the path at the end of each tick, shape (n, 6).
        window_speed_rms_rad_s, window_load_n_m: of each drive in each window of the field signals, (windows, 6).
        tool_acceleration_max_m_s2: largest planned acceleration of the tool.
        lifted_tick: in which a part picked at the start hangs free.
        free_tick: from which on such a part does not fall back on its seat.
    """

    duration_s: float
    acceleration_m_s2: FloatArray
    torque_n_m: FloatArray
    speed_rad_s: FloatArray
    error_rad: FloatArray
    wanted_rad_s: FloatArray
    wanted_rad: FloatArray
    window_speed_rms_rad_s: FloatArray
    window_load_n_m: FloatArray
    tool_acceleration_max_m_s2: float
    lifted_tick: int
    free_tick: int

    @property
    def ticks(self) -> int:
        """Whole ticks of the move."""
        return len(self.error_rad)

    @cached_property
    def torque_max_n_m(self) -> FloatArray:
        """Largest torque of each drive, shape (6,)."""
        return np.abs(self.torque_n_m).max(axis=0)  # type: ignore[no-any-return]

    @cached_property
    def wanted_max_rad_s(self) -> FloatArray:
        """Largest velocity of each joint of the path, shape (6,)."""
        return np.abs(self.wanted_rad_s).max(axis=0)  # type: ignore[no-any-return]

    @cached_property
    def lateral_m_s2(self) -> FloatArray:
        """Acceleration along the cup's lip, shape (n * k,)."""
        return np.hypot(self.acceleration_m_s2[:, 0], self.acceleration_m_s2[:, 1])


@dataclass(frozen=True, eq=False)
class CycleMotion:
    """The moves of a cycle.

    Attributes:
        approach: from the bin to the part that lies ready.
        lift: of the part off its seat.
        transfer: with the part to the camera.
        place: with the part from there into the bin for accepted ones.
        sway: state of the tool's sway at the end of the transfer, shape (2, 2).
    """

    approach: MoveRun
    lift: MoveRun
    transfer: MoveRun
    place: MoveRun
    sway: FloatArray


Key = tuple[int, int, int, int]


class MotionLibrary:
    """Motions by the scales and the bound that shape them.

    Args:
        config: of the world whose arm and station it is.
        values: of the cell: where its files lie and how fast it approaches.
    """

    def __init__(self, config: WorldConfig, values: CellParameters) -> None:
        self._config = config
        self._task: CellTask = build_task(values)
        model = build_model(config.urdf, config.arm, config.physics_step_s, config.prefix)
        self._arm = MujocoArm(model, np.array(config.station.home_joints_rad), config.arm, config.prefix)
        self._drives = Drives(config.arm, config.drives, config.ambient_k)
        self._kept: OrderedDict[Key, CycleMotion] = OrderedDict()
        self.standing_torque_n_m, self._torque_per_kg = self._torques_at_camera()

    def motion(self, setting: Setting) -> CycleMotion:
        """The moves of a cycle whose part is accepted; equal keys give the same object."""
        key = self.key(setting)
        if key not in self._kept:
            self._kept[key] = self._make(setting)
            if len(self._kept) > MOTIONS_KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def key(self, setting: Setting) -> Key:
        """What of a setting shapes motion, in whole steps."""
        tuning = tuning_of(setting)
        scales = tuning.scales.quantised()
        bound = self._task.part_bound_m_s2(tuning)
        steps = (round(share / SCALE_QUANTUM) for share in (scales.speed, scales.acceleration, scales.jerk))
        speed, acceleration, jerk = steps
        return speed, acceleration, jerk, acceleration_steps(bound)

    def shoulder_torque(self, mass_kg: float) -> float:
        """Torque in [N m] of the second joint's drive while a part of that mass is shown to the camera."""
        return float(self.standing_torque_n_m[1] + self._torque_per_kg[1] * mass_kg)

    def _torques_at_camera(self) -> tuple[FloatArray, FloatArray]:
        """Torques of the standing arm without a part, and what each kilogram adds; both of shape (6,)."""
        position = self._task.waypoints["camera_inspect"]
        torques = []
        for mass_kg in (0.0, 1.0):
            self._arm.restore(ArmState(position.copy(), wanted_rad=position.copy()))
            self._arm.set_payload(mass_kg)
            torques.append(self._arm.hold_still())
        return torques[0], torques[1] - torques[0]

    @cached_property
    def further(self) -> Mapping[Bin, tuple[float, float]]:
        """By bin, how much longer placing and the way back to the infeed take than with the bin for accepted parts.

        Found once, at half the limits: the ways' lengths decide, whatever the scales.
        """
        half = Setting(0.5, 0.5, 0.5, 7.0, 55e3, 0.2, 0.2, 0.004)
        times_s = {outfeed: tuple(plan.trajectory.duration_s for plan in self._ways(half, outfeed)) for outfeed in BINS}
        place_s, approach_s = times_s["accept"]
        return {outfeed: (place / place_s, approach / approach_s) for outfeed, (place, approach) in times_s.items()}

    def _ways(self, setting: Setting, outfeed: Bin) -> tuple[Plan, Plan]:
        """To a bin with the part, and from there back to the next part."""
        place = self._plan(setting, "camera_inspect", Way(f"{outfeed}_above"), Way(f"{outfeed}_place", True), held=True)
        clear = Way(CLEAR, True)
        back = self._plan(setting, f"{outfeed}_place", clear, Way("infeed_above"), Way("infeed_pick", True))
        return place, back

    def _plan(self, setting: Setting, start: str, *ways: Way, held: bool = False) -> Plan:
        first, *onward = ways
        return self._task.plan(
            self._task.waypoints[start],
            first.waypoint,
            is_straight=first.is_straight,
            is_held=held,
            tuning=tuning_of(setting),
            onward=tuple(onward),
        )

    def _make(self, setting: Setting) -> CycleMotion:
        place, approach = self._ways(setting, "accept")
        lift = self._plan(setting, "infeed_pick", Way("infeed_above", True), held=True)
        transfer = self._run(self._plan(setting, "infeed_above", Way("camera_inspect"), held=True))
        return CycleMotion(
            approach=self._run(approach, mass_kg=0.0),
            lift=self._run(lift),
            transfer=transfer,
            place=self._run(place),
            sway=self._sway(transfer),
        )

    def _run(self, plan: Plan, mass_kg: float | None = None) -> MoveRun:
        """Has the arm follow a plan from rest."""
        config, trajectory = self._config, plan.trajectory
        count = config.steps_per_tick
        ticks = math.ceil(trajectory.duration_s / config.tick_s - 1e-9)
        times_s: FloatArray = np.arange(1.0, ticks * count + 1) * config.step_s
        position, velocity, acceleration, _ = trajectory.states_at(times_s)
        start = trajectory.position[0]
        self._arm.restore(ArmState(start.copy(), wanted_rad=start.copy()))
        self._arm.set_payload(config.station.board_mass_kg if mass_kg is None else mass_kg)
        self._arm.hold_still()
        foreseen = self._arm.foresee(Samples(position, velocity, acceleration), np.zeros((ticks, len(start))))
        ends = slice(count - 1, None, count)
        reached = np.stack([tick.motion.position_rad for tick in foreseen])
        heights = self._heights(reached[:LIFT_TICKS_MAX])
        torque = np.concatenate([tick.motion.torque_n_m for tick in foreseen])
        speed = np.concatenate([tick.motion.speed_rad_s for tick in foreseen])
        window = TICKS_PER_WINDOW * count
        load = np.abs(torque + self._drives.friction(speed))
        return MoveRun(
            duration_s=trajectory.duration_s,
            acceleration_m_s2=np.concatenate([tick.motion.tcp_acceleration_m_s2 for tick in foreseen]),
            torque_n_m=torque,
            speed_rad_s=speed,
            error_rad=np.abs(position[ends] - reached),
            wanted_rad_s=velocity[ends],
            tool_acceleration_max_m_s2=plan.tool_acceleration_max_m_s2,
            wanted_rad=position[ends],
            window_speed_rms_rad_s=np.array([np.sqrt(np.mean(rows**2, axis=0)) for rows in _chunks(speed, window)]),
            window_load_n_m=np.array([rows.mean(axis=0) for rows in _chunks(load, window)]),
            lifted_tick=_first_above(heights, LIFTED_M),
            free_tick=_first_above(heights, NEST_M),
        )

    def _heights(self, positions: FloatArray) -> FloatArray:
        """Height of the tool over where it starts at joint positions (n, 6), shape (n,)."""
        heights = np.array([self._task.arm.fk(position)[2, 3] for position in positions])
        over: FloatArray = heights - heights[0]
        return over

    def _sway(self, transfer: MoveRun) -> FloatArray:
        flex = Flex(self._config.flex)
        count = self._config.steps_per_tick
        for rows in _chunks(transfer.acceleration_m_s2, count):
            flex.advance(rows[:, :2], self._config.step_s)
        return flex.state.motion


def tuning_of(setting: Setting) -> Tuning:
    """The cell's own set of figures that shape a move."""
    return Tuning(
        speed_scale=setting.speed_scale,
        acceleration_scale=setting.acceleration_scale,
        jerk_scale=setting.jerk_scale,
        part_acceleration_max_m_s2=setting.part_acceleration_max_m_s2,
        grip_vacuum_pa=setting.grip_vacuum_pa,
        grip_dwell_s=setting.grip_dwell_s,
        settle_s=setting.settle_s,
    )


def _first_above(heights: FloatArray, limit_m: float) -> int:
    above = np.flatnonzero(heights > limit_m)
    return int(above[0]) if len(above) else len(heights)


def _chunks(values: FloatArray, count: int) -> Sequence[FloatArray]:
    return np.split(values, range(count, len(values), count))
