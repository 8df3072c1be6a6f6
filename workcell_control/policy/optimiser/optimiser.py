"""The optimiser: learns what settings lead to, and proposes the best that is safe, cycle by cycle."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_control.governance.rules import Governance, Rule
from workcell_control.motion.limits import ACCELERATION_QUANTUM_M_S2
from workcell_control.policy.optimiser.context import REQUIRED, VACUUM, VIBRATION_TAGS, Context, ContextTracker
from workcell_control.policy.optimiser.goal import worth_of
from workcell_control.policy.optimiser.hold_model import HoldPrior, LotPrior
from workcell_control.policy.optimiser.judge import GripJudge
from workcell_control.policy.optimiser.options import Options
from workcell_control.policy.optimiser.outcomes import OutcomeModels
from workcell_control.policy.optimiser.search import Appraisal, best_setting, reach_of
from workcell_control.policy.optimiser.setting import COLUMN, NAMES, NODE_OF, Setting, setting_from
from workcell_control.policy.policy import STOP_TAG, Cycle, ExpectedGain, Observation, Proposal
from workcell_control.policy.reflex import NS_PER_S, Tooling, is_early
from workcell_control.policy.value import Prices

FloatArray = npt.NDArray[np.float64]

RULE = "optimiser"
MODEL = "Bayesian regression per outcome"
UNIT = "EUR/h"
DEVIATIONS_90 = 1.645
REFUSED_WAIT_S = 20.0
LATE_REPEAT_S = 6.0
"""A parameter that was asked for is not asked for again before this, unless the governor answers."""
ATTEMPTS_CLEAN = 1


class Optimiser:
    """Safe contextual optimisation of a cycle's setting.

    Args:
        tooling: cup, friction and nominal part.
        governance: envelopes, steps and intervals: nothing beyond them is proposed.
        prices: the goal.
        options: limits and figures of its own.
    """

    state_version = 4

    def __init__(self, tooling: Tooling, governance: Governance, prices: Prices, options: Options) -> None:
        self._rules: Mapping[str, Rule] = {name: governance.rules[node][name] for name, node in NODE_OF.items()}
        self._prices = prices
        self._options = options
        lots = LotPrior(options.lot_parts, tooling.part_mass_kg, options.lot_mass_ratio)
        hold = HoldPrior(math.pi * tooling.cup_radius_m**2, tooling.friction, lots=lots)
        self._models = OutcomeModels(options, hold)
        self._tracker = ContextTracker(
            tooling.part_mass_kg,
            tooling.weigh_lever_m,
            options.nominal_exposure_s,
            options.vibration_transfer,
            options.takt_s,
        )
        self._judge = GripJudge()
        self._floors = {"settle_s": options.settle_min_s, "grip_dwell_s": options.dwell_min_s}
        self._due_ns: dict[str, int] = {}
        self._cycle_time_s = 0.0
        self._last_verdict = "accept"
        self._has_news = False
        self._was_idle = False
        self._was_stopped = False
        self._judged_pa = 0.0

    @property
    def context(self) -> Context:
        """What the next cycle's outcome is taken to depend on."""
        return self._tracker.context

    def propose(self, observation: Observation) -> list[Proposal]:
        """Returns the next setting after a cycle, or a gentler one for a part whose grip is weak."""
        self._tracker.see(observation)
        setting = Setting.of(observation.parameters)
        if setting is None:
            return []
        vacuum_pa = self._judge.due(observation)
        if vacuum_pa is not None:
            self._judged_pa = vacuum_pa
            return self._gentler(setting.array(), vacuum_pa)
        if not self._has_news:
            return []
        self._has_news = False
        self._tracker.learn_image(observation.image)
        if observation.image is not None:
            self._models.learn_blur(setting.array(), observation.image.blur_px)
        self._tracker.learn_period(observation.now_ns, self._cycle_time_s, is_stopped=self._was_stopped)
        if any(tag not in observation.readings for tag in REQUIRED):
            return []
        return self._next(setting.array(), observation)

    def learn(self, cycle: Cycle) -> None:
        """Takes in a finished cycle, less what BAD or STALE readings touch."""
        self._has_news = True
        self._cycle_time_s = cycle.cycle_time_s if math.isfinite(cycle.cycle_time_s) else 0.0
        held_pa = self._tracker.held_pa
        self._tracker.begin_cycle()
        setting = Setting.of(cycle.parameters)
        if setting is None:
            return
        row = setting.array()
        self._tracker.learn(cycle, setting.speed_scale)
        self._learn_hold(row, cycle, held_pa)
        self._was_stopped = is_stopped = cycle.readings.get(STOP_TAG, 0.0) > 0.0
        if not cycle.distrusted.intersection(VIBRATION_TAGS):
            deviation_rad = cycle.tracking_error_max_rad
            self._models.learn_deviation(row, self.context.wear, deviation_rad, is_stopped=is_stopped)
        is_clean = not cycle.is_dropped and cycle.pick_attempts <= ATTEMPTS_CLEAN and not is_stopped
        if is_clean and cycle.is_steady and cycle.cycle_time_s > 0.0:
            bins = (self._last_verdict, cycle.verdict)
            ways = (float(len(bins) - bins.count("accept") - bins.count("reject")), float(bins.count("reject")))
            self._models.learn_motion(row, cycle.cycle_time_s, cycle.acceleration_max_m_s2, cycle.energy_j, ways)
        self._last_verdict = cycle.verdict

    def hear(self, node: str, parameters: Mapping[str, float], outcome: str, now_ns: int) -> None:
        """Waits as long as the governor wants between changes, longer after a refusal."""
        for name in parameters:
            if NODE_OF.get(name) != node:
                continue
            is_taken = outcome in ("applied", "clipped", "approved")
            wait_s = self._rules[name].min_interval_s if is_taken else REFUSED_WAIT_S
            self._due_ns[name] = now_ns + round(wait_s * NS_PER_S)

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, as JSON values."""
        return {
            "models": self._models.snapshot(),
            "context": self._tracker.snapshot(),
            "judge": self._judge.snapshot(),
            "due_ns": dict(self._due_ns),
            "cycle_time_s": self._cycle_time_s,
            "last_verdict": self._last_verdict,
            "was_idle": self._was_idle,
            "was_stopped": self._was_stopped,
            "judged_pa": self._judged_pa,
            "has_news": self._has_news,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it does not fit; what was learned before stands then.
        """
        before = self.snapshot()
        try:
            self._take(state)
        except (KeyError, TypeError, AttributeError) as error:
            self._take(before)
            raise ValueError(f"optimiser state: {error!r}") from None
        except ValueError:
            self._take(before)
            raise

    def _take(self, state: dict[str, Any]) -> None:
        self._models.restore(state["models"])
        self._tracker.restore(state["context"])
        self._judge.restore(state["judge"])
        self._due_ns = {str(name): int(due_ns) for name, due_ns in state["due_ns"].items()}
        self._cycle_time_s = float(state["cycle_time_s"])
        self._last_verdict, self._was_idle = str(state["last_verdict"]), bool(state["was_idle"])
        self._judged_pa = float(state["judged_pa"])
        self._was_stopped, self._has_news = bool(state["was_stopped"]), bool(state["has_news"])

    def _learn_hold(self, row: FloatArray, cycle: Cycle, held_pa: float) -> None:
        judged_pa, self._judged_pa = self._judged_pa, 0.0
        if VACUUM in cycle.distrusted or not math.isfinite(cycle.vacuum_min_pa):
            return
        if cycle.is_dropped:
            # The lowest vacuum is the empty cup's: what the part hung at is only foreseen.
            self._models.learn_hold(row, 0.0, self.context, is_lost=True)
        elif held_pa > 0.0:
            self._models.learn_vacuum(row, held_pa)
            if judged_pa > 0.0:
                self._models.learn_build_up(row, judged_pa, held_pa)
            self._models.learn_hold(row, held_pa, self.context, is_lost=False)

    def _gentler(self, row: FloatArray, vacuum_pa: float) -> list[Proposal]:
        """The bound that a part of this very grip bears, where that is less than the one in force."""
        column = COLUMN["part_acceleration_max_m_s2"]
        rule, bound = self._rules["part_acceleration_max_m_s2"], float(row[column])
        step = ACCELERATION_QUANTUM_M_S2
        bounds = np.append(np.arange(step * math.ceil(rule.low / step), bound, step), bound)
        loss = self._models.loss_of_grip(row, bounds, vacuum_pa, self.context)
        allowed = self._options.violation_probability_max
        if loss[-1] <= allowed:
            return []
        safe = bounds[loss <= allowed]
        wanted = round(float(safe[-1]) if len(safe) else rule.low, 2)
        if wanted >= bound:
            return []
        reason = f"a grip of {vacuum_pa / 1e3:.1f} kPa loses the part with {loss[-1]:.1%}"
        readings = {VACUUM: vacuum_pa, "part_mass_kg": self.context.mass_kg}
        changes = {"part_acceleration_max_m_s2": wanted}
        return [Proposal("cell", changes, RULE, reason, "reflex", readings, "hold model")]

    def _next(self, row: FloatArray, observation: Observation) -> list[Proposal]:
        violation_max = self._options.violation_probability_max
        now = self._models.foresee(row[None], self.context)
        if self._was_idle and now.violation[0] <= violation_max:
            self._was_idle = False  # nothing better was found a cycle ago: every other cycle is often enough
            return []
        fixed = frozenset(name for name in NAMES if is_early(observation.now_ns, self._due_ns.get(name, 0)))
        reach = reach_of(row, self._rules, fixed, self._floors)
        best = best_setting(row, reach, self._appraise, violation_max)
        pair = np.stack([row, best])
        foreseen = self._models.foresee(pair, self.context)
        worth = worth_of(foreseen, self.context, self._prices, self._options)
        gain = float(worth.mean_eur[1] - worth.mean_eur[0])
        is_unsafe = bool(foreseen.violation[0] > violation_max)
        is_worth_it = gain > self._options.gain_min * abs(float(worth.mean_eur[0]))
        self._was_idle = not (is_unsafe or is_worth_it) or np.array_equal(best, row)
        if self._was_idle:
            return []
        std = math.hypot(float(worth.std_eur[0]), float(worth.std_eur[1]))
        expected = ExpectedGain(gain, gain - DEVIATIONS_90 * std, gain + DEVIATIONS_90 * std, UNIT)
        reason = (
            f"{worth.mean_eur[1]:.1f} in place of {worth.mean_eur[0]:.1f} EUR/h, "
            f"violation {foreseen.violation[1]:.2%} a cycle, {foreseen.toll[1]:.2%} of parts lost in the long run"
        )
        return self._proposals(row, best, reason, expected, is_unsafe, observation.now_ns)

    def _proposals(
        self, row: FloatArray, best: FloatArray, reason: str, gain: ExpectedGain, is_unsafe: bool, now_ns: int
    ) -> list[Proposal]:
        """One proposal per node with what changes; what is to be safe at once goes as a reflex."""
        context = self.context
        readings = {"part_mass_kg": context.mass_kg, "wear": context.wear, "feed_interval_s": context.feed_interval_s}
        if context.illumination is not None:
            readings["illumination"] = context.illumination
        wanted, before = setting_from(best).by_node(), setting_from(row).by_node()
        proposals = []
        for node, values in wanted.items():
            changes = {name: _tidy(value) for name, value in values.items() if value != before[node][name]}
            if not changes:
                continue
            for name in changes:
                self._due_ns[name] = now_ns + round(LATE_REPEAT_S * NS_PER_S)
            urgency = "reflex" if is_unsafe else "optimise"
            proposals.append(Proposal(node, changes, RULE, reason, urgency, readings, MODEL, gain))
        return proposals

    def _appraise(self, settings: FloatArray) -> Appraisal:
        foreseen = self._models.foresee(settings, self.context)
        worth = worth_of(foreseen, self.context, self._prices, self._options)
        return Appraisal(worth.mean_eur + self._options.exploration * worth.std_eur, foreseen.violation)


def _tidy(value: float) -> float:
    """Without the last digits that steps of a quantum leave."""
    return float(f"{value:.9g}")
