"""Keeps the part on the cup: acceleration and grip from vacuum, mass and drops."""

from __future__ import annotations

from workcell_control.motion.grip import SuctionGrip
from workcell_control.policy.payload import PayloadEstimate
from workcell_control.policy.policy import Cycle, Observation, Proposal
from workcell_control.policy.running_low import RunningLow

NODE = "cell"
CARRYING = ("transfer", "settle", "inspect")
"""Activities in which a falling vacuum is a failing grip; while placing, the cup lets go on purpose."""
FALL_RATIO = 0.8
"""Vacuum over the highest seen in the same hold below which the grip is failing."""

SEALED_PA = 18e3
"""Vacuum above which the cup is closed by a part, and builds up further."""
BUILD_UP_NS = 250_000_000
"""After that time the vacuum of a grip is what it will be, and the arm has only begun to lift."""

FRICTION_SHARE = 0.8
"""Of the tooling's friction that is relied on: it differs by some percent from part to part, and the arm shakes."""
MARGIN_START = 1.2
MARGIN_MIN = 1.15
MARGIN_MAX = 4.0
MARGIN_RISE_ON_DROP = 1.15
MARGIN_DECAY = 0.99
"""Per good cycle: confidence comes back over some ten cycles."""

RISE_STEP = 0.12
"""Acceleration scale gained at most per cycle."""
DROP_FACTOR = 0.5
"""After a drop, whose reason is not known yet, the arm is gentler by this at least."""
CAUTIOUS_CYCLES = 6
"""Good cycles after a lost part before the arm is made faster again: by then the parts have been weighed."""
FALL_HYSTERESIS = 0.94
"""The allowed scale must be this far below the present one before it is lowered."""
RISE_HYSTERESIS = 1.06
FLOOR_SCALE = 0.15
GAIN_DECAY = 0.985
"""Per cycle, of the acceleration that a scale of 1 leads to: the ways to the bins differ, and the worst counts."""

LEAK_RATIO = 0.9
"""Vacuum over set point, relative to a sound grip's, below which the grip is leaking."""
SOUND_RATIO = 0.97
SOUND_START = 0.85
"""Vacuum over set point of a sound grip before one has been seen."""
SOUND_LEARNING = 0.1
RELAX_SCALE = 0.7
"""Allowed scale above which a grip stronger than at the start is given back step by step."""
GRIP_STEP_PA = 6e3
GRIP_STEP_ON_DROP_PA = 10e3
GRIP_ALONE_MAX_PA = 70e3
GRIP_ASK_MAX_PA = 76e3
"""Asked of a person only while even the gentlest acceleration does not hold the part."""


