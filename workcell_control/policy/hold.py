"""Keeps the part on the cup: how it is accelerated and gripped, from vacuum, mass and drops."""

from __future__ import annotations

import math

from workcell_control.motion.grip import GRAVITY_M_S2, SuctionGrip
from workcell_control.policy.payload import TORQUE_TAG, PayloadEstimate
from workcell_control.policy.policy import Cycle, Observation, Proposal
from workcell_control.policy.running_low import RunningLow

AIR_PRESSURE_MAX_PA = 110e3
"""No vacuum is deeper below ambient than the air's own pressure."""
NODE = "cell"
BOUND = "part_acceleration_max_m_s2"
GRIP = "grip_vacuum_pa"
CARRYING = ("transfer", "settle", "inspect")
"""Activities in which a falling vacuum is a failing grip; while placing, the cup lets go on purpose."""
FALL_RATIO = 0.8
"""Vacuum over the highest seen in the same hold below which the grip is failing."""

SEALED_PA = 18e3
"""Vacuum above which the cup is closed by a part, and builds up further."""
BUILD_UP_NS = 250_000_000
"""After that time the vacuum of a grip is what it will be, and the arm has only begun to lift."""
VACUUM = "gripper/vacuum"

FRICTION_SHARE = 0.8
"""Of the tooling's friction that is relied on: it differs by some percent from part to part, and the arm shakes."""
MARGIN_START = 1.2
MARGIN_MIN = 1.1
MARGIN_MAX = 4.0
MARGIN_RISE_ON_DROP = 1.15
MARGIN_DECAY = 0.99
"""Per good cycle: confidence comes back over some ten cycles."""

RISE_STEP_M_S2 = 1.0
"""Gained at most per cycle."""
DROP_FACTOR = 0.5
"""After a drop, whose reason is not known yet, parts are carried gentler by this at least."""
CAUTIOUS_CYCLES = 6
"""Good cycles after a lost part before the bound rises again: by then the parts have been weighed."""
FALL_HYSTERESIS = 0.94
"""What is allowed must be this far below the bound in force before that is lowered."""
RISE_HYSTERESIS = 1.06
FLOOR_M_S2 = 0.8
CEILING_M_S2 = 8.0
"""Beyond this a higher bound means nothing: the joints do not accelerate the tool more."""

LEAK_RATIO = 0.9
"""Vacuum over set point, relative to a sound grip's, below which the grip is leaking."""
SOUND_RATIO = 0.97
SOUND_START = 0.85
"""Vacuum over set point of a sound grip before one has been seen."""
SOUND_LEARNING = 0.1
FIRM_BELOW_M_S2 = 3.0
"""A grip that allows less is made stronger: below, carrying takes noticeably longer."""
RELAX_ABOVE_M_S2 = 5.0
"""Where more is allowed, a grip stronger than at the start is given back step by step."""
GRIP_STEP_PA = 6e3
GRIP_STEP_ON_DROP_PA = 10e3
GRIP_ALONE_MAX_PA = 70e3
GRIP_ASK_MAX_PA = 76e3
"""Asked of a person only while even the gentlest acceleration does not hold the part."""


