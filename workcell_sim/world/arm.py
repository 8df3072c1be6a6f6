"""The arm's body: joint servos on MuJoCo dynamics, or an ideal arm that follows its reference exactly."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import mujoco
import numpy as np
import numpy.typing as npt
from mujoco import rollout

from workcell_sim.world.arm_parameters import JOINT_COUNT, ArmParameters
from workcell_sim.world.model import ACCELEROMETER, PAYLOAD_BODY, TCP_SITE
from workcell_sim.world.spline import Samples

FloatArray = npt.NDArray[np.float64]

_STATE = mujoco.mjtState.mjSTATE_FULLPHYSICS
_PAYLOAD_MIN_KG = 1e-6
# The arm counts as still when the servo has brought it this close to a resting reference.
_STILL_RAD = 1e-7
_STILL_RAD_S = 1e-6


class Motion(NamedTuple):
    """What the arm did in one tick of k steps.

    Attributes:
        position_rad, velocity_rad_s: at the end of the tick, shape (6,).
        torque_n_m: torque of each drive at its joint, shape (k, 6).
        speed_rad_s: joint velocities along the tick, shape (k, 6).
        tcp_acceleration_m_s2: proper acceleration (gravity included: at rest it points up with 9.81) of the
            suction cup in the frame of the cup, shape (k, 3).
    """

    position_rad: FloatArray
    velocity_rad_s: FloatArray
    torque_n_m: FloatArray
    speed_rad_s: FloatArray
    tcp_acceleration_m_s2: FloatArray


class Foreseen(NamedTuple):
    """A tick that the arm would do next, and what its servo would carry over; arrays have shape (6,)."""

    motion: Motion
    wanted_rad: FloatArray
    wanted_rad_s: FloatArray
    feedforward_n_m: FloatArray


@dataclass
class ArmState:
    """Joint state and what the servo carries over from the last tick's end; arrays have shape (6,)."""

    position_rad: FloatArray
    velocity_rad_s: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    wanted_rad: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    wanted_rad_s: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    feedforward_n_m: FloatArray = field(default_factory=lambda: np.zeros(JOINT_COUNT))
    payload_kg: float = 0.0
    is_still: bool = False


class Arm(Protocol):
    """A body that follows references."""

    state: ArmState

    def advance(self, reference: Samples, resistance_n_m: FloatArray) -> Motion:
        """Moves along references (k, 6) against a resistance per joint (6,) that no feed-forward knows."""

    def set_payload(self, mass_kg: float) -> None:
        """Changes the mass at the cup."""

    def tcp_pose(self) -> FloatArray:
        """Pose of the cup in `world`, shape (4, 4)."""

    def tcp_velocity(self) -> FloatArray:
        """Linear velocity of the cup in `world` in [m/s], shape (3,)."""

    def restore(self, state: ArmState) -> None:
        """Takes over a state, as read from a snapshot."""


class _Body:
    """The model and the kinematics that both arms share."""

    def __init__(self, model: mujoco.MjModel, home_rad: FloatArray, prefix: str = "") -> None:
        self._model = model
        # Kinematics and inverse dynamics know no contact: a reference through the table is the servo's to fight.
        self._ideal = copy.copy(model)
        self._ideal.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
        self._data = mujoco.MjData(self._ideal)
        self._tcp = model.site(prefix + TCP_SITE).id
        self._payload = model.body(PAYLOAD_BODY).id
        address = int(model.sensor(ACCELEROMETER).adr[0])
        self._accelerometer = slice(address, address + 3)
        self.state = ArmState(np.array(home_rad, dtype=np.float64), wanted_rad=np.array(home_rad, dtype=np.float64))
        self.set_payload(0.0)

    def set_payload(self, mass_kg: float) -> None:
        """Changes the mass at the cup."""
        self.state.payload_kg = mass_kg
        self.state.is_still = False
        for model in (self._model, self._ideal):
            model.body_mass[self._payload] = max(mass_kg, _PAYLOAD_MIN_KG)

    def tcp_pose(self) -> FloatArray:
        """Pose of the cup in `world`, shape (4, 4)."""
        self._data.qpos[:] = self.state.position_rad
        mujoco.mj_kinematics(self._ideal, self._data)
        pose = np.eye(4)
        pose[:3, :3] = self._data.site_xmat[self._tcp].reshape(3, 3)
        pose[:3, 3] = self._data.site_xpos[self._tcp]
        return pose

    def tcp_velocity(self) -> FloatArray:
        """Linear velocity of the cup in `world` in [m/s], shape (3,)."""
        self._data.qpos[:] = self.state.position_rad
        mujoco.mj_kinematics(self._ideal, self._data)
        mujoco.mj_comPos(self._ideal, self._data)
        jacobian = np.zeros((3, JOINT_COUNT))
        mujoco.mj_jacSite(self._ideal, self._data, jacobian, None, self._tcp)
        velocity: FloatArray = jacobian @ self.state.velocity_rad_s
        return velocity

    def restore(self, state: ArmState) -> None:
        """Takes over a state, as read from a snapshot."""
        self.state = state
        still = state.is_still
        self.set_payload(state.payload_kg)
        state.is_still = still

    def _inverse(self, position: FloatArray, velocity: FloatArray, acceleration: FloatArray) -> FloatArray:
        """Joint torques of a motion by recursive Newton-Euler with rotor inertia, shape (6,)."""
        data = self._data
        data.qpos[:] = position
        data.qvel[:] = velocity
        data.qacc[:] = acceleration
        mujoco.mj_inverse(self._ideal, data)
        return np.array(data.qfrc_inverse)


