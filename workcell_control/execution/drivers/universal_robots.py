"""ur_robot_driver: speed slider in percent, safety and robot modes, the dashboard's way out of stops."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.execution.drivers.driver import Condition, RecoveryStep, ServiceCall, WithoutState

_MODE = "io_and_status_controller/robot_mode"
_SAFETY = "io_and_status_controller/safety_mode"
_PROGRAM = "io_and_status_controller/robot_program_running"
_SLIDER_MIN = 0.01
"""The driver takes no less; 0 is what a pause is for."""
_SET_DIGITAL_OUT = 1
"""ur_msgs/SetIO.FUN_SET_DIGITAL_OUT"""
_MODE_RUNNING = 7
_MODE_NAMES = {
    -1: "no controller",
    0: "disconnected",
    1: "confirm safety",
    2: "booting",
    3: "power off",
    4: "power on",
    5: "idle",
    6: "backdrive",
    8: "updating firmware",
}
_SAFETY_CONDITIONS = {
    3: (Condition.PROTECTIVE_STOP, "protective stop"),
    4: (Condition.FAULT, "recovery mode: joints are outside their safety limits"),
    5: (Condition.SAFEGUARD_STOP, "safeguard stop"),
    6: (Condition.EMERGENCY_STOP, "system emergency stop"),
    7: (Condition.EMERGENCY_STOP, "robot emergency stop"),
    8: (Condition.FAULT, "safety violation"),
    9: (Condition.FAULT, "safety fault"),
    10: (Condition.FAULT, "joint to be identified"),
    11: (Condition.FAULT, "safety mode undefined"),
    12: (Condition.SAFEGUARD_STOP, "safeguard stop of the automatic mode"),
    13: (Condition.SAFEGUARD_STOP, "three-position enabling stop"),
}
"""ur_dashboard_msgs/SafetyMode but for 1 normal and 2 reduced."""


@dataclass(frozen=True)
class UniversalRobotsDriver:
    """`scaled_joint_trajectory_controller`, or `joint_trajectory_controller` in drivers that scale that one."""

    kind: str = "universal_robots"
    trajectory_action: str = "scaled_joint_trajectory_controller/follow_joint_trajectory"
    scaling_topic: str = "speed_scaling_state_broadcaster/speed_scaling"
    scaling_full: float = 100.0
    slider_service: str = "io_and_status_controller/set_speed_slider"
    output_service: str = "io_and_status_controller/set_io"
    suction_pin: int = 0
    """Digital output of the valve: 0..7 standard, 8..15 configurable, 16 and 17 at the tool."""
    dashboard: str = "dashboard_client"
    unlock_wait_s: float = 5.0
    """The controller refuses to unlock a protective stop sooner than this after it."""

    @property
    def state_topics(self) -> Mapping[str, str]:
        """Robot mode, safety mode, and whether the program that follows trajectories runs."""
        return {
            _MODE: "ur_dashboard_msgs/msg/RobotMode",
            _SAFETY: "ur_dashboard_msgs/msg/SafetyMode",
            _PROGRAM: "std_msgs/msg/Bool",
        }

    def condition(self, told: Mapping[str, object]) -> tuple[Condition, str]:
        """Safety first, then power, then the program; what was not told yet is taken for not ready."""
        safety = told.get(_SAFETY)
        if isinstance(safety, int) and safety in _SAFETY_CONDITIONS:
            return _SAFETY_CONDITIONS[safety]
        mode = told.get(_MODE)
        if mode != _MODE_RUNNING:
            name = _MODE_NAMES.get(mode, f"mode {mode}") if isinstance(mode, int) else "robot mode not heard yet"
            return Condition.OFF, name
        if told.get(_PROGRAM) is not True:
            return Condition.NO_PROGRAM, "the robot's program does not run"
        return Condition.READY, ""

    def recovery(self, condition: Condition) -> tuple[RecoveryStep, ...]:
        """As the maker's manual has it: popup, unlock or restart of safety, power, brakes, program."""
        popup = self._dashboard_step("close the safety popup", "close_safety_popup")
        unlock = self._dashboard_step("unlock the protective stop", "unlock_protective_stop", settle_s=0.5)
        restart = self._dashboard_step("restart the safety controller", "restart_safety", timeout_s=30.0, settle_s=5.0)
        power = self._dashboard_step("power on", "power_on", timeout_s=30.0, settle_s=3.0)
        brakes = self._dashboard_step("release the brakes", "brake_release", timeout_s=30.0, settle_s=3.0)
        program = RecoveryStep("send the program", "io_and_status_controller/resend_robot_program", settle_s=0.5)
        return {
            Condition.PROTECTIVE_STOP: (popup, unlock, program),
            Condition.EMERGENCY_STOP: (popup, power, brakes, program),
            Condition.FAULT: (popup, restart, power, brakes, program),
            Condition.OFF: (power, brakes, program),
            Condition.NO_PROGRAM: (program,),
        }.get(condition, ())

    def output_call(self, pin: int, is_on: bool) -> ServiceCall | None:
        """Through io_and_status_controller."""
        fields = {"fun": _SET_DIGITAL_OUT, "pin": pin, "state": float(is_on)}
        return ServiceCall(self.output_service, "ur_msgs/srv/SetIO", fields)

    def slider_call(self, fraction: float) -> ServiceCall | None:
        """The slider of the teach pendant."""
        fields = {"speed_slider_fraction": min(max(fraction, _SLIDER_MIN), 1.0)}
        return ServiceCall(self.slider_service, "ur_msgs/srv/SetSpeedSliderFraction", fields)

    def _dashboard_step(
        self, name: str, service: str, *, timeout_s: float = 5.0, settle_s: float = 0.0
    ) -> RecoveryStep:
        return RecoveryStep(name, f"{self.dashboard}/{service}", timeout_s, settle_s)


@dataclass(frozen=True)
class MockUniversalRobotsDriver(WithoutState, UniversalRobotsDriver):
    """The same driver with `use_mock_hardware:=true`: robot and safety mode are not simulated and stay at 0 there."""

    kind: str = "universal_robots_mock"
