"""Sets the arm's speed and acceleration: up while the machine is well, down while it complains or power is dear.

A protective stop is answered before the arm moves on: what stopped it once at this speed would stop it again, until
only a person may release it.
"""

from __future__ import annotations

from workcell_control.policy.policy import STOP_TAG, Cycle, Observation, Proposal

NODE = "cell"
WATCHED = ("/vibration", "/current", "/temperature")
WARN = 1
"""Monitor level of a warning; above it lie alarms."""
RISE_STEP, ACCELERATION_RISE_STEP = 0.08, 0.12
FALL_FACTOR = 0.8
WARN_FLOOR_SCALE, ALARM_FLOOR_SCALE = 0.55, 0.3
"""Slowest that a warning, or an alarm, leads to: slower yet would cost parts and tell nothing."""
FALL_WAIT_CYCLES = 2
"""Cycles before a warning that stays is answered again: the monitor's window must see the slower arm first."""
CALM_CYCLES = 2
"""Cycles without complaint before the next step up."""
DEAR_EUR_PER_KWH = 0.45
DEAR_CEILING = 0.85


class PaceRule:
    """Additive increase while all is calm, multiplicative decrease on a monitor's complaint."""

    def __init__(self) -> None:
        self._calm_cycles = 0
        self._cycles_since_fall = FALL_WAIT_CYCLES
        self._has_news = False
        self._is_stopped = False

    def learn(self, cycle: Cycle) -> None:
        """Counts calm cycles; a drop starts the count again."""
        self._has_news = True
        self._cycles_since_fall += 1
        self._calm_cycles = 0 if cycle.is_dropped else self._calm_cycles + 1

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns at most one step per cycle, and one down for each protective stop."""
        own = observation.parameters.get(NODE, {})
        speed, acceleration = own.get("speed_scale"), own.get("acceleration_scale")
        if speed is None or acceleration is None:
            return []
        was_stopped, self._is_stopped = self._is_stopped, observation.readings.get(STOP_TAG, 0.0) > 0.0
        if self._is_stopped and not was_stopped:
            return self._after_stop(speed)
        if not self._has_news:
            return []
        self._has_news = False
        complaints = {tag: level for tag, level in observation.alarms.items() if level > 0 and tag.endswith(WATCHED)}
        if complaints:
            self._calm_cycles = 0
            return self._slower(observation, speed, complaints)
        return self._faster(observation, speed, acceleration)

    def _after_stop(self, speed: float) -> list[Proposal]:
        self._calm_cycles = 0
        wanted = max(round(speed * FALL_FACTOR, 3), ALARM_FLOOR_SCALE)
        if wanted >= speed:
            return []
        changes = {"speed_scale": wanted, "jerk_scale": wanted}
        return [Proposal(NODE, changes, "pace", "the arm's own supervision stopped it", "reflex", {STOP_TAG: 1.0})]

    def _slower(self, observation: Observation, speed: float, complaints: dict[str, int]) -> list[Proposal]:
        is_alarm = max(complaints.values()) > WARN
        wanted = max(round(speed * FALL_FACTOR, 3), ALARM_FLOOR_SCALE if is_alarm else WARN_FLOOR_SCALE)
        if wanted >= speed or (self._cycles_since_fall < FALL_WAIT_CYCLES and not is_alarm):
            return []
        self._cycles_since_fall = 0
        readings = {tag: observation.readings[tag] for tag in complaints if tag in observation.readings}
        reason = f"the monitor complains of {', '.join(sorted(complaints))}"
        return [Proposal(NODE, {"speed_scale": wanted, "jerk_scale": wanted}, "pace", reason, "reflex", readings)]

    def _faster(self, observation: Observation, speed: float, acceleration: float) -> list[Proposal]:
        tariff = observation.readings.get("cell/tariff", 0.0)
        ceiling = DEAR_CEILING if tariff > DEAR_EUR_PER_KWH else 1.0
        if speed > ceiling:
            reason = f"power costs {tariff:.2f} EUR/kWh"
            return [Proposal(NODE, {"speed_scale": ceiling}, "pace", reason, readings={"cell/tariff": tariff})]
        wanted = min(round(speed + RISE_STEP, 3), ceiling)
        changes = {"speed_scale": wanted, "jerk_scale": wanted} if wanted > speed else {}
        if acceleration < 1.0:
            changes["acceleration_scale"] = min(round(acceleration + ACCELERATION_RISE_STEP, 3), 1.0)
        if self._calm_cycles < CALM_CYCLES or not changes:
            return []
        self._calm_cycles = 0
        return [Proposal(NODE, changes, "pace", f"{CALM_CYCLES} calm cycles")]
