"""The gate's bookkeeping: proposals, forecasts and answers in, verdicts and commands out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from workcell_control.governance.authority import Authority, Forecast, Route, Ruling
from workcell_control.governance.flood import FloodGuard
from workcell_control.governance.known_good import KnownGood
from workcell_control.governance.pending import Waiting, WaitingRoom
from workcell_control.governance.rules import Governance

NS_PER_S = 1_000_000_000
ALONE = "governor"
STAGE_NODE, STAGE = "policy", "stage"
"""The governed parameter that says how far a policy on trial is trusted; no parameter of the robot."""
SHADOW, CANARY = 0.0, 1.0
REINSTATE_AFTER_NS = 1_500_000_000
"""A node that has been there for so long since it declared its last parameter is not about to end again."""


class Outcome(Enum):
    """What became of a proposal; the words that verdicts and the audit log use."""

    APPLIED = "applied"
    CLIPPED = "clipped"
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    REFUSED = "refused"
    FAILED = "failed"
    FALLBACK = "fallback"
    RESTORED = "restored"
    REINSTATED = "reinstated"
    ROLLED_BACK = "rolled_back"
    VOUCHED = "vouched"
    """Not a change: the set in force is the last known good one from now on."""
    BARRED = "barred"
    """Not a change: the policy on trial was taken off in the shadow, where nothing of it was in force."""


GOOD_OUTCOMES = frozenset(
    {
        Outcome.APPLIED,
        Outcome.CLIPPED,
        Outcome.APPROVED,
        Outcome.PENDING,
        Outcome.RESTORED,
        Outcome.REINSTATED,
        Outcome.VOUCHED,
    }
)


@dataclass(frozen=True)
class Verdict:
    """To be published and audited."""

    stamp_ns: int
    node: str
    outcome: Outcome
    parameters: dict[str, float]
    actor: str
    reason: str


@dataclass(frozen=True)
class Apply:
    """To be set atomically on `node`; report back with `Gate.on_applied`."""

    stamp_ns: int
    node: str
    parameters: dict[str, float]
    actor: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class OpenPending:
    """A person must be given the means to answer."""

    stamp_ns: int


@dataclass(frozen=True)
class ClosePending:
    """The person's means to answer can go."""

    stamp_ns: int


Action: TypeAlias = Verdict | Apply | OpenPending | ClosePending


