"""Parameters of the node `cell`, and the frozen sets of figures that are made of them."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_control.cell.sequence_settings import SequenceSettings
from workcell_control.cell.task import Tuning
from workcell_control.execution.drivers import DRIVERS
from workcell_control.execution.separation import SeparationParameters
from workcell_ros.schema import param


@dataclass(frozen=True)
class CellParameters:
    """Parameters of the cell; the first seven are governed."""

    speed_scale: float = param(0.6, "Share of the joint velocity limits", unit="1", low=0.1, high=1.0)
    acceleration_scale: float = param(0.5, "Share of the joint acceleration limits", unit="1", low=0.1, high=1.0)
    jerk_scale: float = param(0.5, "Share of the joint jerk limits", unit="1", low=0.1, high=1.0)
    part_acceleration_max_m_s2: float = param(
        7.0, "Largest acceleration of the tool while it holds a part", unit="m/s^2", low=0.5, high=20.0
    )
    grip_vacuum_pa: float = param(55e3, "Vacuum below ambient to grip with", unit="Pa", low=30e3, high=80e3)
    grip_dwell_s: float = param(0.2, "Wait after the vacuum is reached, before lifting", unit="s", low=0.05, high=1.0)
    settle_s: float = param(0.2, "Wait at the camera before inspecting", unit="s", low=0.0, high=1.0)

    speed_override: float = param(1.0, "Live share of every move's planned speed; 0 pauses", low=0.0, high=1.0)

    commissioning: bool = param(False, "Move slowly, and ask a person before the first motion of each kind")
    commissioning_speed: float = param(
        0.25, "Largest share of a move's planned speed while commissioning", unit="1", low=0.02, high=1.0
    )
    speed_slider: float = param(
        0.0, "What the slider of the arm's own driver is set to; 0 leaves it to the pendant", low=0.0, high=1.0
    )

    safe_speed_scale: float = param(0.4, "Without governor: speed_scale", low=0.1, high=1.0, read_only=True)
    safe_acceleration_scale: float = param(
        0.25, "Without governor: acceleration_scale", low=0.1, high=1.0, read_only=True
    )
    safe_jerk_scale: float = param(0.3, "Without governor: jerk_scale", low=0.1, high=1.0, read_only=True)
    safe_part_acceleration_max_m_s2: float = param(
        1.5, "Without governor: part_acceleration_max_m_s2", unit="m/s^2", low=0.5, high=20.0, read_only=True
    )
    safe_grip_vacuum_pa: float = param(
        60e3, "Without governor: grip_vacuum_pa", unit="Pa", low=30e3, high=80e3, read_only=True
    )
    safe_grip_dwell_s: float = param(
        0.3, "Without governor: grip_dwell_s", unit="s", low=0.05, high=1.0, read_only=True
    )
    safe_settle_s: float = param(0.3, "Without governor: settle_s", unit="s", low=0.0, high=1.0, read_only=True)

    autostart: bool = param(True, "Begin producing on activation, without waiting for cell/start")
    description_file: str = param("urdf/cell.urdf.xacro", "URDF or xacro of the cell", read_only=True)
    arm_file: str = param("urdf/ur5e.yaml", "Parameter file of the arm, for acceleration and jerk", read_only=True)
    arm_driver: str = param("embedded", "Kind of the arm's driver", choices=tuple(DRIVERS), read_only=True)
    arm_driver_file: str = param(
        "", "Names of the drivers where they differ, a block per kind; empty: none do", read_only=True
    )
    tracking_error_max_rad: float = param(
        0.15, "Deviation of a joint from its path that ends a move", unit="rad", low=0.001, high=1.0, read_only=True
    )
    person_speed_m_s: float = param(
        1.6, "Speed of a person towards the arm, ISO 13855", unit="m/s", low=0.0, high=3.0, read_only=True
    )
    separation_reaction_s: float = param(
        0.3, "From the measured distance to the arm's answer", unit="s", low=0.0, high=2.0, read_only=True
    )
    separation_deceleration_m_s2: float = param(
        2.0, "What the tool brakes with", unit="m/s^2", low=0.1, high=20.0, read_only=True
    )
    separation_intrusion_m: float = param(
        0.1, "How far a hand comes before it is sensed", unit="m", low=0.0, high=2.0, read_only=True
    )
    separation_person_uncertainty_m: float = param(
        0.05, "Uncertainty of the person's position", unit="m", low=0.0, high=1.0, read_only=True
    )
    separation_arm_uncertainty_m: float = param(
        0.01, "Uncertainty of the arm's position", unit="m", low=0.0, high=1.0, read_only=True
    )
    calibration_file: str = param(
        "", "Measured kinematics of this robot, as its maker's calibration writes them; empty: nominal", read_only=True
    )
    station_file: str = param("config/station.yaml", "Poses and dimensions of the station", read_only=True)
    joint_prefix: str = param("", "Prefix of the arm's joints and links", read_only=True)
    ledger_file: str = param("out/ledger.journal", "Journal of the parts; empty keeps it in memory", read_only=True)
    approach_speed_max_m_s: float = param(
        0.5, "Tool speed on straight ways", unit="m/s", low=0.01, high=2.0, read_only=True
    )
    planned_run_time_per_item_s: float = param(
        3.2, "ISO 22400-2 planned run time per item: what the arm does at its limits", unit="s", low=0.1, read_only=True
    )

    grip_timeout_s: float = param(2.0, "Longest wait for vacuum or release", unit="s", low=0.1)
    hold_vacuum_pa: float = param(
        15e3, "Vacuum below which a held part is lost", unit="Pa", low=1e3, high=60e3, read_only=True
    )
    pick_attempts: int = param(3, "Missed picks before backing off", low=1, high=20)
    pick_back_off_s: float = param(2.0, "Wait after that many missed picks", unit="s", low=0.1)
    nest_look_s: float = param(
        0.4, "Time from its loss in which a part fallen back on the infeed shows", unit="s", low=0.05
    )
    motion_attempts: int = param(4, "Refused or dropped motions in a row before a safe stop", low=1, high=20)
    motion_retry_s: float = param(0.5, "Wait before a motion is tried again", unit="s", low=0.05)
    motion_stall_s: float = param(2.0, "Standing still without result that counts as dropped", unit="s", low=0.2)
    release_attempts: int = param(3, "Failed releases in a row before a safe stop", low=1, high=20)
    inspection_timeout_s: float = param(3.0, "Longest wait for a verdict; then rework", unit="s", low=0.1)
    auto_reset: bool = param(True, "Leave protective stops without a person, a bounded number of times")
    protective_stop_reset_s: float = param(5.0, "Wait in a protective stop before leaving it", unit="s", low=0.1)
    protective_stop_resets: int = param(3, "Own releases before a person must look", low=0, high=20)

    required_tags: list[str] = param(
        ["gripper/vacuum", "infeed/part_present", "arm/protective_stop", "arm/joint_1/vibration"],
        "Readings without which the cell holds; [''] for none",
        read_only=True,
    )
    required_nodes: list[str] = param(
        ["inspection", "monitor"], "Nodes without whose heartbeat the cell holds; [''] for none", read_only=True
    )
    governor_node: str = param("governor", "Node whose heartbeat allows the governed set; empty: none", read_only=True)
    hold_without_governor: bool = param(False, "Hold, instead of the safe set, without the governor", read_only=True)
    readings_timeout_s: float = param(1.0, "Silence of all readings that holds", unit="s", low=0.1, read_only=True)
    tag_timeout_s: float = param(3.0, "Silence of one required tag that holds", unit="s", low=0.1, read_only=True)
    joint_states_timeout_s: float = param(
        1.0, "Silence of the joint states that holds", unit="s", low=0.05, read_only=True
    )
    heartbeat_timeout_s: float = param(2.5, "Silence of a required node that holds", unit="s", low=1.1, read_only=True)
    governor_timeout_s: float = param(
        2.5, "Silence of the governor that brings the safe set", unit="s", low=1.1, read_only=True
    )
    resume_after_s: float = param(1.0, "Time all must be well before going on", unit="s", low=0.0, read_only=True)


def governed_tuning(values: CellParameters) -> Tuning:
    """The figures that the governor sets."""
    return Tuning(
        speed_scale=values.speed_scale,
        acceleration_scale=values.acceleration_scale,
        jerk_scale=values.jerk_scale,
        part_acceleration_max_m_s2=values.part_acceleration_max_m_s2,
        grip_vacuum_pa=values.grip_vacuum_pa,
        grip_dwell_s=values.grip_dwell_s,
        settle_s=values.settle_s,
    )


def separation_parameters(values: CellParameters) -> SeparationParameters:
    """Figures of speed and separation monitoring."""
    return SeparationParameters(
        person_speed_m_s=values.person_speed_m_s,
        reaction_s=values.separation_reaction_s,
        deceleration_m_s2=values.separation_deceleration_m_s2,
        intrusion_m=values.separation_intrusion_m,
        person_uncertainty_m=values.separation_person_uncertainty_m,
        arm_uncertainty_m=values.separation_arm_uncertainty_m,
    )


def safe_tuning(values: CellParameters) -> Tuning:
    """The figures to fall back to where nobody governs."""
    return Tuning(
        speed_scale=values.safe_speed_scale,
        acceleration_scale=values.safe_acceleration_scale,
        jerk_scale=values.safe_jerk_scale,
        part_acceleration_max_m_s2=values.safe_part_acceleration_max_m_s2,
        grip_vacuum_pa=values.safe_grip_vacuum_pa,
        grip_dwell_s=values.safe_grip_dwell_s,
        settle_s=values.safe_settle_s,
    )


def sequence_settings(values: CellParameters, tuning: Tuning) -> SequenceSettings:
    """Times and bounds of the sequence, with the tuning in force."""
    return SequenceSettings(
        grip_dwell_s=tuning.grip_dwell_s,
        settle_s=tuning.settle_s,
        grip_timeout_s=values.grip_timeout_s,
        inspection_timeout_s=values.inspection_timeout_s,
        pick_attempts_max=values.pick_attempts,
        pick_back_off_s=values.pick_back_off_s,
        nest_look_s=values.nest_look_s,
        motion_attempts_max=values.motion_attempts,
        motion_retry_s=values.motion_retry_s,
        release_attempts_max=values.release_attempts,
        is_auto_reset=values.auto_reset,
        protective_stop_reset_s=values.protective_stop_reset_s,
        protective_stop_resets_max=values.protective_stop_resets,
    )
