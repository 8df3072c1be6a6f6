"""Speed and separation monitoring by the formula of ISO/TS 15066:2016, 5.5.4. Not a certified safety function.

    S_p = S_h + S_r + S_s + C + Z_d + Z_r

S_h: how far the person comes until the arm stands, v_h (T_r + T_s); S_r: how far the arm goes until it reacts,
v_r T_r; S_s: how far it goes while it stops, v_r^2 / (2 a_s), with T_s = v_r / a_s; C: how far a part of the body
intrudes before it is sensed; Z_d, Z_r: uncertainty of the person's and of the arm's position. Solved for v_r.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class SeparationParameters:
    """What the formula needs; the person's speed is that of ISO 13855."""

    person_speed_m_s: float = 1.6
    reaction_s: float = 0.3
    """From the sensor's measurement to the arm's answer: a sensor's period, what sending takes, and a ramp."""
    deceleration_m_s2: float = 2.0
    """What the tool brakes with."""
    intrusion_m: float = 0.1
    person_uncertainty_m: float = 0.05
    arm_uncertainty_m: float = 0.01

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            is_valid = value > 0.0 if name == "deceleration_m_s2" else value >= 0.0
            if not (math.isfinite(value) and is_valid):
                raise ValueError(f"separation: {name} is {value}, expected a finite number, deceleration above 0")

    def protective_distance_m(self, speed_m_s: float) -> float:
        """S_p for an arm that comes towards the person at a speed."""
        stopping_s = speed_m_s / self.deceleration_m_s2
        return (
            self.person_speed_m_s * (self.reaction_s + stopping_s)
            + speed_m_s * self.reaction_s
            + speed_m_s * stopping_s / 2.0
            + self.intrusion_m
            + self.person_uncertainty_m
            + self.arm_uncertainty_m
        )

    def speed_allowed_m_s(self, distance_m: float) -> float:
        """The largest speed whose protective distance is within a distance; 0 where none is."""
        spare_m = distance_m - self.protective_distance_m(0.0)
        if not spare_m > 0.0:
            return 0.0
        # v^2 / (2 a) + v (T_r + v_h / a) = spare
        linear = self.reaction_s + self.person_speed_m_s / self.deceleration_m_s2
        root = math.sqrt(linear**2 + 2.0 * spare_m / self.deceleration_m_s2)
        return self.deceleration_m_s2 * (root - linear)


class SeparationMonitor:
    """The speed in force: falls at once, rises only when more has been allowed for a while; silence stops the arm.

    Args:
        parameters: Of the formula.
        timeout_s: Silence of the distance, once it was heard, after which nothing is known: speed 0.
        rise_after_s: Time for which more must have been allowed before the speed rises.
    """

    def __init__(self, parameters: SeparationParameters, *, timeout_s: float = 0.5, rise_after_s: float = 0.5) -> None:
        self._parameters = parameters
        self._timeout_ns = round(timeout_s * NS_PER_S)
        self._rise_after_ns = round(rise_after_s * NS_PER_S)
        self._heard_ns: int | None = None
        self._speed_m_s = math.inf
        self._last_less_ns = 0
        self._candidate_m_s = math.inf

    def on_distance(self, distance_m: float, now_ns: int) -> None:
        """A person was measured at a distance; infinite for nobody there, not a number for nothing measured."""
        self._heard_ns = now_ns
        known_m = 0.0 if math.isnan(distance_m) else distance_m
        allowed = math.inf if known_m == math.inf else self._parameters.speed_allowed_m_s(known_m)
        if allowed <= self._speed_m_s:
            self._speed_m_s = self._candidate_m_s = allowed
            self._last_less_ns = now_ns
            return
        if self._candidate_m_s <= self._speed_m_s or now_ns <= self._last_less_ns:
            self._candidate_m_s = allowed
        self._candidate_m_s = min(self._candidate_m_s, allowed)
        if now_ns - self._last_less_ns >= self._rise_after_ns:
            self._speed_m_s, self._candidate_m_s = self._candidate_m_s, math.inf
            self._last_less_ns = now_ns

    def speed_m_s(self, now_ns: int) -> float:
        """The speed allowed now; infinite where no distance was ever told."""
        if self._heard_ns is None:
            return math.inf
        if now_ns - self._heard_ns > self._timeout_ns:
            self._speed_m_s, self._last_less_ns = 0.0, now_ns
        return self._speed_m_s
