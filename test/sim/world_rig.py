"""A minimal pick, inspect and place cycle on `CellWorld`, for tests of its physics. Pure, no ROS."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pinocchio as pin
import ruckig

from workcell_sim.world.cell_world import AuditEntry, CellWorld, StepResult
from workcell_sim.world.gripper import GripEnd
from workcell_sim.world.scenario import Event, Scenario
from workcell_sim.world.station import Pose
from workcell_sim.world.trajectory_executor import GoalEnd
from workcell_sim.world.trajectory_goal import TrajectoryGoal, TrajectoryPoint
from workcell_sim.world.world_config import WorldConfig, load_world_config

FloatArray = npt.NDArray[np.float64]

ROOT = Path(__file__).resolve().parents[2]
STATION_FILE = ROOT / "config" / "station.yaml"
ARM_FILE = ROOT / "urdf" / "ur5e.yaml"
XACRO_FILE = ROOT / "urdf" / "cell.urdf.xacro"


@lru_cache(maxsize=1)
def base_config() -> WorldConfig:
    """The cell as shipped."""
    return load_world_config(STATION_FILE, ARM_FILE, XACRO_FILE)


def make_world(seed: int = 1, *events: Event, **overrides: Any) -> CellWorld:
    """A world under the given disturbances."""
    config = replace(base_config(), **overrides)
    return CellWorld(config, Scenario("test", "", 3600.0, events), seed)


def event(kind: str, magnitude: float = 0.0, at_s: float = 0.0, ramp_s: float = 0.0, target: str = "") -> Event:
    """A disturbance that stays."""
    return Event(kind, at_s, ramp_s, float("inf"), magnitude, target)


@dataclass(frozen=True)
class Settings:
    """The cell's governed parameters at their defaults."""

    speed_scale: float = 0.6
    acceleration_scale: float = 0.5
    jerk_scale: float = 0.5
    grip_vacuum_pa: float = 55e3
    grip_dwell_s: float = 0.2
    settle_s: float = 0.2
    exposure_s: float = 0.004


@dataclass
class Tally:
    """What some cycles brought."""

    audits: list[AuditEntry] = field(default_factory=list)
    images: list[npt.NDArray[np.uint8]] = field(default_factory=list)
    duration_s: float = 0.0
    margin_min_n: float = float("inf")
    vacuum_at_lift_pa: list[float] = field(default_factory=list)
    signals: list[FloatArray] = field(default_factory=list)
    failed_picks: int = 0
    carried: int = 0

    @property
    def drops(self) -> int:
        """Parts that did not arrive where they were carried to."""
        return self.carried - sum(1 for entry in self.audits if entry.place.value == "accept")