class HoldRule:
    """Finds the largest acceleration that vacuum and mass allow, with a margin that drops teach."""

    def __init__(self, cup_radius_m: float, part_mass_kg: float, lever_m: float, friction: float) -> None:
        self._cup_radius_m = cup_radius_m
        self._cup_area_m2 = math.pi * cup_radius_m**2
        self._friction = FRICTION_SHARE * friction
        self._payload = PayloadEstimate(part_mass_kg, lever_m)
        self._margin = MARGIN_START
        self._last: Cycle | None = None
        self._used_m_s2 = CEILING_M_S2
        self._suspected_kg = 0.0
        self._ratio = RunningLow()
        self._has_news = False
        self._grip_start_pa: float | None = None
        self._hold_peak_pa = 0.0
        self._sealed_ns: int | None = None
        self._is_grip_judged = False
        self._was_sealed = False
        self._activity = ""
        self._cautious_cycles = 0
        self._grip_of_cycle_pa: float | None = None
        self._sound = SOUND_START

    @property
    def margin(self) -> float:
        """Factor that the holding force keeps above the load; drops raise it."""
        return self._margin

    @property
    def mass_kg(self) -> float:
        """The part's mass: the nominal one until it is weighed, or was lost as if it were, heavier."""
        return max(self._payload.mass_kg, self._suspected_kg)

    def learn(self, cycle: Cycle) -> None:
        """Takes in a cycle: a drop raises the margin, a good one lets it sink slowly."""
        self._payload.end_cycle()
        self._last = cycle
        self._has_news = True
        if cycle.acceleration_max_m_s2 > 0.0:
            self._used_m_s2 = cycle.acceleration_max_m_s2
        if cycle.is_dropped:
            self._margin = min(self._margin * MARGIN_RISE_ON_DROP, MARGIN_MAX)
            self._cautious_cycles = CAUTIOUS_CYCLES
            return
        self._margin = max(self._margin * MARGIN_DECAY, MARGIN_MIN)
        self._cautious_cycles = max(self._cautious_cycles - 1, 0)
        if not self._cautious_cycles:
            self._suspected_kg = 0.0

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns a reflex while the vacuum fails in mid-move, or the next step after a cycle."""
        own = observation.parameters.get(NODE, {})
        bound_m_s2, grip_pa = own.get(BOUND), own.get(GRIP)
        if bound_m_s2 is None or grip_pa is None:
            return []
        if self._grip_start_pa is None:
            self._grip_start_pa = grip_pa
        self._payload.see(observation.activity, observation.readings, observation.taken_ns.get(TORQUE_TAG))
        if self._has_news and self._last is not None:
            self._has_news = False
            return self._after_cycle(self._last, bound_m_s2, grip_pa)
        return self._after_lift(observation, bound_m_s2, grip_pa) or self._in_mid_cycle(observation, bound_m_s2)

    def _after_lift(self, observation: Observation, bound_m_s2: float, grip_pa: float) -> list[Proposal]:
        """A part that falls back on the infeed when it is lifted ends no cycle: it would be tried so for ever."""
        before, self._activity = self._activity, observation.activity
        was_sealed, self._was_sealed = self._was_sealed, self._was_sealed and observation.activity == "pick"
        if not (was_sealed and before == "pick" and observation.activity == "recover"):
            return []
        self._cautious_cycles = CAUTIOUS_CYCLES
        # Pulled off: F < m (g + a).
        changes = {BOUND: self._after_loss(bound_m_s2, grip_pa, min(self._used_m_s2, bound_m_s2))}
        if grip_pa < GRIP_ALONE_MAX_PA:
            changes[GRIP] = min(grip_pa + GRIP_STEP_ON_DROP_PA, GRIP_ALONE_MAX_PA)
        return [Proposal(NODE, changes, "hold", "the part fell back when it was lifted", "reflex")]

    def _after_loss(self, bound_m_s2: float, grip_pa: float, pull_m_s2: float) -> float:
        """Returns the bound after a lost part, and suspects the least mass that would explain the loss.

        Args:
            bound_m_s2: bound in force.
            grip_pa: set point of the vacuum.
            pull_m_s2: acceleration that, with gravity, times the part's mass pulled at the cup.
        """
        weakest_pa = self._weakest_pa(grip_pa)
        self._suspected_kg = max(self.mass_kg, weakest_pa * self._cup_area_m2 / (GRAVITY_M_S2 + pull_m_s2))
        wanted_m_s2 = min(self._allowed_m_s2(weakest_pa), DROP_FACTOR * min(self._used_m_s2, bound_m_s2))
        return round(max(wanted_m_s2, FLOOR_M_S2), 2)

    def _after_cycle(self, cycle: Cycle, bound_m_s2: float, grip_pa: float) -> list[Proposal]:
        if not 0.0 < cycle.vacuum_min_pa <= AIR_PRESSURE_MAX_PA:
            return []
        if cycle.is_dropped:
            # The part slid: friction mu bears m a with mu (F - m g). The lowest vacuum is the empty cup's.
            pull_m_s2 = min(self._used_m_s2, bound_m_s2) / self._friction
            motion = {BOUND: self._after_loss(bound_m_s2, grip_pa, pull_m_s2)}
            allowed_m_s2 = motion[BOUND]
        else:
            if self._grip_of_cycle_pa in (None, grip_pa):
                # Else the lowest vacuum may be from before the change.
                self._ratio.note(cycle.vacuum_min_pa / grip_pa)
            allowed_m_s2 = self._allowed_m_s2(self._weakest_pa(grip_pa))
            motion = self._step(bound_m_s2, allowed_m_s2)
        self._grip_of_cycle_pa = grip_pa
        grip = self._grip_step(cycle, grip_pa, allowed_m_s2)
        weakest_pa = self._weakest_pa(grip_pa)
        readings = {VACUUM: weakest_pa, "part_mass_kg": self.mass_kg, "margin": self._margin}
        reason = f"{weakest_pa / 1e3:.1f} kPa, the weakest grip, hold {self.mass_kg:.2f} kg at {allowed_m_s2:.1f} m/s^2"
        is_gentler = motion.get(BOUND, bound_m_s2) < bound_m_s2
        urgency = "reflex" if cycle.is_dropped or is_gentler else "optimise"
        if grip.get(GRIP, 0.0) > GRIP_ALONE_MAX_PA:
            # A person is asked for this one; what may happen alone must not wait for the answer.
            asked = Proposal(NODE, grip, "hold", reason, "ask", readings)
            return [Proposal(NODE, motion, "hold", reason, urgency, readings), asked] if motion else [asked]
        changes = motion | grip
        return [Proposal(NODE, changes, "hold", reason, urgency, readings)] if changes else []

    def _in_mid_cycle(self, observation: Observation, bound_m_s2: float) -> list[Proposal]:
        vacuum_pa = observation.readings.get(VACUUM)
        if vacuum_pa is None:
            return []
        if observation.activity in CARRYING:
            self._hold_peak_pa = max(self._hold_peak_pa, vacuum_pa)
            is_falling = 0.0 < vacuum_pa < FALL_RATIO * self._hold_peak_pa
            return self._gentler(vacuum_pa, bound_m_s2, "while carrying") if is_falling else []
        self._hold_peak_pa = 0.0
        return self._judge_grip(observation, vacuum_pa, bound_m_s2)

    def _judge_grip(self, observation: Observation, vacuum_pa: float, bound_m_s2: float) -> list[Proposal]:
        """Seals differ from part to part: each grip is judged once, before the part is moved fast."""
        if observation.activity != "pick" or vacuum_pa < SEALED_PA:
            self._sealed_ns, self._is_grip_judged = None, False
            return []
        self._was_sealed = True
        taken_ns = observation.taken_ns[VACUUM]
        if self._sealed_ns is None:
            self._sealed_ns = taken_ns
        if self._is_grip_judged or taken_ns - self._sealed_ns < BUILD_UP_NS:
            return []
        self._is_grip_judged = True
        return self._gentler(vacuum_pa, bound_m_s2, "of a weak grip")

    def _gentler(self, vacuum_pa: float, bound_m_s2: float, when: str) -> list[Proposal]:
        allowed_m_s2 = self._allowed_m_s2(vacuum_pa)
        # What the joints do not reach needs no bound.
        if allowed_m_s2 >= FALL_HYSTERESIS * min(bound_m_s2, self._used_m_s2):
            return []
        reason = f"vacuum of {vacuum_pa / 1e3:.1f} kPa {when}"
        readings = {VACUUM: vacuum_pa}
        return [Proposal(NODE, {BOUND: round(allowed_m_s2, 2)}, "hold", reason, "reflex", readings)]

    def _allowed_m_s2(self, vacuum_pa: float) -> float:
        grip = SuctionGrip(self._cup_radius_m, self.mass_kg, self._friction, self._margin)
        return min(max(grip.acceleration_max(vacuum_pa), FLOOR_M_S2), CEILING_M_S2)

    def _step(self, bound_m_s2: float, allowed_m_s2: float) -> dict[str, float]:
        if allowed_m_s2 < FALL_HYSTERESIS * bound_m_s2:
            return {BOUND: round(allowed_m_s2, 2)}
        if allowed_m_s2 > RISE_HYSTERESIS * bound_m_s2 and not self._cautious_cycles:
            return {BOUND: round(min(allowed_m_s2, bound_m_s2 + RISE_STEP_M_S2), 2)}
        return {}

    def _grip_step(self, cycle: Cycle, grip_pa: float, allowed_m_s2: float) -> dict[str, float]:
        assert self._grip_start_pa is not None
        ratio = cycle.vacuum_min_pa / grip_pa
        if not cycle.is_dropped and ratio > self._sound:
            self._sound += SOUND_LEARNING * (ratio - self._sound)
        relative = ratio / self._sound
        if cycle.is_dropped or relative < LEAK_RATIO or allowed_m_s2 < FIRM_BELOW_M_S2:
            asks_person = allowed_m_s2 <= FLOOR_M_S2 and grip_pa >= GRIP_ALONE_MAX_PA
            ceiling_pa = GRIP_ASK_MAX_PA if asks_person else GRIP_ALONE_MAX_PA
            step_pa = GRIP_STEP_ON_DROP_PA if cycle.is_dropped else GRIP_STEP_PA
            wanted_pa = min(grip_pa + step_pa, ceiling_pa)
            return {GRIP: wanted_pa} if wanted_pa > grip_pa else {}
        if relative > SOUND_RATIO and allowed_m_s2 > RELAX_ABOVE_M_S2 and grip_pa > self._grip_start_pa:
            return {GRIP: max(grip_pa - GRIP_STEP_PA, self._grip_start_pa)}
        return {}

    def _weakest_pa(self, grip_pa: float) -> float:
        return grip_pa * (SOUND_START if self._ratio.low is None else self._ratio.low)
