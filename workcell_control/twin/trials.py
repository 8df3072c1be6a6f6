"""Which forks to run for which proposal, and when a forecast is complete. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.governance.rules import Governance, TwinUse
from workcell_control.twin.forecast import ForkCycle, is_settled
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition

WAITING_MAX = 4
"""Proposals that may wait for a fork; of more the oldest is dropped: the governor does not wait for it either."""

ANSWERS_MAX = 64
"""Answers of the fork that are kept."""

EXPOSURE = "exposure_s"
EXPOSURES_ALIKE = 1.25
"""Ratio of exposures up to which one image is blurred like the other."""
BRIGHTNESS_ALIKE = 1.25
"""Ratio of brightness up to which one image is judged like the other: the mirror tells light no finer."""

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

    The fork of a proposal that was accepted is the baseline of the next one, also once the leak has shrunk or the parts
    have become lighter: what ran smoothly does so under easier conditions, too.
    """

    def __init__(self, seed: int, duration_s: float) -> None:
        self._seed = seed
        self._duration_s = duration_s
        self._waiting: deque[Trial] = deque(maxlen=WAITING_MAX)
        self._trial: Trial | None = None
        self._needed: tuple[ForkRequest, ...] = ()
        self._asked: list[ForkRequest] = []
        self._answers: OrderedDict[str, _Answer] = OrderedDict()
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
        both = (self._trial.in_force, self._trial.proposed)
        wanted = [ForkRequest(condition, parameters, self._seed, self._duration_s) for parameters in both]
        found = [self._answered(request) for request in wanted]
        self._needed = tuple(known or request for known, request in zip(found, wanted, strict=True))
        missing = [request for known, request in zip(found, wanted, strict=True) if known is None]
        self._asked = missing[:1] if missing[1:] == missing[:1] else missing
        return list(self._asked)

    def take(self, cycles: list[ForkCycle]) -> None:
        """Takes in the fork's next answer."""
        request = self._asked.pop(0)
        self._answers[request.key] = _Answer(request, cycles)
        while len(self._answers) > ANSWERS_MAX:
            self._answers.popitem(last=False)

    def finished(self) -> Result | None:
        """Returns the running trial once all its answers are there."""
        if self._trial is None or self._asked:
            return None
        trial, self._trial = self._trial, None
        baseline, proposed = (self._answers[request.key].cycles for request in self._needed)
        return Result(trial, baseline, proposed)

    def forget(self) -> None:
        """Gives up what is asked and waits: the fork was lost. What it has answered holds."""
        self._trial = None
        self._asked.clear()
        self._waiting.clear()

    def _answered(self, request: ForkRequest) -> ForkRequest | None:
        """Returns the request whose answer serves this one, too; None where there is none."""
        key = request.key
        if key not in self._answers:
            serving = (key for key, answer in reversed(self._answers.items()) if answer.serves(request))
            key = next(serving, "")
        if not key:
            return None
        self._answers.move_to_end(key)
        return self._answers[key].request


@dataclass(frozen=True)
class _Answer:
    """What a fork answered to a request."""

    request: ForkRequest
    cycles: list[ForkCycle]

    def serves(self, other: ForkRequest) -> bool:
        """Whether it answers a request for an easier condition."""
        mine = self.request
        is_easier = other.condition.leak <= mine.condition.leak and other.condition.mass <= mine.condition.mass
        is_same = (mine.seed, mine.duration_s) == (other.seed, other.duration_s)
        return is_easier and is_same and is_settled(self.cycles) and _looks_alike(mine, other)


def _looks_alike(one: ForkRequest, other: ForkRequest) -> bool:
    """Whether two requests differ at most in light that the exposure makes up for."""
    if _without_exposure(one.parameters) != _without_exposure(other.parameters):
        return False
    lights = [item.condition.light for item in (one, other)]
    exposures_s = [item.parameters.get("inspection", {}).get(EXPOSURE, 0.0) for item in (one, other)]
    bright = [light * exposure_s for light, exposure_s in zip(lights, exposures_s, strict=True)]
    return (lights[0] == lights[1] or min(exposures_s) > 0.0) and (
        max(exposures_s) <= EXPOSURES_ALIKE * min(exposures_s) and max(bright) <= BRIGHTNESS_ALIKE * min(bright)
    )


def _without_exposure(parameters: Parameters) -> Parameters:
    return {
        node: {name: value for name, value in values.items() if (node, name) != ("inspection", EXPOSURE)}
        for node, values in parameters.items()
    }


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
