"""Which forks to run for which proposal, and when a forecast is complete. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.governance.rules import Direction, Governance, Rule, TwinUse
from workcell_control.twin.answers import Answer, Answers, Known, Rules
from workcell_control.twin.forecast import ForkCycle
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition

WAITING_MAX = 4
"""Proposals that may wait for a fork; of more the oldest is dropped: the governor does not wait for it either."""

BOLDER_SHARE = 0.25
"""How much further than proposed is tried first: where that runs smoothly, it answers for the next steps as well."""

Parameters = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Trial:
    """A proposal to try against what is in force. Stamp 0 is the regular forecast: in force only."""

    stamp_ns: int
    in_force: Parameters
    proposed: Parameters


@dataclass(frozen=True)
class Result:
    """What is known of both sides of a trial; for the regular forecast they are one."""

    trial: Trial
    in_force: Known
    proposed: Known


@dataclass
class _Running:
    """The trial that is being worked on."""

    trial: Trial
    in_force: ForkRequest
    proposed: ForkRequest
    bolder: ForkRequest | None
    """To be tried first."""
    found_in_force: Known | None = None
    found_proposed: Known | None = None


class Trials:
    """Runs one trial after another on one fork; what was answered before is not asked again.

    The fork of a proposal that was accepted is the baseline of the next one, also once the leak has shrunk or the parts
    have become lighter: what ran smoothly does so under easier conditions, too. Policies step towards what they want,
    so first something bolder than the proposal is tried, under conditions somewhat harder. Where that runs smoothly,
    this step and those that follow lie between two trials; where it does not, the proposal itself is tried.

    Args:
        rules: which way of changing each parameter makes the cell gentler; nothing bolder is tried without.
    """

    def __init__(self, seed: int, duration_s: float, rules: Rules | None = None) -> None:
        self._seed = seed
        self._duration_s = duration_s
        self._rules = rules or {}
        self._waiting: deque[Trial] = deque(maxlen=WAITING_MAX)
        self._running: _Running | None = None
        self._asked: deque[ForkRequest] = deque()
        self._answers = Answers(self._rules)
        self.dropped = 0

    def add(self, trial: Trial) -> None:
        """Queues a trial."""
        self.dropped += len(self._waiting) == WAITING_MAX
        self._waiting.append(trial)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being tried or waits."""
        return self._running is None and not self._waiting

    @property
    def is_waiting_for_fork(self) -> bool:
        """Whether an answer of the fork is due."""
        return bool(self._asked)

    def next_requests(self, condition: Condition) -> list[ForkRequest]:
        """Returns what to ask the fork next: for the trial under way, or for the next where none is."""
        if self._running is None and self._waiting:
            self._running = self._begin(self._waiting.popleft(), condition)
        if self._running is not None and not self._asked:
            self._asked.extend(self._missing(self._running))
            return list(self._asked)
        return []

    def take(self, cycles: list[ForkCycle]) -> None:
        """Takes in the fork's next answer."""
        self._answers.add(Answer(self._asked.popleft(), cycles))
        if self._running is not None and not self._asked:
            self._look_up(self._running)

    def finished(self) -> Result | None:
        """Returns the trial under way once all is known that it needs."""
        running = self._running
        if running is None or running.found_in_force is None or running.found_proposed is None:
            return None
        self._running = None
        return Result(running.trial, running.found_in_force, running.found_proposed)

    def forget(self) -> None:
        """Gives up what is asked and waits: the fork was lost. What it has answered holds."""
        self._running = None
        self._asked.clear()
        self._waiting.clear()

    def _begin(self, trial: Trial, condition: Condition) -> _Running:
        # The same seed for both: what differs is the parameters alone.
        in_force = ForkRequest(condition, trial.in_force, self._seed, self._duration_s)
        proposed = ForkRequest(condition, trial.proposed, self._seed, self._duration_s)
        bolder = self._bolder_than(trial)
        request = ForkRequest(condition.harder(), bolder, self._seed, self._duration_s) if bolder else None
        running = _Running(trial, in_force, proposed, request)
        self._look_up(running)
        return running

    def _look_up(self, running: _Running) -> None:
        """Takes what is known of both sides; what lies between two trials may agree to a proposal, no more.

        Where that speaks against it, the proposal itself is tried.
        """
        in_force, proposed = self._answers.find(running.in_force), self._answers.find(running.proposed)
        is_against = (
            in_force is not None and proposed is not None and proposed.is_between and _slower(proposed, in_force)
        )
        running.found_in_force, running.found_proposed = in_force, None if is_against else proposed

    def _missing(self, running: _Running) -> list[ForkRequest]:
        """Returns what has to be asked next for a trial, nothing where all is known."""
        if running.found_in_force is not None and running.found_proposed is not None:
            return []
        bolder = running.bolder if running.found_proposed is None else None
        if bolder is not None and self._answers.is_hopeless(bolder):
            bolder = None
        if bolder is not None and self._answers.find(bolder) is None:
            return [bolder]
        if running.found_in_force is not None:
            return [running.proposed]
        # Below what runs smoothly the proposal lies between two trials as soon as what is in force is known.
        is_one = bolder is not None or running.found_proposed is not None or running.in_force == running.proposed
        return [running.in_force] if is_one else [running.in_force, running.proposed]

    def _bolder_than(self, trial: Trial) -> Parameters:
        """Returns figures bolder than both sides of a trial; empty where nothing bolder is proposed.

        What the twin is asked about goes further yet, whether this proposal changes it or the next one will.
        """
        bolder = {node: dict(values) for node, values in trial.proposed.items()}
        is_wanted = False
        for node, name, rule in self._directed(bolder):
            value, current = bolder[node][name], trial.in_force.get(node, {}).get(name, bolder[node][name])
            is_gentler = rule.is_towards_safety(current, value)
            boldest = current if is_gentler else value
            is_asked = rule.twin is not TwinUse.NONE
            bolder[node][name] = _further(rule, boldest) if is_asked else boldest
            is_wanted = is_wanted or (is_asked and not is_gentler and bolder[node][name] != value)
        return bolder if is_wanted else {}

    def _directed(self, parameters: Parameters) -> list[tuple[str, str, Rule]]:
        """Node, name and rule of each parameter that has a gentler direction."""
        rules = [
            (node, name, self._rules.get(node, {}).get(name)) for node, values in parameters.items() for name in values
        ]
        return [
            (node, name, rule) for node, name, rule in rules if rule is not None and rule.safer is not Direction.NONE
        ]


