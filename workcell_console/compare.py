"""The same shifts with and without the policy, seed by seed, in virtual time."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

FIGURES = ("good_parts_per_hour", "drops", "escapes", "false_rejects", "energy_per_good_part_j", "parts")


@dataclass(frozen=True)
class Pair:
    """One seed's shift with the policy and with fixed parameters."""

    seed: int
    policy: dict[str, float]
    fixed: dict[str, float]

    @property
    def is_better(self) -> bool:
        """More good parts per hour at no more drops and no more escapes."""
        more = self.policy["good_parts_per_hour"] > self.fixed["good_parts_per_hour"]
        no_worse = all(self.policy[name] <= self.fixed[name] for name in ("drops", "escapes"))
        return more and no_worse


@dataclass(frozen=True)
class Comparison:
    """All pairs of one scenario."""

    scenario: str
    duration_s: float
    pairs: tuple[Pair, ...]

    @property
    def wins(self) -> int:
        """In how many seeds the policy was better."""
        return sum(pair.is_better for pair in self.pairs)

    def sentence(self) -> str:
        """Says what the figures say, whichever way they went."""
        if not self.pairs:
            return "No comparison was made."
        share = f"{self.wins} of {len(self.pairs)} seed{'s' if len(self.pairs) > 1 else ''}"
        if self.wins == 0:
            return f"The policy did not beat the fixed parameters in any of {len(self.pairs)} seed(s)."
        low, high = self.win_interval()
        return (
            f"In {share} the policy made more good parts per hour at no more drops and escapes "
            f"(mean change over all seeds {self.mean_gain:+.1%}; "
            f"95 % interval for the share of such shifts {low:.0%} to {high:.0%})."
        )

    def win_interval(self) -> tuple[float, float]:
        """Exact 95 % interval of the share of shifts in which the policy is better (Clopper and Pearson 1934)."""
        # Needed once, at the end: not worth a second at every start.
        from scipy.stats import binomtest

        interval = binomtest(self.wins, len(self.pairs)).proportion_ci(0.95, method="exact")
        return float(interval.low), float(interval.high)

    @property
    def mean_gain(self) -> float:
        """Mean relative change of good parts per hour over all seeds; infinite where a fixed run made none."""
        gains = [
            pair.policy["good_parts_per_hour"] / pair.fixed["good_parts_per_hour"] - 1.0
            if pair.fixed["good_parts_per_hour"] > 0.0
            else math.inf
            for pair in self.pairs
        ]
        return sum(gains) / len(gains)

    def to_json(self) -> dict[str, Any]:
        """Returns JSON-ready values."""
        return {
            "scenario": self.scenario,
            "duration_s": self.duration_s,
            "pairs": [asdict(item) for item in self.pairs],
        }


def comparison_from_json(data: dict[str, Any]) -> Comparison:
    """Reads what `to_json` wrote."""
    pairs = tuple(Pair(item["seed"], item["policy"], item["fixed"]) for item in data["pairs"])
    return Comparison(data["scenario"], data["duration_s"], pairs)


def pair_of(seed: int, policy: dict[str, Any], fixed: dict[str, Any]) -> Pair:
    """Returns the pair of two runs' results."""
    return Pair(
        seed,
        {name: _number(policy["summary"][name]) for name in FIGURES},
        {name: _number(fixed["summary"][name]) for name in FIGURES},
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
