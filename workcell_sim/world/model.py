"""From the URDF to the MuJoCo model of the arm.

One URDF serves everybody (MuJoCo here, pinocchio in the control, robot_state_publisher), so frames agree.
"""

from __future__ import annotations

import mujoco
import numpy as np

from workcell_ros.errors import ConfigError
from workcell_sim.world.arm_parameters import ArmParameters, joint_names

TCP_SITE = "gripper_tcp"
PAYLOAD_BODY = "payload"
ACCELEROMETER = "tcp_acceleration"
_MOVING_LINKS = ("shoulder", "upper_arm", "forearm", "wrist_1", "wrist_2", "wrist_3", "gripper")
_ARM_BIT, _STATION_BIT = 1, 2
# An empty gripper still needs a payload body of some mass for MuJoCo.
_NO_PAYLOAD_KG = 1e-6


def build_model(urdf: str, arm: ArmParameters, timestep_s: float, prefix: str = "") -> mujoco.MjModel:
    """Builds the MuJoCo model: actuators, tcp accelerometer, payload body, and contact of the arm with the station.

    Every link of the URDF is a site of the same name, since links without a joint are fused for speed.

    Raises:
        ConfigError: MuJoCo cannot read the URDF, or the arm's joints are not in it.
    """
    try:
        spec = mujoco.MjSpec.from_string(urdf)
    except (ValueError, RuntimeError) as error:
        raise ConfigError("URDF", "document", str(error).splitlines()[0], "a URDF that MuJoCo reads") from None
    names = joint_names(prefix)
    missing = [name for name in names if spec.joint(name) is None]
    if missing:
        raise ConfigError("URDF", "joint", f"{missing[0]} is missing", names)
    spec.compiler.fusestatic = 1
    spec.compiler.discardvisual = 1
    spec.option.timestep = timestep_s
    # Semi-implicit Euler: with an implicit integrator the sensors would show forces before its correction.
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_EULER
    # Each step starts from the joint state alone: whoever goes on from it goes on alike.
    spec.option.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_WARMSTART)
    _limit_contacts(spec, prefix)
    _add_payload(spec, prefix)
    for body in spec.bodies:
        if body.name not in ("world", PAYLOAD_BODY):
            body.add_site(name=body.name)
    for index, name in enumerate(names):
        spec.joint(name).armature = float(arm.armature_kg_m2[index])
        _add_servo(spec, name, arm, index)
    spec.add_sensor(
        name=ACCELEROMETER,
        type=mujoco.mjtSensor.mjSENS_ACCELEROMETER,
        objtype=mujoco.mjtObj.mjOBJ_SITE,
        objname=prefix + TCP_SITE,
    )
    return spec.compile()


def _limit_contacts(spec: mujoco.MjSpec, prefix: str) -> None:
    """Only the moving arm against the station can touch: neither arm with arm nor station with station."""
    moving = {f"{prefix}{link}_link" for link in _MOVING_LINKS}
    base = f"{prefix}base_link_inertia"
    for geom in spec.geoms:
        owner = geom.parent.name
        if owner in moving:
            geom.contype, geom.conaffinity = _ARM_BIT, _STATION_BIT
        elif owner == base:
            geom.contype, geom.conaffinity = 0, 0
        else:
            geom.contype, geom.conaffinity = _STATION_BIT, _ARM_BIT


def _add_payload(spec: mujoco.MjSpec, prefix: str) -> None:
    payload = spec.body(prefix + TCP_SITE).add_body(name=PAYLOAD_BODY)
    payload.mass = _NO_PAYLOAD_KG
    payload.inertia = np.full(3, 1e-9)
    payload.explicitinertial = True
    # MuJoCo fuses a body without joint into its parent unless something refers to it.
    spec.add_exclude(name=PAYLOAD_BODY, bodyname1=PAYLOAD_BODY, bodyname2="world")


def _add_servo(spec: mujoco.MjSpec, joint: str, arm: ArmParameters, index: int) -> None:
    """One actuator per joint: force = ctrl - kp q - kd qd, with ctrl = kp q_ref + kd qd_ref + feedforward."""
    actuator = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    actuator.gaintype = mujoco.mjtGain.mjGAIN_FIXED
    actuator.gainprm[0] = 1.0
    actuator.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    actuator.biasprm[1] = -float(arm.stiffness_n_m_per_rad[index])
    actuator.biasprm[2] = -float(arm.damping_n_m_s_per_rad[index])
    spec.add_sensor(
        name=f"{joint}_torque",
        type=mujoco.mjtSensor.mjSENS_JOINTACTFRC,
        objtype=mujoco.mjtObj.mjOBJ_JOINT,
        objname=joint,
    )