class Gate:
    """Takes every proposal through envelope, twin and person.

    `current` holds the parameter values in force by node; the owner keeps it true with `note_value`.
    """

    def __init__(self, governance: Governance) -> None:
        self._governance = governance
        self._authority = Authority(governance)
        self._at_twin = WaitingRoom()
        self._at_person = WaitingRoom()
        self._before_fallback: dict[str, dict[str, float]] = {}
        self._authorised: dict[str, dict[str, float]] = {node: {} for node in governance.rules}
        self._declared_ns: dict[str, int] = {}
        self._flood = FloodGuard()
        self.known_good = KnownGood(governance.rollback_nodes)
        self.current: dict[str, dict[str, float]] = {node: {} for node in governance.rules}

    @property
    def pending(self) -> tuple[Waiting, ...]:
        """What waits for a person."""
        return tuple(self._at_person)

    @property
    def has_fallen_back(self) -> bool:
        """Whether the safe set is in force because something went quiet."""
        return bool(self._before_fallback)

    def started_again(self, now_ns: int) -> tuple[str, ...]:
        """Nodes that came back with what their files say, and have yet to be given what was authorised."""
        return tuple(
            node for node, declared_ns in self._declared_ns.items() if now_ns - declared_ns >= REINSTATE_AFTER_NS
        )

    def note_declared(self, node: str, names: Iterable[str], now_ns: int) -> None:
        """Notes that a node has just declared parameters: it has started."""
        if any(name in self._authorised[node] for name in names):
            self._declared_ns[node] = now_ns

    def note_value(self, node: str, name: str, value: object) -> None:
        """Records a governed parameter's value in force; anything else is passed over."""
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and self._governance.rule(node, name) is not None:
            self.current[node][name] = float(value)  # type: ignore[arg-type]
            self.known_good.fill(node, name, float(value))  # type: ignore[arg-type]

    def on_proposal(self, stamp_ns: int, node: str, proposed: Mapping[str, object], now_ns: int) -> list[Action]:
        """Rules on a new proposal; one too many is counted, and told by `on_tick`."""
        if not self._flood.admits(now_ns):
            return []
        if self._is_demotion(node, proposed):
            return self.roll_back(stamp_ns, ALONE, "demoted by its own stages", float(proposed[STAGE]))  # type: ignore[arg-type]
        if node == STAGE_NODE and proposed.get(STAGE) == SHADOW == self.current.get(node, {}).get(STAGE):
            return [Verdict(stamp_ns, node, Outcome.BARRED, {STAGE: SHADOW}, ALONE, "taken off by its own stages")]
        if self.has_fallen_back:
            reason = "the safe set is in force until what went quiet is back"
            return [Verdict(stamp_ns, node, Outcome.REFUSED, {}, ALONE, reason)]
        current = self.current.get(node, {})
        ruling = self._authority.rule_on(node, proposed, current, now_ns)
        if ruling.route is Route.ASK_TWIN:
            return self._wait_for_twin(stamp_ns, node, ruling, now_ns)
        return self._go(stamp_ns, node, ruling, now_ns)

    def on_forecast(self, stamp_ns: int, forecast: Forecast, now_ns: int) -> list[Action]:
        """Weighs a change that waited for the twin; a forecast nobody waits for is passed over."""
        item = self._at_twin.take(stamp_ns)
        if item is None:
            return []
        return self._go(stamp_ns, item.node, self._authority.weigh(item.ruling, forecast), now_ns)

    def on_no_twin(self, stamp_ns: int, now_ns: int) -> list[Action]:
        """Goes on without a twin: there is none to wait for."""
        item = self._at_twin.take(stamp_ns)
        if item is None:
            return []
        return self._go(stamp_ns, item.node, self._authority.weigh(item.ruling, None), now_ns)

    def on_answer(self, stamp_ns: int, approved: bool, actor: str) -> list[Action]:
        """Carries out a person's answer; an answer to what no longer waits is passed over."""
        item = self._at_person.take(stamp_ns)
        if item is None:
            return []
        close = ClosePending(stamp_ns)
        values = item.ruling.parameters
        if approved:
            reason = f"approved by {actor}"
            return [close, Apply(stamp_ns, item.node, values, actor, Outcome.APPROVED, reason)]
        return [close, Verdict(stamp_ns, item.node, Outcome.REJECTED, values, actor, f"rejected by {actor}")]

    def on_tick(self, now_ns: int) -> list[Action]:
        """Ends what has waited too long, and answers a flood of proposals."""
        actions: list[Action] = self._stem_flood(now_ns)
        for item in self._at_twin.take_expired(now_ns):
            actions += self._go(item.stamp_ns, item.node, self._authority.weigh(item.ruling, None), now_ns)
        for item in self._at_person.take_expired(now_ns):
            reason = f"nobody answered within {self._governance.pending_timeout_s:g} s"
            actions += self._end(item, Outcome.EXPIRED, reason)
        return actions

    def on_applied(self, done: Apply, error: str, now_ns: int) -> list[Action]:
        """Closes an `Apply`: `error` is empty where the node took the values."""
        if error:
            return [Verdict(done.stamp_ns, done.node, Outcome.FAILED, done.parameters, done.actor, error)]
        self._authority.note_applied(done.node, done.parameters, now_ns)
        for name, value in done.parameters.items():
            self.note_value(done.node, name, value)
            if done.outcome is not Outcome.FALLBACK:
                self._authorised[done.node][name] = value
        return [Verdict(done.stamp_ns, done.node, done.outcome, done.parameters, done.actor, done.reason)]

    def fall_back(self, now_ns: int, reason: str) -> list[Action]:
        """Brings every governed node to its safe set, remembering what was in force."""
        if self.has_fallen_back:
            return []
        actions: list[Action] = []
        for node, values in self.current.items():
            if node == STAGE_NODE:
                continue
            safe = {name: value for name, value in self._governance.safe_values(node).items() if name in values}
            self._before_fallback[node] = {name: values[name] for name in safe}
            changes = {name: value for name, value in safe.items() if value != values[name]}
            if changes:
                actions.append(Apply(now_ns, node, changes, ALONE, Outcome.FALLBACK, reason))
        for room in (self._at_twin, self._at_person):
            for item in room:
                room.take(item.stamp_ns)
                actions += self._end(item, Outcome.REFUSED, reason)
        return actions

    def restore(self, now_ns: int, reason: str) -> list[Action]:
        """Brings back what was in force before `fall_back`: it had been authorised."""
        actions: list[Action] = []
        for node, values in self._before_fallback.items():
            changes = {name: value for name, value in values.items() if value != self.current[node].get(name)}
            if changes:
                actions.append(Apply(now_ns, node, changes, ALONE, Outcome.RESTORED, reason))
        self._before_fallback = {}
        return actions

    def on_cycle(self, is_clean: bool, now_ns: int) -> list[Action]:
        """Takes in a finished cycle, clean where no part was lost; a canary's are of two sets and vouch for none."""
        if self.has_fallen_back or self.current.get(STAGE_NODE, {}).get(STAGE) == CANARY:
            return []
        if not self.known_good.note_cycle(is_clean, self.current):
            return []
        reason = "the last known good set from now on"
        return [
            Verdict(now_ns, node, Outcome.VOUCHED, dict(values), ALONE, reason)
            for node, values in self.known_good.values.items()
        ]

    def roll_back(self, stamp_ns: int, actor: str, reason: str, stage: float = 0.0) -> list[Action]:
        """Brings the last known good set back at once, and the policy on trial down to `stage`.

        The set was in force with authority before, so that neither step nor twin nor person is asked.
        """
        actions: list[Action] = []
        if self.current.get(STAGE_NODE, {}).get(STAGE, 0.0) > stage:
            actions.append(Apply(stamp_ns, STAGE_NODE, {STAGE: stage}, actor, Outcome.ROLLED_BACK, reason))
        for room in (self._at_twin, self._at_person):
            for item in room:
                if item.node == STAGE_NODE or item.node in self.known_good.values:
                    room.take(item.stamp_ns)
                    actions += self._end(item, Outcome.REFUSED, f"rolled back: {reason}")
        if self.has_fallen_back:
            # The safe set stays until what went quiet is back; then this is what comes back.
            for node, values in self.known_good.values.items():
                self._before_fallback[node] = {**self._before_fallback.get(node, {}), **values}
            return actions
        for node, changes in self.known_good.differences(self.current).items():
            actions.append(Apply(stamp_ns, node, changes, actor, Outcome.ROLLED_BACK, reason))
        return actions

    def reinstate(self, node: str, now_ns: int) -> list[Action]:
        """Gives a node that started again what had been authorised, or the safe set while that is in force."""
        self._declared_ns.pop(node, None)
        wanted = self._governance.safe_values(node) if self.has_fallen_back else self._authorised[node]
        current = self.current[node]
        changes = {name: value for name, value in wanted.items() if current.get(name, value) != value}
        if not changes:
            return []
        outcome = Outcome.FALLBACK if self.has_fallen_back else Outcome.REINSTATED
        return [Apply(now_ns, node, changes, ALONE, outcome, f"{node} has started again")]

    def _is_demotion(self, node: str, proposed: Mapping[str, object]) -> bool:
        wanted, current = proposed.get(STAGE), self.current.get(STAGE_NODE, {}).get(STAGE)
        if node != STAGE_NODE or current is None or isinstance(wanted, bool) or not isinstance(wanted, int | float):
            return False
        return 0.0 <= wanted < current

    def _stem_flood(self, now_ns: int) -> list[Action]:
        """Turned away proposals are told of together; whoever sends so many is not in his right mind."""
        count = self._flood.take()
        if not count:
            return []
        reason = f"{count} proposals more than are taken in a second were turned away"
        told = Verdict(now_ns, STAGE_NODE, Outcome.REFUSED, {}, ALONE, reason)
        return [told, *self.roll_back(now_ns, ALONE, reason)]

    def _wait_for_twin(self, stamp_ns: int, node: str, ruling: Ruling, now_ns: int) -> list[Action]:
        expires_ns = now_ns + round(self._governance.twin_timeout_s * NS_PER_S)
        moot = self._at_twin.put(Waiting(stamp_ns, node, ruling, expires_ns))
        return [action for item in moot for action in self._end(item, Outcome.SUPERSEDED, "a newer proposal came")]

    def _go(self, stamp_ns: int, node: str, ruling: Ruling, now_ns: int) -> list[Action]:
        reason = "; ".join((ruling.reason, *ruling.clipped))
        if ruling.route is Route.REFUSE:
            return [Verdict(stamp_ns, node, Outcome.REFUSED, ruling.parameters, ALONE, reason)]
        if ruling.route is Route.ASK_PERSON:
            return self._ask_person(stamp_ns, node, ruling, now_ns, reason)
        outcome = Outcome.CLIPPED if ruling.clipped else Outcome.APPLIED
        return [Apply(stamp_ns, node, ruling.parameters, ALONE, outcome, reason)]

    def _ask_person(self, stamp_ns: int, node: str, ruling: Ruling, now_ns: int, reason: str) -> list[Action]:
        expires_ns = now_ns + round(self._governance.pending_timeout_s * NS_PER_S)
        moot = self._at_person.put(Waiting(stamp_ns, node, ruling, expires_ns))
        ended = [action for item in moot for action in self._end(item, Outcome.SUPERSEDED, "a newer proposal came")]
        asked = Verdict(stamp_ns, node, Outcome.PENDING, ruling.parameters, ALONE, reason)
        return [*ended, OpenPending(stamp_ns), asked]

    def _end(self, item: Waiting, outcome: Outcome, reason: str) -> list[Action]:
        verdict = Verdict(item.stamp_ns, item.node, outcome, item.ruling.parameters, ALONE, reason)
        return [ClosePending(item.stamp_ns), verdict]
