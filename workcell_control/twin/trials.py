"""Which forks to run for which proposal, and when a forecast is complete. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.governance.rules import Governance, TwinUse
from workcell_control.twin.forecast import ForkCycle
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition

WAITING_MAX = 4
"""Proposals that may wait for a fork; of more the oldest is dropped: the governor does not wait for it either."""

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
    """Runs one trial after another on one fork; a baseline is kept while nothing changed."""

    def __init__(self, seed: int, duration_s: float) -> None:
        self._seed = seed
        self._duration_s = duration_s
        self._waiting: deque[Trial] = deque(maxlen=WAITING_MAX)
        self._trial: Trial | None = None
        self._baseline_request: ForkRequest | None = None
        self._baseline: list[ForkCycle] | None = None
        self._asked: list[ForkRequest] = []
        self._last: list[ForkCycle] = []
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
        baseline = ForkRequest(condition, self._trial.in_force, self._seed, self._duration_s)
        if baseline != self._baseline_request:
            self._baseline_request, self._baseline = baseline, None
            self._asked.append(baseline)
        if self._trial.stamp_ns:
            self._asked.append(ForkRequest(condition, self._trial.proposed, self._seed, self._duration_s))
        return list(self._asked)

    def take(self, cycles: list[ForkCycle]) -> None:
        """Takes in the fork's next answer."""
        request = self._asked.pop(0)
        if request == self._baseline_request:
            self._baseline = cycles
        self._last = cycles

    def finished(self) -> Result | None:
        """Returns the running trial once all its answers are there."""
        if self._trial is None or self._asked or self._baseline is None:
            return None
        trial, self._trial = self._trial, None
        proposed = self._last if trial.stamp_ns else self._baseline
        return Result(trial, self._baseline, proposed)

    def forget(self) -> None:
        """Gives up everything: the fork was lost."""
        self._trial, self._baseline_request, self._baseline = None, None, None
        self._asked.clear()
        self._waiting.clear()


def asks_twin(governance: Governance, node: str, proposed: Mapping[str, float], in_force: Mapping[str, float]) -> bool:
    """Returns whether the governor will wait for a forecast on this change."""
    for name, value in proposed.items():
        rule = governance.rule(node, name)
        if rule is None or rule.twin is TwinUse.NONE or name not in in_force:
            continue
        if not rule.is_towards_safety(in_force[name], value):
            return True
    return False
