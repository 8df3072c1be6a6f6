"""The simulated world as a driver: a controller with a speed slider and a protective stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.execution.drivers.driver import Condition, RecoveryStep, ServiceCall


@dataclass(frozen=True)
class EmbeddedDriver:
    """The world node; also any driver that tells its state as words on one topic."""

    kind: str = "embedded"
    trajectory_action: str = "joint_trajectory_controller/follow_joint_trajectory"
    scaling_topic: str = "speed_scaling_state_broadcaster/speed_scaling"
    scaling_full: float = 1.0
    suction_pin: int = -1
    state_topic: str = "world/robot_state"
    release_service: str = "world/reset_protective_stop"

    @property
    def state_topics(self) -> Mapping[str, str]:
        """One word with a reason."""
        return {self.state_topic: "std_msgs/msg/String"}

    def condition(self, told: Mapping[str, object]) -> tuple[Condition, str]:
        """`normal`, or a condition's word with `;reason=...`; a word that nobody knows is a fault."""
        word, _, reason = str(told.get(self.state_topic, "normal")).partition(";reason=")
        try:
            return Condition(word), reason
        except ValueError:
            return Condition.FAULT, f"{word}: {reason}" if reason else word

    def recovery(self, condition: Condition) -> tuple[RecoveryStep, ...]:
        """A protective stop is released by one call; nothing else is left by calls."""
        if condition is Condition.PROTECTIVE_STOP:
            return (RecoveryStep("release the protective stop", self.release_service),)
        return ()

    def output_call(self, pin: int, is_on: bool) -> ServiceCall | None:
        """It has no outputs."""
        return None

    def slider_call(self, fraction: float) -> ServiceCall | None:
        """Its slider is a parameter of the world, for a person to move."""
        return None
