"""The whole simulated cell: one `step` is one tick. No ROS, no thread, no clock but its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from workcell_sim.world import world_snapshot
from workcell_sim.world.arm import Arm, KinematicArm, Motion, MujocoArm
from workcell_sim.world.arm_parameters import JOINT_COUNT, joint_names
from workcell_sim.world.board import Board, BoardFactory
from workcell_sim.world.camera_station import CameraStation
from workcell_sim.world.disturbances import Conditions, Disturbances
from workcell_sim.world.drive import Drives
from workcell_sim.world.flex import Flex
from workcell_sim.world.foresight import Foresight
from workcell_sim.world.grip_station import GripStation
from workcell_sim.world.gripper import GripEnd, Gripper
from workcell_sim.world.joint_mirror import JointMirror
from workcell_sim.world.model import build_model
from workcell_sim.world.parts import Infeed, Part, Place
from workcell_sim.world.power import PowerMeter
from workcell_sim.world.protective_stop import ProtectiveStop
from workcell_sim.world.scenario import Scenario
from workcell_sim.world.signals import NOMINAL_LIGHT_LUX, CellSignals, signal_vector
from workcell_sim.world.trajectory_executor import Feedback, GoalEnd, TrajectoryExecutor
from workcell_sim.world.trajectory_goal import ErrorCode, Refusal, TrajectoryGoal
from workcell_sim.world.vacuum import Vacuum
from workcell_sim.world.world_config import WorldConfig

FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

# The valve and the electronics of the gripper at the tool's connector.
_TOOL_IDLE_A = 0.08
_LIGHT_NOISE = 0.004


@dataclass(frozen=True)
class AuditEntry:
    """Ground truth of a part that left the cell."""

    serial: str
    place: Place
    board: Board


class StepResult(NamedTuple):
    """What a tick brought.

    Attributes:
        time_s: time of the shift at the end of the tick.
        position_rad, velocity_rad_s, effort_n_m: the joints, shape (6,).
        signals: values in the order of `SIGNAL_NAMES` where a window ended, else None.
        goal_ends, grip_ends: actions that ended.
        audits: parts that left.
    """

    time_s: float
    position_rad: FloatArray
    velocity_rad_s: FloatArray
    effort_n_m: FloatArray
    signals: FloatArray | None
    goal_ends: list[GoalEnd]
    grip_ends: list[GripEnd]
    audits: list[AuditEntry]


@dataclass
class _Clock:
    """Time of the shift in ticks, the open window of the signals, and the wear in force."""

    ticks: int = 0
    windows: int = 0
    window_start_s: float = 0.0
    conditions_s: float = 0.0
    wear: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    is_worn: bool = False
    window_torque: list[FloatArray] = field(default_factory=list)
    window_speed: list[FloatArray] = field(default_factory=list)
    frames: int = 0


class CellWorld:
    """Arm, gripper, belt, camera and disturbances.

    Args:
        config: constants.
        scenario: disturbances of the shift.
        seed: same seed, same calls: same world, bit for bit.
    """

    def __init__(self, config: WorldConfig, scenario: Scenario, seed: int) -> None:
        self.config = config
        self.joints = joint_names(config.prefix)
        self._disturbances = Disturbances(scenario)
        streams = np.random.SeedSequence([seed, _SEED_OF_WORLD]).spawn(3)
        self._rngs = {
            name: np.random.default_rng(stream)
            for name, stream in zip(("infeed", "grip", "signals"), streams, strict=True)
        }
        self._factory = BoardFactory(seed, defect_rate=config.defect_rate, boards_dir=config.boards_dir or None)
        home = np.array(config.station.home_joints_rad)
        self._arm = _make_arm(config, home)
        self.executor = TrajectoryExecutor(config.arm, self.joints, home)
        self.mirror = JointMirror(home) if config.fidelity == "mirror" else None
        self._drives = Drives(config.arm, config.drives, config.ambient_k)
        self._foresight = Foresight(self._arm, self._drives)
        self._vacuum = Vacuum(config.vacuum)
        self._gripper = Gripper(config.gripper)
        self._infeed = Infeed(config.infeed, config.station.board_mass_kg, self._rngs["infeed"])
        self._grip = GripStation(config.station, config.suction, self._vacuum, self._infeed, self._rngs["grip"])
        self._flex = Flex(config.flex)
        self._power = PowerMeter(config.power)
        self._stop = ProtectiveStop(config.protective_stop, config.arm.effort_max_n_m, self.joints)
        self._board: tuple[tuple[int, float | None], Board] | None = None
        self.camera = CameraStation(config.station.camera, self._board_of, seed)
        self._clock = _Clock()
        self._meet(0.0)

    @property
    def time_s(self) -> float:
        """Time of the shift."""
        return self._clock.ticks * self.config.tick_s

    @property
    def conditions(self) -> Conditions:
        """The disturbances in force."""
        return self._conditions

    @property
    def robot_state(self) -> str:
        """`normal`, or `protective_stop;reason=...`."""
        return self._stop.robot_state

    @property
    def speed_scaling(self) -> float:
        """The actual speed factor 0..1; 0 in a protective stop."""
        return 0.0 if self._stop.state.is_stopped else self.executor.scaling

    @property
    def held_part(self) -> Part | None:
        """The part at the cup."""
        return self._grip.part

    @property
    def vacuum_pa(self) -> float:
        """Vacuum at the cup below ambient."""
        return self._vacuum.state.level_pa

    @property
    def hold_margin_n(self) -> float:
        """Spare holding force of the last tick with a lifted part."""
        return self._grip.state.margin_n

    @property
    def is_part_lifted(self) -> bool:
        """Whether a part hangs free at the cup."""
        return self._grip.state.is_lifted

    @property
    def is_vacuum_on(self) -> bool:
        """Whether the gripper is commanded to hold."""
        return self._vacuum.is_on

    @property
    def is_part_at_pick(self) -> bool:
        """Whether a part lies at the pick position."""
        return self._infeed.state.at_pick is not None

    @property
    def energy_j(self) -> float:
        """Energy since the start of the shift."""
        return self._power.state.energy_j

    @property
    def own_wear(self) -> FloatArray:
        """Wear 0..1 that the shift itself has done to each joint's gear, shape (6,)."""
        return self._drives.state.own_wear.copy()

    def tcp_pose(self) -> FloatArray:
        """Pose of the cup in `world`, shape (4, 4)."""
        return self._arm.tcp_pose()

    def trajectory_refusal(self, goal: TrajectoryGoal) -> Refusal | None:
        """Why a trajectory would not be accepted; None if it would."""
        if self._stop.state.is_stopped:
            reason = "Can't accept new action goals. Controller is not running."
            return Refusal(ErrorCode.INVALID_GOAL, f"{reason} ({self._stop.robot_state})")
        return self.executor.refusal(goal, self.time_s)

    def start_trajectory(self, goal_id: str, goal: TrajectoryGoal) -> None:
        """Begins a trajectory that `trajectory_refusal` let pass."""
        self.executor.start(goal_id, goal, self.time_s)

    def cancel_trajectory(self, goal_id: str) -> bool:
        """Cancels a trajectory; the arm brakes on its path. False if it is not the active one."""
        return self.executor.cancel(goal_id)

    def trajectory_feedback(self) -> Feedback | None:
        """Feedback of the active trajectory."""
        return self.executor.feedback(self._arm.state.position_rad, self._arm.state.velocity_rad_s)

    def set_speed_scaling(self, factor: float) -> None:
        """Moves the speed slider, 0..1."""
        self.executor.set_scaling(factor)

    def command_gripper(self, goal_id: str, is_on: bool, set_point_pa: float) -> None:
        """Switches the vacuum on with a set point below ambient, or off."""
        self._vacuum.set(set_point_pa if is_on else 0.0)
        self._gripper.start(goal_id, is_on, self._vacuum.state.level_pa)

    def cancel_gripper(self, goal_id: str) -> bool:
        """Forgets a gripper command; the vacuum stays. False if it is not the active one."""
        return self._gripper.cancel(goal_id)

    def protective_stop(self, reason: str) -> bool:
        """Trips the protective stop: the arm brakes on its path, the vacuum stays. False if it is in force."""
        if not self._stop.trip(reason, self.time_s):
            return False
        self.executor.abort(ErrorCode.INVALID_GOAL, f"protective stop: {reason}")
        return True

    def reset_protective_stop(self) -> tuple[bool, str]:
        """Releases the protective stop; tells whether it did, and why not."""
        return self._stop.reset(self.time_s)

    def disturb(self, scenario: Scenario) -> None:
        """Has other disturbances hold from now on; the boards that wait are of the lot that comes then."""
        mass_before = self._disturbances.at(self.time_s).mass
        self._disturbances = Disturbances(scenario)
        self._infeed.reweigh(self._disturbances.at(self.time_s).mass / mass_before)
        self._meet(self.time_s)

    def step(self) -> StepResult:
        """Moves the world on by one tick."""
        config, clock = self.config, self._clock
        before_s = self.time_s
        clock.ticks += 1
        now_s = self.time_s
        self._feed(now_s)
        # An arm that is not simulated here is stopped by its own driver alone.
        if self.mirror is None and self._disturbances.protective_stop_between(before_s, now_s):
            self.protective_stop("scenario")
        motion = self._move(now_s)
        lateral = motion.tcp_acceleration_m_s2
        gone = self._grip.advance(
            self._arm, lateral, self._drives.vibration_at_tool(), self._conditions.leak, config.step_s, now_s
        )
        if self._grip.part is not None:
            self._flex.advance(lateral[:, :2], config.step_s)
        self._gripper.check(self._vacuum.state.level_pa, self._grip.part is not None, config.tick_s)
        clock.window_torque.append(motion.torque_n_m)
        clock.window_speed.append(motion.speed_rad_s)
        signals = self._observe(now_s) if now_s >= self._window_end_s - _TIME_SLACK_S else None
        return StepResult(
            time_s=now_s,
            position_rad=motion.position_rad,
            velocity_rad_s=motion.velocity_rad_s,
            effort_n_m=motion.torque_n_m[-1],
            signals=signals,
            goal_ends=self.executor.take_ended(),
            grip_ends=self._gripper.take_ended(),
            audits=[AuditEntry(gone.serial, gone.place, self._board_of(gone))] if gone is not None else [],
        )

    def is_part_in_view(self) -> bool:
        """Whether the camera sees a part now."""
        return self._grip.part is not None and self.camera.sees(self._face_pose())

    def capture(self, exposure_s: float) -> ImageU8:
        """Takes an image now: of the part in view, or the dark background."""
        return self.expose(exposure_s)()

    def expose(self, exposure_s: float) -> Callable[[], ImageU8]:
        """Takes an image now and leaves it to be developed when somebody looks at it: most frames nobody does."""
        part = self._grip.part
        pose = self._face_pose() if part is not None else None
        if part is None or pose is None or not self.camera.sees(pose):
            return self.camera.background
        self._clock.frames += 1
        tcp = self._arm.tcp_pose()
        sway = tcp[:3, :2] @ self._flex.velocity_m_s
        velocity = self._arm.tcp_velocity() + sway
        return self.camera.capture(part, pose, velocity, exposure_s, self._conditions.light, self._clock.frames)

    def snapshot(self) -> dict[str, Any]:
        """Everything that changes, as JSON values; `restore` goes on from it bit for bit."""
        return world_snapshot.take(self._clock, self._holders(), self._rngs)

    def restore(self, data: Mapping[str, Any]) -> None:
        """Goes on from a snapshot of a world of the same config and seed.

        Raises:
            SnapshotError: the data is not a snapshot of this version.
        """
        self._clock = world_snapshot.put_back(data, _Clock, self._holders(), self._rngs)
        self._conditions = self._disturbances.at(self._clock.conditions_s)

    def forget_clients(self) -> None:
        """After a restore: whoever sent the active goals is gone, so the arm brakes and holds."""
        self.executor.forget_goal()
        self._gripper.state.goal_id = ""

    def _holders(self) -> dict[str, Any]:
        return {
            "arm": self._arm,
            "executor": self.executor,
            "gripper": self._gripper,
            "drives": self._drives,
            "vacuum": self._vacuum,
            "infeed": self._infeed,
            "grip": self._grip,
            "flex": self._flex,
            "power": self._power,
            "stop": self._stop,
        }

    @property
    def _window_end_s(self) -> float:
        return (self._clock.windows + 1) * self.config.signal_period_s

    def _feed(self, now_s: float) -> None:
        conditions = self._conditions
        self._infeed.advance(now_s, conditions.arrival, conditions.mass, conditions.defect_rate)

    def _move(self, now_s: float) -> Motion:
        config = self.config
        wear = self._clock.wear if self._clock.is_worn else None
        if self.mirror is not None:
            return self._foresight.advance(self.mirror.sample(now_s), None, wear)[0]
        reference = self.executor.advance(config.step_s, config.steps_per_tick)
        motion, resistance = self._foresight.advance(reference, self.executor.ahead, wear)
        error = np.abs(reference.position_rad[-1] - motion.position_rad)
        trip = self._stop.check(motion.torque_n_m, resistance, error)
        if trip is not None and self.protective_stop(trip.reason) and trip.is_off_path:
            self.executor.clamp(motion.position_rad)
        self.executor.check(motion.position_rad, motion.velocity_rad_s, config.tick_s)
        return motion

    def _observe(self, now_s: float) -> FloatArray:
        """Ends the signals' window: drives warm up, energy adds up, disturbances move on."""
        clock, conditions = self._clock, self._conditions
        duration_s = now_s - clock.window_start_s
        drives = self._drives.observe(
            np.concatenate(clock.window_torque),
            np.concatenate(clock.window_speed),
            duration_s,
            clock.wear,
            self.config.ambient_k,
            self._rngs["signals"],
        )
        pump_a = self._vacuum.pump_current_a
        self._power.observe(drives.power_w, pump_a * self.config.vacuum.supply_v, duration_s)
        noise = 1.0 + _LIGHT_NOISE * float(self._rngs["signals"].standard_normal())
        cell = CellSignals(
            tool_current_a=_TOOL_IDLE_A + pump_a,
            is_protective_stop=self._stop.state.is_stopped,
            is_grip_lost=self._grip.state.is_lost,
            vacuum_pa=self._vacuum.state.level_pa,
            pump_current_a=pump_a,
            is_part_present=self._infeed.state.at_pick is not None,
            arrived=self._infeed.state.arrived,
            ambient_light_lux=NOMINAL_LIGHT_LUX * conditions.light * noise,
            tariff_eur_per_kwh=self._power.tariff_eur_per_kwh(conditions.tariff),
            temperature_k=self.config.ambient_k,
            power_w=self._power.state.power_w,
            energy_j=self._power.state.energy_j,
            time_s=now_s,
        )
        clock.windows += 1
        clock.window_start_s = now_s
        clock.window_torque, clock.window_speed = [], []
        if now_s >= clock.conditions_s + _CONDITIONS_PERIOD_S - _TIME_SLACK_S:
            self._meet(now_s)
        return signal_vector(drives, cell)

    def _meet(self, time_s: float) -> None:
        """Takes up the disturbances of a time."""
        self._clock.conditions_s = time_s
        self._conditions = self._disturbances.at(time_s)
        self._clock.wear = self._drives.wear(self._conditions.wear)
        self._clock.is_worn = bool(self._clock.wear.max() > _WEAR_THAT_COUNTS)

    def _face_pose(self) -> FloatArray:
        """Pose of the held part's face in the optical frame, sway included, shape (4, 4)."""
        tcp = self._arm.tcp_pose()
        tcp[:3, 3] += tcp[:3, :2] @ self._flex.displacement_m
        return self.camera.pose_of(tcp @ self._grip.part_in_cup())

    def _board_of(self, part: Part) -> Board:
        """The board of a part; the last one made is kept, since camera and audit ask for the same."""
        if self._board is None or self._board[0] != (part.number, part.defect_rate):
            self._board = (part.number, part.defect_rate), self._factory.board(part.number, part.defect_rate)
        return self._board[1]


def _make_arm(config: WorldConfig, home_rad: FloatArray) -> Arm:
    model = build_model(config.urdf, config.arm, config.physics_step_s, config.prefix)
    if config.fidelity == "mujoco":
        return MujocoArm(model, home_rad, config.arm, config.prefix)
    return KinematicArm(model, home_rad, config.prefix)


_SEED_OF_WORLD = 0x57A7E
# Friction of less wear than this is lost in the gears' own.
_WEAR_THAT_COUNTS = 1e-3
# Disturbances change slowly; they are looked up this often.
_CONDITIONS_PERIOD_S = 0.2
# Tick times are sums of binary fractions: a window ends a hair early rather than a tick late.
_TIME_SLACK_S = 1e-9
