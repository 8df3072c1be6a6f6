"""Which forks to run for which proposal, and when a forecast is complete. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.governance.rules import Governance, TwinUse
from workcell_control.twin.forecast import ForkCycle
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition

WAITING_MAX = 4
"""Proposals that may wait for a fork; of more the oldest is dropped: the governor does not wait for it either."""

ANSWERS_MAX = 64
"""Answers of the fork that are kept."""

Parameters = dict[str, dict[str, float]]


@dataclass(frozen=True)
class Trial:
    """A proposal to try against what is in force. Stamp 0 is the regular forecast: in force only."""

    stamp_ns: int
    in_force: Parameters
    proposed: Parameters


@dataclass(frozen=True)
class Result:
    """Both forks of a trial; for the regular forecast they are one."""

    trial: Trial
    baseline: list[ForkCycle]
    proposed: list[ForkCycle]


class Trials:
    """Runs one trial after another on one fork; what was answered before is not asked again.

    The fork of a proposal that was accepted is the baseline of the next one.
    """

    def __init__(self, seed: int, duration_s: float) -> None:
        self._seed = seed
        self._duration_s = duration_s
        self._waiting: deque[Trial] = deque(maxlen=WAITING_MAX)
        self._trial: Trial | None = None
        self._needed: tuple[str, str] = ("", "")
        self._asked: list[ForkRequest] = []
        self._answers: OrderedDict[str, list[ForkCycle]] = OrderedDict()
        self.dropped = 0

    def add(self, trial: Trial) -> None:
        """Queues a trial."""
        self.dropped += len(self._waiting) == WAITING_MAX
        self._waiting.append(trial)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being tried or waits."""
        return self._trial is None and not self._waiting

    @property
    def is_waiting_for_fork(self) -> bool:
        """Whether an answer of the fork is due."""
        return bool(self._asked)

    def next_requests(self, condition: Condition) -> list[ForkRequest]:
        """Starts the next trial where none is running and returns what to ask the fork."""
        if self._trial is not None or not self._waiting:
            return []
        self._trial = self._waiting.popleft()
        # The same seed for both: what differs is the parameters alone.
        baseline, proposed = (
            ForkRequest(condition, parameters, self._seed, self._duration_s)
            for parameters in (self._trial.in_force, self._trial.proposed)
        )
        self._needed = (baseline.key, proposed.key)
        for request in (baseline, proposed):
            if request.key in self._answers:
                self._answers.move_to_end(request.key)
            elif request not in self._asked:
                self._asked.append(request)
        return list(self._asked)

    def take(self, cycles: list[ForkCycle]) -> None:
        """Takes in the fork's next answer."""
        self._answers[self._asked.pop(0).key] = cycles
        while len(self._answers) > ANSWERS_MAX:
            self._answers.popitem(last=False)

    def finished(self) -> Result | None:
        """Returns the running trial once all its answers are there."""
        if self._trial is None or self._asked:
            return None
        trial, self._trial = self._trial, None
        return Result(trial, *(self._answers[key] for key in self._needed))

    def forget(self) -> None:
        """Gives up what is asked and waits: the fork was lost. What it has answered holds."""
        self._trial = None
        self._asked.clear()
        self._waiting.clear()


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