class Rig:
    """Runs cycles against a world."""

    def __init__(self, world: CellWorld, settings: Settings = Settings()) -> None:
        self.world = world
        self.settings = settings
        self.tally = Tally()
        self._model = pin.buildModelFromXML(world.config.urdf)
        self._data = self._model.createData()
        self._at = np.array(world.config.station.home_joints_rad)
        self._count = 0

    def cycles(self, count: int) -> Tally:
        """Carries `count` parts from the infeed over the camera to the accept bin."""
        start_s = self.world.time_s
        while self.tally.carried < count:
            self.one_cycle()
        self.tally.duration_s += self.world.time_s - start_s
        return self.tally

    def one_cycle(self) -> None:
        """Picks, shows to the camera, places."""
        station, settings = self.world.config.station, self.settings
        lift = station.approach_height_m
        self.run_until(lambda: self.world.is_part_at_pick)
        self.move(station.infeed_pick, lift)
        self.move(station.infeed_pick)
        grip = self.grip(True, settings.grip_vacuum_pa)
        self.wait(settings.grip_dwell_s)
        self.tally.vacuum_at_lift_pa.append(self.world.vacuum_pa)
        if not grip.reached_goal:
            self.tally.failed_picks += 1
            self.grip(False)
            return
        self.tally.carried += 1
        self.move(station.infeed_pick, lift)
        self.move(station.camera_inspect)
        self.wait(settings.settle_s)
        self.tally.images.append(self.world.capture(settings.exposure_s))
        self.move(station.accept_place, lift)
        self.move(station.accept_place)
        self.grip(False)
        self.move(station.accept_place, lift)

    def move(self, pose: Pose, above_m: float = 0.0) -> GoalEnd:
        """Moves the cup to a pose, or above it, jerk-limited in joint space; waits for the end."""
        target = self.joints_at(pose, above_m)
        goal = self.trajectory(self._at, target)
        refusal = self.world.trajectory_refusal(goal)
        assert refusal is None, refusal
        self._count += 1
        self.world.start_trajectory(f"t{self._count}", goal)
        self._at = target
        while True:
            result = self.step()
            if result.goal_ends:
                return result.goal_ends[0]

    def grip(self, is_on: bool, set_point_pa: float = 0.0) -> GripEnd:
        """Commands the gripper and waits for the end."""
        self._count += 1
        self.world.command_gripper(f"g{self._count}", is_on, set_point_pa)
        while True:
            result = self.step()
            if result.grip_ends:
                return result.grip_ends[-1]

    def wait(self, duration_s: float) -> None:
        """Lets the world go on."""
        for _ in range(round(duration_s / self.world.config.tick_s)):
            self.step()

    def run_until(self, is_done: Any, limit_s: float = 60.0) -> None:
        """Lets the world go on until a condition holds."""
        for _ in range(round(limit_s / self.world.config.tick_s)):
            if is_done():
                return
            self.step()
        raise AssertionError("the condition never came true")

    def step(self) -> StepResult:
        """One tick, tallied."""
        result = self.world.step()
        self.tally.audits.extend(result.audits)
        if result.signals is not None:
            self.tally.signals.append(result.signals)
        if self.world.is_part_lifted and self.world.is_vacuum_on:
            self.tally.margin_min_n = min(self.tally.margin_min_n, self.world.hold_margin_n)
        return result

    def trajectory(self, start: FloatArray, end: FloatArray) -> TrajectoryGoal:
        """A jerk-limited motion from rest to rest under the settings' scales."""
        arm, settings = self.world.config.arm, self.settings
        request = ruckig.InputParameter(6)
        request.current_position = list(start)
        request.target_position = list(end)
        request.max_velocity = list(arm.velocity_max_rad_s * settings.speed_scale)
        request.max_acceleration = list(arm.acceleration_max_rad_s2 * settings.acceleration_scale)
        request.max_jerk = list(arm.jerk_max_rad_s3 * settings.jerk_scale)
        path = ruckig.Trajectory(6)
        ruckig.Ruckig(6).calculate(request, path)
        times = np.linspace(0.0, path.duration, max(int(path.duration / 0.03), 2) + 1)[1:]
        points = [TrajectoryPoint(float(t), *(list(v) for v in path.at_time(float(t)))) for t in times]
        return TrajectoryGoal(self.world.joints, points)

    def joints_at(self, pose: Pose, above_m: float = 0.0) -> FloatArray:
        """Joint position that brings the cup to a pose; same branch as home."""
        position = np.array(pose.position_m) + np.array([0.0, 0.0, above_m])
        return _solve(self._model, self._data, position, pose.rotation_rpy_rad, self._at)


def point_goal(joints: Sequence[str], *points: tuple[float, Sequence[float]]) -> TrajectoryGoal:
    """A trajectory through points with zero velocity at each."""
    zero = [0.0] * len(joints)
    return TrajectoryGoal(joints, [TrajectoryPoint(time_s, list(q), zero, zero) for time_s, q in points])


def _solve(model: Any, data: Any, position: FloatArray, rpy: Sequence[float], start: FloatArray) -> FloatArray:
    """Damped Newton on SE(3)."""
    frame = model.getFrameId("gripper_tcp")
    target = pin.SE3(pin.rpy.rpyToMatrix(*rpy), position)
    q = np.array(start)
    for _ in range(200):
        pin.framesForwardKinematics(model, data, q)
        error = pin.log6(data.oMf[frame].actInv(target)).vector
        if np.linalg.norm(error) < 1e-10:
            return q
        jacobian = -pin.Jlog6(target.actInv(data.oMf[frame])) @ pin.computeFrameJacobian(model, data, q, frame)
        q = q - jacobian.T @ np.linalg.solve(jacobian @ jacobian.T + 1e-9 * np.eye(6), error)
    raise AssertionError(f"no inverse kinematics for {position}")
