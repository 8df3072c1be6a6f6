"""What parameters that were not in force would have earned in recorded cycles. Pure.

Each cycle is its own control: what it earned and took, and how much a regression of margin and time on parameters, part
and context expects the other parameters to change that. What no context tells (a worn gear, a stop) stays as it was in
that cycle, and needs no model. The interval is a block bootstrap's, of the regression and of the chance that the same
parts would have met with if run again. A regression extrapolates without a word: so there is an estimate only where
enough recorded cycles, by a kernel, had parameters like those tried under like surroundings (overlap; Dudik et al.,
Doubly Robust Policy Evaluation and Optimization, Statistical Science 2014, discusses why).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from workcell_console.off_policy.cycles import CONTEXT, FloatArray, LoggedCycle, actions, contexts, defects

BANDWIDTH: Final = 0.1
"""Of the kernel, as a share of a parameter's envelope: so far apart, two settings count as two thirds alike."""
SURROUNDINGS: Final = {"vacuum_ratio": 0.06, "light": 0.1}
"""Of the kernel too, as a share of the mean: what was done under a sound vacuum and in good light tells nothing of the
same under a leak or in the dark, however well a regression fits."""
COMPLAINT_WIDTH: Final = 0.3
"""Of the kernel: what a sound arm bore tells nothing of one that the monitor complained of."""
EXPOSURE: Final = "inspection.exposure_s"
BRIGHTNESS_WIDTH: Final = 0.1
"""Of the kernel as well, as a share: light times exposure is what the camera gets, and neither tells it alone."""
REACH: Final = 2.0
"""Beyond so many widths nothing is near: a thousand cycles that are far off do not make one that is."""
ESS_MIN: Final = 15.0
"""Effective number of recorded cycles near those tried below which the data cannot say."""
NEIGHBOURS_MIN: Final = 3.0
"""Recorded cycles, by kernel weight, that a tried one must have near itself to count as supported."""
SUPPORTED_MIN: Final = 0.8
"""Share of the tried cycles that must be supported."""
RIDGE: Final = 1.0
"""Penalty on standardised features: about one cycle's weight against a slope."""
UNPUNISHED: Final = 2
"""The constant, and whether the part was defective: which parts come is not the policy's doing."""
BLOCK_CYCLES: Final = 5
"""Cycles resampled together: what follows on one another is alike."""
REPLICATES: Final = 400
LEVEL: Final = 0.9
S_PER_H: Final = 3600.0


@dataclass(frozen=True)
class Estimate:
    """What the tried policy would have earned in the cycles asked about, or why that cannot be said.

    Attributes:
        cycles: How many are asked about.
        differing: In how many the parameters would have been others.
        recorded_eur_per_h: What was earned in them.
        eur_per_h: The estimate; with `low_eur_per_h` and `high_eur_per_h` as the ends of its 90 % interval.
        ess: Effective number of recorded cycles that speak of the tried parameters.
        supported: Share of the cycles with recorded ones near what would have been in force.
        refusal: Why there is no estimate; empty where there is one.
    """

    cycles: int
    differing: int
    recorded_eur_per_h: float
    eur_per_h: float
    low_eur_per_h: float
    high_eur_per_h: float
    ess: float
    supported: float
    refusal: str = ""


class OutcomeModel:
    """Ridge regression of margin and time on parameters, their squares, the part, and context.

    Args:
        cycles: To learn from; only steady ones are.
        envelopes: Low and high by parameter; others than these are no actions.

    Raises:
        ValueError: no cycle is steady.
    """

    def __init__(self, cycles: Sequence[LoggedCycle], envelopes: Mapping[str, tuple[float, float]]) -> None:
        self.steady = [cycle for cycle in cycles if cycle.is_steady]
        if not self.steady:
            raise ValueError("no cycle with one set of parameters all through")
        self.names = [name for name in envelopes if all(name in cycle.recorded for cycle in cycles)]
        self._spans = np.array([envelopes[name][1] - envelopes[name][0] for name in self.names])
        self._centre = actions(self.steady, self.names, tried=False).mean(axis=0)
        context = contexts(self.steady)
        self._places = [CONTEXT.index(name) for name in (*SURROUNDINGS, "complaint")]
        means = np.abs(context[:, self._places[:-1]]).mean(axis=0)
        widths = np.array(list(SURROUNDINGS.values())) * np.where(means > 0.0, means, np.inf)
        self._widths = np.append(widths, COMPLAINT_WIDTH)
        self._context_mean, self._context_sd = context.mean(axis=0), context.std(axis=0)
        self.features = self.features_of(self.steady, tried=False)
        self.outcomes = np.array([(cycle.eur, cycle.time_s) for cycle in self.steady])
        self.fitted = fit(self.features, self.outcomes, np.ones(len(self.steady)))
        self.residuals = self.outcomes - self.features @ self.fitted

    def features_of(self, cycles: Sequence[LoggedCycle], tried: bool) -> FloatArray:
        """Returns shape (cycles, k), of the cycles as they were, or as they would have been."""
        z = 4.0 * (actions(cycles, self.names, tried) - self._centre) / self._spans
        varied = np.where(self._context_sd > 1e-9, self._context_sd, 1.0)
        x = np.clip((contexts(cycles) - self._context_mean) / varied, -3.0, 3.0)
        return np.hstack([np.ones((len(z), 1)), defects(cycles), z, z**2, x])

    def foreseen(self, cycles: Sequence[LoggedCycle], tried: bool) -> FloatArray:
        """Returns shape (cycles, 2): margin in EUR and time in s that the regression alone expects."""
        return self.features_of(cycles, tried) @ self.fitted

    def nearness(self, cycles: Sequence[LoggedCycle], tried: bool) -> FloatArray:
        """Returns shape (cycles, n) in 0..1: how near each recorded steady cycle is in parameters and surroundings."""
        asked, known = self._scaled(cycles, tried), self._scaled(self.steady, tried=False)
        squares = ((asked[:, None, :] - known[None, :, :]) ** 2).sum(axis=2)
        return np.asarray(np.where(squares <= REACH**2, np.exp(-0.5 * squares), 0.0))

    def _scaled(self, cycles: Sequence[LoggedCycle], tried: bool) -> FloatArray:
        own, context = actions(cycles, self.names, tried), contexts(cycles)
        scaled = [own / (BANDWIDTH * self._spans), context[:, self._places] / self._widths]
        if EXPOSURE in self.names:
            brightness = context[:, CONTEXT.index("light")] * own[:, self.names.index(EXPOSURE)]
            scaled.append(np.log(np.maximum(brightness, 1e-9))[:, None] / BRIGHTNESS_WIDTH)
        return np.hstack(scaled)


