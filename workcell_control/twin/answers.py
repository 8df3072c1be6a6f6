"""What the fork has answered, and what else those answers tell. Pure.

An answer serves its own request, the same figures under easier conditions, and figures between two that were tried.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from workcell_control.governance.rules import Direction, Rule
from workcell_control.twin.forecast import ForkCycle, is_settled
from workcell_control.twin.fork import ForkRequest

ANSWERS_MAX = 64
"""Answers of the fork that are kept."""

EXPOSURE = "exposure_s"
EXPOSURES_ALIKE = 1.25
"""Ratio of exposures up to which one image is blurred like the other."""
BRIGHTNESS_ALIKE = 1.25
"""Ratio of brightness up to which one image is judged like the other: the mirror tells light no finer."""

Rules = Mapping[str, Mapping[str, Rule]]
"""What `governance.yaml` says, by node and parameter."""


@dataclass(frozen=True)
class Answer:
    """What a fork answered to a request."""

    request: ForkRequest
    cycles: list[ForkCycle]

    @property
    def is_smooth(self) -> bool:
        """Whether every part was good and cycles repeat themselves."""
        return is_settled(self.cycles)

    @property
    def cycle_time_s(self) -> float:
        """Mean over the cycles."""
        return sum(item.cycle_time_s for item in self.cycles) / len(self.cycles)


@dataclass(frozen=True)
class Known:
    """Cycles that are known for a request, and where from."""

    cycles: list[ForkCycle]
    basis: str = ""
    """Names the trials that they lie between; empty where this very request, or a harder one, was tried."""

    @property
    def is_between(self) -> bool:
        """Whether no trial was run for it, but some around it were."""
        return bool(self.basis)


class Answers:
    """The newest answers of the fork.

    Args:
        rules: which way of changing each parameter makes the cell gentler.
    """

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._answers: OrderedDict[str, Answer] = OrderedDict()

    def add(self, answer: Answer) -> None:
        """Keeps an answer; the one that served longest ago gives way."""
        self._answers[answer.request.key] = answer
        while len(self._answers) > ANSWERS_MAX:
            self._answers.popitem(last=False)

    def find(self, request: ForkRequest) -> Known | None:
        """Returns what is known of a request, None where nothing is."""
        answer = self._answers.get(request.key) or next(self._serving(request), None)
        if answer is None:
            return self._between(request)
        self._answers.move_to_end(answer.request.key)
        return Known(answer.cycles)

    def is_hopeless(self, request: ForkRequest) -> bool:
        """Whether figures no bolder did not run smoothly under conditions no harder."""
        return any(
            not answer.is_smooth
            and _looks_alike(answer.request, request)
            and _is_no_harder(answer.request, request)
            and self._is_no_bolder(answer.request, request)
            for answer in self._answers.values()
        )

    def _serving(self, request: ForkRequest) -> Iterator[Answer]:
        """The answers to the same figures under conditions no easier, newest first."""
        return (
            answer
            for answer in reversed(self._answers.values())
            if answer.is_smooth
            and _is_no_harder(request, answer.request)
            and _looks_alike(answer.request, request)
            and _figures(answer.request) == _figures(request)
        )

    def _between(self, request: ForkRequest) -> Known | None:
        """Returns what two trials tell of figures between theirs.

        The bolder trial is bolder in every figure, under conditions no easier, and lost no part: what is gentler under
        easier conditions loses none. The gentler one, under whatever condition, says how long cycles take at most.
        Of several pairs the one is taken whose cycles differ least.
        """
        alike = [item for item in self._answers.values() if item.is_smooth and _looks_alike(item.request, request)]
        gentler = [item for item in alike if self._is_no_bolder(item.request, request)]
        bolder = [
            item for item in alike if _is_no_harder(request, item.request) and self._is_no_bolder(request, item.request)
        ]
        pairs = [pair for pair in product(gentler, bolder) if _holds_between(pair[0].request, request, pair[1].request)]
        if not pairs:
            return None
        low, high = min(pairs, key=lambda pair: abs(pair[1].cycle_time_s - pair[0].cycle_time_s))
        share = _share_of_way(low.request, request, high.request)
        for answer in (low, high):
            self._answers.move_to_end(answer.request.key)
        return Known(_mixed(low.cycles, high.cycles, share), _basis(low.request, high.request))

    def _is_no_bolder(self, one: ForkRequest, other: ForkRequest) -> bool:
        """Whether `one` is at least as gentle as `other` in every figure that has a gentler direction."""
        ours, theirs = _figures(one), _figures(other)
        return ours.keys() == theirs.keys() and all(
            self._is_gentle_enough(key, theirs[key], value) for key, value in ours.items()
        )

    def _is_gentle_enough(self, key: tuple[str, str], bold: float, value: float) -> bool:
        rule = self._rules.get(key[0], {}).get(key[1])
        return rule is None or rule.safer is Direction.NONE or rule.is_towards_safety(bold, value)


def _is_no_harder(one: ForkRequest, other: ForkRequest) -> bool:
    """Whether leak and mass of `one` are at most those of `other`, all else that a trial depends on being equal."""
    is_easier = one.condition.leak <= other.condition.leak and one.condition.mass <= other.condition.mass
    return is_easier and (one.seed, one.duration_s) == (other.seed, other.duration_s)


def _looks_alike(one: ForkRequest, other: ForkRequest) -> bool:
    """Whether the boards look alike: light differs at most by what the exposure makes up for."""
    lights = [item.condition.light for item in (one, other)]
    exposures_s = [item.parameters.get("inspection", {}).get(EXPOSURE, 0.0) for item in (one, other)]
    bright = [light * exposure_s for light, exposure_s in zip(lights, exposures_s, strict=True)]
    return (lights[0] == lights[1] or min(exposures_s) > 0.0) and (
        max(exposures_s) <= EXPOSURES_ALIKE * min(exposures_s) and max(bright) <= BRIGHTNESS_ALIKE * min(bright)
    )


def _figures(request: ForkRequest) -> dict[tuple[str, str], float]:
    """All parameters but the exposure, by node and name."""
    return {
        (node, name): value
        for node, values in request.parameters.items()
        for name, value in values.items()
        if (node, name) != ("inspection", EXPOSURE)
    }


def _holds_between(low: ForkRequest, middle: ForkRequest, high: ForkRequest) -> bool:
    """Whether every figure lies between those of two others."""
    lows, highs = _figures(low), _figures(high)
    return all(
        min(lows[key], highs[key]) <= value <= max(lows[key], highs[key]) for key, value in _figures(middle).items()
    )


def _share_of_way(low: ForkRequest, middle: ForkRequest, high: ForkRequest) -> float:
    """How far `middle` lies on the way, 0 at `low` and 1 at `high`: the mean over the figures that differ."""
    lows, highs = _figures(low), _figures(high)
    shares = [
        (value - lows[key]) / (highs[key] - lows[key])
        for key, value in _figures(middle).items()
        if lows[key] != highs[key]
    ]
    return sum(shares) / len(shares) if shares else 0.0


def _mixed(low: list[ForkCycle], high: list[ForkCycle], share: float) -> list[ForkCycle]:
    """Cycles between two smooth rows of them."""
    return [
        replace(
            one,
            cycle_time_s=one.cycle_time_s + share * (other.cycle_time_s - one.cycle_time_s),
            energy_j=one.energy_j + share * (other.energy_j - one.energy_j),
        )
        for one, other in zip(low, high, strict=False)
    ]


def _basis(low: ForkRequest, high: ForkRequest) -> str:
    """Names the two trials by what differs."""
    lows, highs = _figures(low), _figures(high)
    ranges = [f"{key[1]} {lows[key]:g} and {highs[key]:g}" for key in lows if lows[key] != highs[key]]
    return f"between trials of {', '.join(ranges)}" if ranges else ""
