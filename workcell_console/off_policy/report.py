"""A comparison with another policy, in lines of text and as JSON. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from workcell_console.off_policy.cycles import NS_PER_S, LoggedCycle
from workcell_console.off_policy.estimate import LEVEL, Estimate, OutcomeModel, estimate


@dataclass(frozen=True)
class BagReport:
    """One bag's cycles beside those that another policy would have had."""

    name: str
    start_ns: int
    cycles: tuple[LoggedCycle, ...]
    gains: tuple[tuple[float, float], ...]
    """Per cycle, what the regression alone expects of the change: margin in EUR, time in s."""
    estimate: Estimate


@dataclass(frozen=True)
class OffPolicyReport:
    """What another policy would have earned in recorded shifts."""

    policy: str
    bags: tuple[BagReport, ...]
    total: Estimate


def compare(
    policy: str,
    bags: Sequence[tuple[str, int, Sequence[LoggedCycle]]],
    envelopes: dict[str, tuple[float, float]],
    seed: int = 0,
) -> OffPolicyReport:
    """Estimates bag by bag and in total, each from the cycles of all bags.

    Args:
        policy: What was tried, for the reader.
        bags: Name, start and cycles of each.
        envelopes: Low and high of the parameters that are actions.
        seed: Of the bootstrap.

    Raises:
        ValueError: no cycle has one set of parameters all through.
    """
    everything = [cycle for _, _, cycles in bags for cycle in cycles]
    model = OutcomeModel(everything, envelopes)
    rng = np.random.default_rng(seed)
    reports = []
    for name, start_ns, cycles in bags:
        if cycles:
            change = model.foreseen(cycles, tried=True) - model.foreseen(cycles, tried=False)
            gains = tuple((float(eur), float(time_s)) for eur, time_s in change)
            reports.append(BagReport(name, start_ns, tuple(cycles), gains, estimate(model, cycles, rng)))
    return OffPolicyReport(policy, tuple(reports), estimate(model, everything, rng))


def cycle_lines(bag: BagReport) -> Iterator[str]:
    """Yields a line for each run of cycles in which the same parameters would have been others in the same way."""
    told = ((_changes(cycle), index) for index, cycle in enumerate(bag.cycles))
    for changes, run in groupby(told, key=itemgetter(0)):
        if changes:
            numbers = [index for _, index in run]
            eur, time_s = np.mean([bag.gains[index] for index in numbers], axis=0)
            expected = f"expected {1e3 * eur:+.2f} mEUR and {time_s:+.2f} s" + (" each" if len(numbers) > 1 else "")
            yield f"{_which(bag, numbers)}: {changes}; {expected}"


def _changes(cycle: LoggedCycle) -> str:
    names = cycle.differing()
    return ", ".join(f"{name} {cycle.recorded[name]:.4g} -> {cycle.tried[name]:.4g}" for name in names)


def _which(bag: BagReport, numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    ends_s = [f"{(bag.cycles[index].stop_ns - bag.start_ns) / NS_PER_S:.1f}" for index in (first, last)]
    if first == last:
        return f"cycle {first + 1} at {ends_s[0]} s"
    return f"cycles {first + 1} to {last + 1} at {ends_s[0]} to {ends_s[1]} s"


def sentence(policy: str, found: Estimate) -> str:
    """Returns an estimate in words, with what it comes to."""
    share = f"{found.differing} of {found.cycles} cycles would have had other parameters"
    recorded = f"recorded {found.recorded_eur_per_h:.2f} EUR/h"
    if found.refusal:
        return f"{share}; {recorded}; what {policy} would have earned cannot be said: {found.refusal}"
    interval = f"{LEVEL:.0%} interval {found.low_eur_per_h:.2f} to {found.high_eur_per_h:.2f}"
    basis = f"from what equals {found.ess:.0f} recorded cycles near it (ESS)"
    earned = f"{policy} would have earned {found.eur_per_h:.2f} EUR/h ({interval}), {basis}"
    return f"{share}; {recorded}; {earned}: {_judged(found)}"


def _judged(found: Estimate) -> str:
    if found.low_eur_per_h > found.recorded_eur_per_h:
        return "better than recorded"
    if found.high_eur_per_h < found.recorded_eur_per_h:
        return "worse than recorded"
    return "not to be told from what was recorded"


def to_json(report: OffPolicyReport) -> dict[str, Any]:
    """Returns all of it, JSON-ready: what is not known is None."""
    return {
        "policy": report.policy,
        "total": _finite(asdict(report.total)),
        "bags": [
            {
                "bag": bag.name,
                "estimate": _finite(asdict(bag.estimate)),
                "cycles": [
                    {
                        "at_s": (cycle.stop_ns - bag.start_ns) / NS_PER_S,
                        "recorded": dict(cycle.recorded),
                        "tried": dict(cycle.tried),
                        "eur": cycle.eur,
                        "time_s": cycle.time_s,
                        "expected_gain_eur": eur,
                        "expected_longer_s": time_s,
                    }
                    for cycle, (eur, time_s) in zip(bag.cycles, bag.gains, strict=True)
                ],
            }
            for bag in report.bags
        ],
    }


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {key: None if isinstance(item, float) and not math.isfinite(item) else item for key, item in values.items()}
