"""ros2_control with mock hardware: a controller without an arm behind it, which is always ready once it is active."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_control.execution.drivers.driver import ServiceCall, WithoutState


@dataclass(frozen=True)
class MockDriver(WithoutState):
    """`mock_components/GenericSystem` behind joint_trajectory_controller."""

    kind: str = "mock"
    trajectory_action: str = "joint_trajectory_controller/follow_joint_trajectory"
    scaling_topic: str = ""
    scaling_full: float = 1.0
    suction_pin: int = -1

    def output_call(self, pin: int, is_on: bool) -> ServiceCall | None:
        """It has no outputs."""
        return None

    def slider_call(self, fraction: float) -> ServiceCall | None:
        """It has no slider."""
        return None
