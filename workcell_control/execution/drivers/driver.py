"""What the cell has to know of an arm's driver."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Condition(enum.StrEnum):
    """What an arm reports of itself, in words common to all drivers."""

    READY = "normal"
    """It moves when it is told to."""
    OFF = "powered_off"
    PROTECTIVE_STOP = "protective_stop"
    SAFEGUARD_STOP = "safeguard_stop"
    """A door is open, or somebody stands in a guarded zone: it ends by itself."""
    EMERGENCY_STOP = "emergency_stop"
    NO_PROGRAM = "no_program"
    """Powered and sound, but the program that follows trajectories does not run: after a restart or a stop."""
    FAULT = "fault"


NEEDS_A_PERSON = frozenset({Condition.EMERGENCY_STOP, Condition.FAULT})
"""Never left without a person's acknowledgement."""
ENDS_BY_ITSELF = frozenset({Condition.READY, Condition.SAFEGUARD_STOP})


@dataclass(frozen=True)
class RecoveryStep:
    """One call on the way out of a stop, and how long to wait for its answer and its effect."""

    name: str
    service: str
    """A std_srvs/Trigger."""
    timeout_s: float = 5.0
    settle_s: float = 0.0
    """Wait after the answer before the next step."""


@dataclass(frozen=True)
class ServiceCall:
    """A call of a service of the driver's own type; its answer has a field `success`."""

    service: str
    type_name: str
    fields: Mapping[str, float]


class ArmDriver(Protocol):
    """One kind of driver. Names are relative, so that a namespace moves them all."""

    @property
    def kind(self) -> str:
        """Its name in the configuration."""
        ...

    @property
    def trajectory_action(self) -> str:
        """The FollowJointTrajectory action."""
        ...

    @property
    def scaling_topic(self) -> str:
        """Where the actual speed factor is told (std_msgs/Float64); empty for none."""
        ...

    @property
    def scaling_full(self) -> float:
        """What is told there at full speed."""
        ...

    @property
    def state_topics(self) -> Mapping[str, str]:
        """Topics that tell how the arm is, by message type."""
        ...

    def condition(self, told: Mapping[str, object]) -> tuple[Condition, str]:
        """What the last message of each state topic means, and the driver's reason for it."""
        ...

    def recovery(self, condition: Condition) -> tuple[RecoveryStep, ...]:
        """The calls that lead out of a condition, in order; none where it needs none or has none."""
        ...

    @property
    def suction_pin(self) -> int:
        """The digital output that switches the suction cup's valve; negative for none."""
        ...

    def output_call(self, pin: int, is_on: bool) -> ServiceCall | None:
        """Switches a digital output; None where the driver has none."""
        ...

    def slider_call(self, fraction: float) -> ServiceCall | None:
        """Sets the arm's own speed slider, 0..1; None where the driver has none."""
        ...


class WithoutState:
    """Part of a driver that tells nothing of its arm: whether goals are taken is for the controller to say."""

    @property
    def state_topics(self) -> Mapping[str, str]:
        """There are none, or what is told there means nothing."""
        return {}

    def condition(self, told: Mapping[str, object]) -> tuple[Condition, str]:
        """Always ready."""
        return Condition.READY, ""

    def recovery(self, condition: Condition) -> tuple[RecoveryStep, ...]:
        """There is nothing to recover."""
        return ()