class MujocoArm(_Body):
    """Servos on full dynamics: tau = inverse dynamics of the reference + kp e + kd de (computed-torque feed-forward).

    Siciliano et al., "Robotics", 2009, ch. 8.5. The steps of one tick run in one call of MuJoCo.
    """

    def __init__(self, model: mujoco.MjModel, home_rad: FloatArray, servo: ArmParameters, prefix: str = "") -> None:
        super().__init__(model, home_rad, prefix)
        self._servo = servo
        self._rollout = rollout.Rollout(nthread=0)
        self._work = mujoco.MjData(model)
        self._state_size = mujoco.mj_stateSize(model, _STATE)
        self._initial = np.zeros((1, self._state_size))
        self._buffers: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._shares: dict[int, FloatArray] = {}
        self._still_motion: Motion | None = None
        self.hold_still()

    def restore(self, state: ArmState) -> None:
        """Takes over a state, as read from a snapshot."""
        super().restore(state)
        self._still_motion = None

    def advance(self, reference: Samples, resistance_n_m: FloatArray) -> Motion:
        """Moves along references (k, 6) against a resistance per joint (6,) that no feed-forward knows."""
        state = self.state
        count = len(reference.position_rad)
        resting = not reference.velocity_rad_s.any() and not reference.acceleration_rad_s2.any()
        if resting and state.is_still and self._holds(reference.position_rad[-1], count):
            assert self._still_motion is not None
            return self._still_motion
        motion = self.take(self.foresee(reference, resistance_n_m[None])[0])
        error = np.abs(state.position_rad - reference.position_rad[-1]).max()
        state.is_still = bool(resting and error < _STILL_RAD and np.abs(state.velocity_rad_s).max() < _STILL_RAD_S)
        if state.is_still:
            state.velocity_rad_s = np.zeros(JOINT_COUNT)
            self._still_motion = self._motion_at_rest(count)
        return motion

    def foresee(self, reference: Samples, resistance_n_m: FloatArray) -> list[Foreseen]:
        """What k calls of `advance` with motion in each would do, all in one call of MuJoCo; moves nothing yet.

        Args:
            reference: of k ticks one after the other, shape (k * steps, 6).
            resistance_n_m: of each tick, shape (k, 6).
        """
        state, ticks = self.state, len(resistance_n_m)
        count = len(reference.position_rad) // ticks
        # The servo sees the reference at the start of each step.
        wanted = np.concatenate([state.wanted_rad[None], reference.position_rad[:-1]])
        wanted_speed = np.concatenate([state.wanted_rad_s[None], reference.velocity_rad_s[:-1]])
        resistance = resistance_n_m.repeat(count, axis=0) if ticks > 1 else resistance_n_m
        feedforward, ends = self._feedforward(reference, count)
        control = (
            wanted * self._servo.stiffness_n_m_per_rad
            + wanted_speed * self._servo.damping_n_m_s_per_rad
            + feedforward
            - resistance
        )
        positions, velocities, sensors = self._roll_out(control)
        torques = sensors[:, :JOINT_COUNT] + resistance
        accelerations = sensors[:, self._accelerometer]
        foreseen = []
        for tick in range(ticks):
            rows, last = slice(tick * count, (tick + 1) * count), (tick + 1) * count - 1
            motion = Motion(positions[last], velocities[last], torques[rows], velocities[rows], accelerations[rows])
            foreseen.append(Foreseen(motion, reference.position_rad[last], reference.velocity_rad_s[last], ends[tick]))
        return foreseen

    def take(self, foreseen: Foreseen) -> Motion:
        """Moves by a tick as foreseen."""
        state, motion = self.state, foreseen.motion
        state.position_rad, state.velocity_rad_s = motion.position_rad, motion.velocity_rad_s
        state.wanted_rad, state.wanted_rad_s = foreseen.wanted_rad, foreseen.wanted_rad_s
        state.feedforward_n_m = foreseen.feedforward_n_m
        state.is_still = False
        return motion

    def _roll_out(self, control: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Joint positions and velocities after each of k steps, shape (k, 6), and sensors in it, shape (k, sensors)."""
        count = len(control)
        if count not in self._buffers:
            states = np.zeros((1, count, self._state_size))
            self._buffers[count] = (states, np.zeros((1, count, self._model.nsensordata)))
        states, sensors = self._buffers[count]
        self._initial[0, 1 : 1 + JOINT_COUNT] = self.state.position_rad
        self._initial[0, 1 + JOINT_COUNT : 1 + 2 * JOINT_COUNT] = self.state.velocity_rad_s
        self._rollout.rollout(
            [self._model],
            [self._work],
            self._initial,
            control[None],
            skip_checks=True,
            nstep=count,
            state=states,
            sensordata=sensors,
        )
        joints = states[0, :, 1 : 1 + 2 * JOINT_COUNT].copy()
        return joints[:, :JOINT_COUNT], joints[:, JOINT_COUNT:], sensors[0].copy()

    def _feedforward(self, reference: Samples, count: int) -> tuple[FloatArray, FloatArray]:
        """Inverse dynamics at each tick's end, linear in between: of all steps, shape (k, 6), and at the ends."""
        rows = range(count - 1, len(reference.position_rad), count)
        ends = np.array(
            [
                self._inverse(reference.position_rad[i], reference.velocity_rad_s[i], reference.acceleration_rad_s2[i])
                for i in rows
            ]
        )
        before = np.concatenate([self.state.feedforward_n_m[None], ends[:-1]])
        steps = before[:, None] + (ends - before)[:, None] * self._shares_for(count)
        return steps.reshape(-1, JOINT_COUNT), ends

    def _holds(self, position: FloatArray, count: int) -> bool:
        """Whether a still arm is where the reference wants it, with a motion of that length at hand."""
        if np.abs(self.state.position_rad - position).max() >= _STILL_RAD:
            return False
        if self._still_motion is None or len(self._still_motion.torque_n_m) != count:
            self._still_motion = self._motion_at_rest(count)
        return True

    def _motion_at_rest(self, count: int) -> Motion:
        state = self.state
        still = np.zeros(JOINT_COUNT)
        torque = self._inverse(state.position_rad, still, still)
        acceleration = np.array(self._data.sensordata[self._accelerometer])
        return Motion(
            position_rad=state.position_rad,
            velocity_rad_s=still,
            torque_n_m=np.tile(torque, (count, 1)),
            speed_rad_s=np.zeros((count, JOINT_COUNT)),
            tcp_acceleration_m_s2=np.tile(acceleration, (count, 1)),
        )

    def hold_still(self) -> FloatArray:
        """Has the servo carry the arm and its payload where it stands; returns the torques for it, shape (6,)."""
        still = np.zeros(JOINT_COUNT)
        self.state.feedforward_n_m = self._inverse(self.state.position_rad, still, still)
        return self.state.feedforward_n_m

    def _shares_for(self, count: int) -> FloatArray:
        if count not in self._shares:
            self._shares[count] = np.arange(float(count))[:, None] / count
        return self._shares[count]


class KinematicArm(_Body):
    """Follows its reference exactly; torques and accelerations by inverse dynamics at the end of each tick."""

    def __init__(self, model: mujoco.MjModel, home_rad: FloatArray, prefix: str = "") -> None:
        super().__init__(model, home_rad, prefix)
        self._still_motion: Motion | None = None

    def restore(self, state: ArmState) -> None:
        """Takes over a state, as read from a snapshot."""
        super().restore(state)
        self._still_motion = None

    def advance(self, reference: Samples, resistance_n_m: FloatArray) -> Motion:
        """Moves along references (k, 6); the resistance adds to the torques alone."""
        state = self.state
        velocity = reference.velocity_rad_s[-1]
        resting = not velocity.any() and not reference.acceleration_rad_s2[-1].any()
        still = self._still_motion if resting and state.is_still else None
        if still is not None and np.array_equal(reference.position_rad[-1], state.position_rad):
            return still
        state.position_rad = reference.position_rad[-1].copy()
        state.velocity_rad_s = velocity.copy()
        torque = self._inverse(state.position_rad, velocity, reference.acceleration_rad_s2[-1])
        motion = Motion(
            position_rad=state.position_rad,
            velocity_rad_s=state.velocity_rad_s,
            torque_n_m=(torque + resistance_n_m)[None],
            speed_rad_s=state.velocity_rad_s[None],
            tcp_acceleration_m_s2=np.array(self._data.sensordata[None, self._accelerometer]),
        )
        state.is_still = resting
        self._still_motion = motion if resting else None
        return motion