def fit(features: FloatArray, outcomes: FloatArray, counts: FloatArray) -> FloatArray:
    """Returns ridge coefficients, shape (k, 2), of rows that count so often; the first features go unpunished."""
    penalty = RIDGE * np.eye(features.shape[1])
    penalty[:UNPUNISHED, :UNPUNISHED] = 1e-6 * np.eye(UNPUNISHED)
    weighted = features * counts[:, None]
    return np.asarray(np.linalg.solve(weighted.T @ features + penalty, weighted.T @ outcomes), dtype=float)


def estimate(
    model: OutcomeModel, asked: Sequence[LoggedCycle], rng: np.random.Generator, replicates: int = REPLICATES
) -> Estimate:
    """Estimates what the tried parameters would have earned in the cycles asked about.

    Args:
        model: Of the cycles to learn from; those asked about may be among them.
        asked: Cycles of which to tell, at least one.
        rng: Draws the bootstrap.
        replicates: Of the bootstrap.
    """
    near = model.nearness(asked, tried=True)
    density = model.nearness(model.steady, tried=False).sum(axis=1)
    weights = near.sum(axis=0) / density
    ess = float(weights.sum() ** 2 / max((weights**2).sum(), 1e-300))
    supported = float((near.sum(axis=1) >= NEIGHBOURS_MIN).mean())
    recorded = S_PER_H * sum(cycle.eur for cycle in asked) / sum(cycle.time_s for cycle in asked)
    differing = sum(bool(cycle.differing()) for cycle in asked)
    refusal = _refusal(ess, supported)
    if refusal:
        nothing = float("nan")
        return Estimate(len(asked), differing, recorded, nothing, nothing, nothing, ess, supported, refusal)
    change = model.features_of(asked, tried=True) - model.features_of(asked, tried=False)
    recorded_mean = np.mean([(cycle.eur, cycle.time_s) for cycle in asked], axis=0)
    expected = recorded_mean + (change @ model.fitted).mean(axis=0)
    draws = [_by_chance(model, recorded_mean, change.mean(axis=0), len(asked), rng) for _ in range(replicates)]
    low, high = np.quantile([_per_hour(draw) for draw in draws], [(1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0])
    return Estimate(len(asked), differing, recorded, _per_hour(expected), float(low), float(high), ess, supported)


def _refusal(ess: float, supported: float) -> str:
    if ess < ESS_MIN:
        return f"not enough overlap: ESS {ess:.1f} < {ESS_MIN:g}"
    if supported < SUPPORTED_MIN:
        return f"not enough overlap: {supported:.0%} of the cycles have recorded ones near, < {SUPPORTED_MIN:.0%}"
    return ""


def _by_chance(
    model: OutcomeModel, recorded: FloatArray, change: FloatArray, cycles: int, rng: np.random.Generator
) -> FloatArray:
    """Returns mean margin and time, shape (2,), as one bootstrap sample has it.

    Args:
        model: Of the recorded cycles.
        recorded: Mean margin and time of the cycles asked about, shape (2,).
        change: Mean change of their features, shape (k,).
        cycles: How many they are.
        rng: Draws the sample.
    """
    fitted = fit(model.features, model.outcomes, _block_counts(model.steady, rng))
    # What chance did to the recorded cycles, and would have done to them again.
    before, again = (_mean_residual(model, _block_counts(model.steady, rng)) for _ in range(2))
    scale = math.sqrt(len(model.steady) / cycles)
    return np.asarray(recorded + change @ fitted + (again - before) * scale, dtype=float)


def _mean_residual(model: OutcomeModel, counts: FloatArray) -> FloatArray:
    return np.asarray(counts @ model.residuals / counts.sum(), dtype=float)


def _block_counts(cycles: Sequence[LoggedCycle], rng: np.random.Generator) -> FloatArray:
    """Returns how often each cycle is in a resampled set of runs of cycles of one bag."""
    n = len(cycles)
    counts = np.zeros(n)
    starts = rng.integers(0, n, size=-(-n // BLOCK_CYCLES))
    for start in starts:
        for index in range(start, min(start + BLOCK_CYCLES, n)):
            if cycles[index].bag == cycles[start].bag:
                counts[index] += 1.0
    return counts


def _per_hour(mean: FloatArray) -> float:
    # A time that a regression puts at or below nothing would make any margin infinite.
    return float(S_PER_H * mean[0] / max(mean[1], 0.1))