def _further(rule: Rule, value: float) -> float:
    """Returns a bolder value than this one, within the envelope."""
    if rule.safer is Direction.DOWN:
        return min(value * (1.0 + BOLDER_SHARE), rule.high)
    return max(value * (1.0 - BOLDER_SHARE), rule.low)


def _slower(one: Known, other: Known) -> bool:
    """Whether cycles take longer on average."""
    times_s = [sum(item.cycle_time_s for item in known.cycles) / max(len(known.cycles), 1) for known in (one, other)]
    return times_s[0] > times_s[1]


def change_of(
    governance: Governance, node: str, proposed: Mapping[str, float], in_force: Mapping[str, float]
) -> dict[str, float]:
    """Returns what would become of a proposal at the governor: clipped as it does, without what stays as it is."""
    change = {}
    for name, value in proposed.items():
        rule = governance.rule(node, name)
        if rule is not None and name in in_force:
            clipped = rule.clip(in_force[name], value)
            if clipped != in_force[name]:
                change[name] = clipped
    return change


def asks_twin(governance: Governance, node: str, proposed: Mapping[str, float], in_force: Mapping[str, float]) -> bool:
    """Returns whether the governor will wait for a forecast on this change, clipped already."""
    for name, value in proposed.items():
        rule = governance.rule(node, name)
        if rule is None or rule.twin is TwinUse.NONE or name not in in_force:
            continue
        if not rule.is_towards_safety(in_force[name], value):
            return True
    return False