class HoldRule:
    """Finds the largest acceleration that vacuum and mass allow, with a margin that drops teach."""

    def __init__(self, cup_radius_m: float, part_mass_kg: float, lever_m: float, friction: float) -> None:
        self._cup_radius_m = cup_radius_m
        self._friction = FRICTION_SHARE * friction
        self._payload = PayloadEstimate(part_mass_kg, lever_m)
        self._margin = MARGIN_START
        self._last: Cycle | None = None
        self._scale_before = 0.0
        self._gain_m_s2 = 0.0
        self._ratio = RunningLow()
        self._has_news = False
        self._grip_start_pa: float | None = None
        self._hold_peak_pa = 0.0
        self._sealed_ns: int | None = None
        self._is_grip_judged = False
        self._was_sealed = False
        self._activity = ""
        self._cautious_cycles = 0
        self._sound = SOUND_START

    @property
    def margin(self) -> float:
        """Factor that the holding force keeps above the load; drops raise it."""
        return self._margin

    @property
    def mass_kg(self) -> float:
        """The part's mass: the nominal one until it is weighed to be heavier."""
        return self._payload.mass_kg

    def learn(self, cycle: Cycle) -> None:
        """Takes in a cycle: a drop raises the margin, a good one lets it sink slowly."""
        self._payload.end_cycle()
        self._last = cycle
        self._has_news = True
        if cycle.is_dropped:
            self._on_lost()
        else:
            self._margin = max(self._margin * MARGIN_DECAY, MARGIN_MIN)
            self._cautious_cycles = max(self._cautious_cycles - 1, 0)

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns a reflex while the vacuum fails in mid-move, or the next step after a cycle."""
        own = observation.parameters.get(NODE, {})
        scale, grip_pa = own.get("acceleration_scale"), own.get("grip_vacuum_pa")
        if scale is None or grip_pa is None:
            return []
        self._payload.see(observation.activity, observation.readings)
        if self._has_news and self._last is not None:
            self._has_news = False
            return self._after_cycle(self._last, scale, grip_pa)
        return self._on_lost_at_lift(observation, scale, grip_pa) or self._in_mid_cycle(observation, scale)

    def _on_lost(self) -> None:
        self._margin = min(self._margin * MARGIN_RISE_ON_DROP, MARGIN_MAX)
        self._cautious_cycles = CAUTIOUS_CYCLES

    def _on_lost_at_lift(self, observation: Observation, scale: float, grip_pa: float) -> list[Proposal]:
        """A part that falls back on the infeed when it is lifted ends no cycle: it would be tried so for ever."""
        before, self._activity = self._activity, observation.activity
        was_sealed, self._was_sealed = self._was_sealed, self._was_sealed and observation.activity == "pick"
        if not (was_sealed and before == "pick" and observation.activity == "recover"):
            return []
        self._on_lost()
        changes = {"acceleration_scale": round(max(DROP_FACTOR * scale, FLOOR_SCALE), 3)}
        if grip_pa < GRIP_ALONE_MAX_PA:
            changes["grip_vacuum_pa"] = min(grip_pa + GRIP_STEP_ON_DROP_PA, GRIP_ALONE_MAX_PA)
        return [Proposal(NODE, changes, "hold", "the part fell back when it was lifted", "reflex")]

    def _after_cycle(self, cycle: Cycle, scale: float, grip_pa: float) -> list[Proposal]:
        # A change in mid-cycle: the larger scale is the one that the largest acceleration came from.
        used, self._scale_before = max(scale, self._scale_before), scale
        self._gain_m_s2 = max(GAIN_DECAY * self._gain_m_s2, cycle.acceleration_max_m_s2 / used)
        if self._grip_start_pa is None:
            self._grip_start_pa = grip_pa
        if self._gain_m_s2 <= 0.0 or not cycle.vacuum_min_pa > 0.0:
            return []
        if not cycle.is_dropped:
            # After a drop the lowest vacuum is that of the empty cup.
            self._ratio.note(cycle.vacuum_min_pa / grip_pa)
        weakest_pa = grip_pa * (SOUND_START if self._ratio.low is None else self._ratio.low)
        allowed = self._allowed_scale(weakest_pa)
        if cycle.is_dropped:
            allowed = max(min(allowed, DROP_FACTOR * scale), FLOOR_SCALE)
        motion, grip = self._acceleration_step(scale, allowed), self._grip_step(cycle, grip_pa, allowed)
        readings = {"gripper/vacuum": cycle.vacuum_min_pa, "part_mass_kg": self.mass_kg, "margin": self._margin}
        reason = f"{weakest_pa / 1e3:.1f} kPa at the weakest grip hold {self.mass_kg:.2f} kg at scale {allowed:.2f}"
        is_gentler = motion.get("acceleration_scale", scale) < scale
        urgency = "reflex" if cycle.is_dropped or is_gentler else "optimise"
        if grip.get("grip_vacuum_pa", 0.0) > GRIP_ALONE_MAX_PA:
            # A person is asked for this one; what may happen alone must not wait for the answer.
            asked = Proposal(NODE, grip, "hold", reason, "ask", readings)
            return [Proposal(NODE, motion, "hold", reason, urgency, readings), asked] if motion else [asked]
        changes = motion | grip
        return [Proposal(NODE, changes, "hold", reason, urgency, readings)] if changes else []

    def _in_mid_cycle(self, observation: Observation, scale: float) -> list[Proposal]:
        vacuum_pa = observation.readings.get("gripper/vacuum")
        if vacuum_pa is None or self._gain_m_s2 <= 0.0:
            return []
        if observation.activity in CARRYING:
            self._hold_peak_pa = max(self._hold_peak_pa, vacuum_pa)
            is_falling = 0.0 < vacuum_pa < FALL_RATIO * self._hold_peak_pa
            return self._gentler(vacuum_pa, scale, "while carrying") if is_falling else []
        self._hold_peak_pa = 0.0
        return self._judge_grip(observation, vacuum_pa, scale)

    def _judge_grip(self, observation: Observation, vacuum_pa: float, scale: float) -> list[Proposal]:
        """Seals differ from part to part: each grip is judged once, before the part is moved fast."""
        if observation.activity != "pick" or vacuum_pa < SEALED_PA:
            self._sealed_ns, self._is_grip_judged = None, False
            return []
        self._was_sealed = True
        if self._sealed_ns is None:
            self._sealed_ns = observation.now_ns
        if self._is_grip_judged or observation.now_ns - self._sealed_ns < BUILD_UP_NS:
            return []
        self._is_grip_judged = True
        return self._gentler(vacuum_pa, scale, "of a weak grip")

    def _gentler(self, vacuum_pa: float, scale: float, when: str) -> list[Proposal]:
        allowed = self._allowed_scale(vacuum_pa)
        if allowed >= FALL_HYSTERESIS * scale:
            return []
        reason = f"vacuum of {vacuum_pa / 1e3:.1f} kPa {when}"
        readings = {"gripper/vacuum": vacuum_pa}
        return [Proposal(NODE, {"acceleration_scale": round(allowed, 3)}, "hold", reason, "reflex", readings)]

    def _allowed_scale(self, vacuum_pa: float) -> float:
        grip = SuctionGrip(self._cup_radius_m, self.mass_kg, self._friction, self._margin)
        return min(max(grip.acceleration_max(vacuum_pa) / self._gain_m_s2, FLOOR_SCALE), 1.0)

    def _acceleration_step(self, scale: float, allowed: float) -> dict[str, float]:
        if allowed < FALL_HYSTERESIS * scale:
            return {"acceleration_scale": round(allowed, 3)}
        if allowed > RISE_HYSTERESIS * scale and not self._cautious_cycles:
            return {"acceleration_scale": round(min(allowed, scale + RISE_STEP), 3)}
        return {}

    def _grip_step(self, cycle: Cycle, grip_pa: float, allowed: float) -> dict[str, float]:
        assert self._grip_start_pa is not None
        ratio = cycle.vacuum_min_pa / grip_pa
        if not cycle.is_dropped and ratio > self._sound:
            self._sound += SOUND_LEARNING * (ratio - self._sound)
        relative = ratio / self._sound
        if cycle.is_dropped or relative < LEAK_RATIO or allowed < 2.0 * FLOOR_SCALE:
            ceiling_pa = GRIP_ASK_MAX_PA if allowed <= FLOOR_SCALE else GRIP_ALONE_MAX_PA
            step_pa = GRIP_STEP_ON_DROP_PA if cycle.is_dropped else GRIP_STEP_PA
            wanted_pa = min(grip_pa + step_pa, ceiling_pa)
            return {"grip_vacuum_pa": wanted_pa} if wanted_pa > grip_pa else {}
        if relative > SOUND_RATIO and allowed > RELAX_SCALE and grip_pa > self._grip_start_pa:
            return {"grip_vacuum_pa": max(grip_pa - GRIP_STEP_PA, self._grip_start_pa)}
        return {}
