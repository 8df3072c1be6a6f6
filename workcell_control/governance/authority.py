"""Decides what becomes of a proposed change. Pure: time and current values are arguments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from workcell_control.governance.rules import Governance, Rule, TwinUse

NS_PER_S = 1_000_000_000


class Route(Enum):
    """Where a proposal goes next."""

    APPLY = "apply"
    ASK_TWIN = "ask_twin"
    ASK_PERSON = "ask_person"
    REFUSE = "refuse"


@dataclass(frozen=True)
class Ruling:
    """What the rules make of a proposal."""

    route: Route
    parameters: dict[str, float]
    """What may be applied, after clipping; what the arm will really get."""
    clipped: tuple[str, ...]
    """One sentence per value that was changed."""
    reason: str
    twin_required: bool = False
    needs_person: bool = False
    """A person must answer too, after the twin."""


@dataclass(frozen=True)
class Forecast:
    """The twin's answer to one proposal, per hour of production."""

    good_parts_per_hour: float
    baseline_good_parts_per_hour: float
    drops_per_hour: float
    baseline_drops_per_hour: float
    basis: str = ""
    """What it rests on, where the figures themselves were not tried."""


class Authority:
    """Applies `governance.yaml` to proposals and remembers when each parameter last changed."""

    def __init__(self, governance: Governance) -> None:
        self._governance = governance
        self._changed_ns: dict[tuple[str, str], int] = {}

    def rule_on(self, node: str, proposed: Mapping[str, object], current: Mapping[str, float], now_ns: int) -> Ruling:
        """Returns what may become of a change.

        Args:
            node: base name of the node whose parameters would change.
            proposed: new values by parameter.
            current: values in force by parameter.
            now_ns: node clock.
        """
        values: dict[str, float] = {}
        clipped: list[str] = []
        for name, value in proposed.items():
            rule = self._governance.rule(node, name)
            why = _unfit(node, name, value, rule, current)
            if why is not None or rule is None:
                return Ruling(Route.REFUSE, {}, (), why or "")
            wanted = float(value)  # type: ignore[arg-type]
            values[name] = rule.clip(current[name], wanted)
            if values[name] != wanted:
                clipped.append(f"{name} {wanted:g} -> {values[name]:g}")
        return self._route(node, values, tuple(clipped), current, now_ns)

    def weigh(self, ruling: Ruling, forecast: Forecast | None) -> Ruling:
        """Returns where a ruling that asked the twin goes, now that the twin spoke (or did not in time)."""
        if forecast is None:
            if ruling.twin_required:
                return Ruling(Route.REFUSE, {}, ruling.clipped, "the twin gave no forecast in time")
            return self._after_twin(ruling, "twin silent")
        allowed = self._governance
        loss = forecast.baseline_good_parts_per_hour - forecast.good_parts_per_hour
        if loss > allowed.twin_loss_max * max(forecast.baseline_good_parts_per_hour, 1.0):
            text = (
                f"{forecast.good_parts_per_hour:.0f} good parts/h against {forecast.baseline_good_parts_per_hour:.0f}"
            )
            return Ruling(Route.REFUSE, {}, ruling.clipped, f"the twin foresees {text}")
        more_drops = forecast.drops_per_hour - forecast.baseline_drops_per_hour
        if more_drops > allowed.twin_drops_per_hour_max:
            return Ruling(Route.REFUSE, {}, ruling.clipped, f"the twin foresees {more_drops:.1f} more drops/h")
        basis = f", {forecast.basis}" if forecast.basis else ""
        return self._after_twin(ruling, f"the twin agrees{basis}")

    def note_applied(self, node: str, parameters: Mapping[str, float], now_ns: int) -> None:
        """Remembers when parameters changed, for the shortest interval between changes."""
        for name in parameters:
            self._changed_ns[node, name] = now_ns

    def _after_twin(self, ruling: Ruling, reason: str) -> Ruling:
        route = Route.ASK_PERSON if ruling.needs_person else Route.APPLY
        return Ruling(route, ruling.parameters, ruling.clipped, reason, needs_person=ruling.needs_person)

    def _route(
        self, node: str, values: dict[str, float], clipped: tuple[str, ...], current: Mapping[str, float], now_ns: int
    ) -> Ruling:
        changes = {name: value for name, value in values.items() if value != current[name]}
        if not changes:
            return Ruling(Route.REFUSE, {}, clipped, "nothing would change")
        rules = {name: self._governance.rules[node][name] for name in changes}
        bolder = [name for name, rule in rules.items() if not rule.is_towards_safety(current[name], changes[name])]
        for name in bolder:
            wait_s = self._wait_s(node, name, rules[name], now_ns)
            if wait_s > 0.0:
                return Ruling(Route.REFUSE, {}, clipped, f"{name} changed too recently, wait {wait_s:.1f} s")
        asking = [name for name in bolder if rules[name].needs_person(changes[name])]
        uses = {rules[name].twin for name in bolder}
        if uses & {TwinUse.ADVISE, TwinUse.REQUIRE}:
            required = TwinUse.REQUIRE in uses
            return Ruling(Route.ASK_TWIN, changes, clipped, "the twin tries it first", required, bool(asking))
        if asking:
            return Ruling(Route.ASK_PERSON, changes, clipped, f"a person decides on {', '.join(asking)}")
        reason = "within what may happen alone" if bolder else "towards safety"
        return Ruling(Route.APPLY, changes, clipped, reason)

    def _wait_s(self, node: str, name: str, rule: Rule, now_ns: int) -> float:
        changed_ns = self._changed_ns.get((node, name))
        if changed_ns is None:
            return 0.0
        return rule.min_interval_s - (now_ns - changed_ns) / NS_PER_S


def _unfit(node: str, name: str, value: object, rule: Rule | None, current: Mapping[str, float]) -> str | None:
    if rule is None:
        return f"{node}.{name} is not a governed parameter"
    if name not in current:
        return f"{node}.{name} has no known value yet"
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return f"{node}.{name}: {value!r} is not a finite number"
    return None
