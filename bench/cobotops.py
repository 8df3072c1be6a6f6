"""A real cobot: protective stops and lost grips foreseen 1, 5 and 10 s ahead, and limits refined over the recording.

`python -m bench.cobotops --data DIR`: every labelled recording of the folder, split by time: the first 60 % is learned,
the last 40 % is scored. A row is positive where the state begins within the horizon (half a second of grace for the
recording's clock); rows within the state itself are left out, so that nothing is foreseen from its own continuation.
Intervals are bootstrapped over blocks of two minutes, since neighbouring rows are alike.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench.cobotops_data import LABELS, BoolArray, FloatArray, Recording, load_recordings, onsets
from bench.cobotops_features import moving, raw_windows, summaries
from bench.cobotops_limits import refine_over
from bench.cobotops_mixture import Mixture, averaged, boosted
from bench.output import keep, show
from workcell_sensors.prognosis.failure_risk import FailureRisk
from workcell_sensors.prognosis.moments import RunningMoments

HORIZONS_S = (1.0, 5.0, 10.0)
GRACE_S = 0.5
TRAIN_SHARE = 0.6
BLOCK_S = 120.0
LIMITS_HORIZON_S = 10.0
TAUGHT_MIN_S = 5.0
"""For a nearer horizon the mixture is taught what this one teaches too: of one event so near come one or two rows."""
TAUGHT_AT = (0.3, 0.45, TRAIN_SHARE)
"""Shares of the recording after which the mixture is taught for the limits: they are refined on what it foretold."""
STANDARD_MAX = 4.0
"""A feature counts for no more than so many standard deviations."""


def begins_within(recording: Recording, label: str, horizon_s: float) -> tuple[BoolArray, BoolArray]:
    """Returns per row (m,) whether the state begins within the horizon, and whether the row can be judged."""
    times_s, state = recording.times_s, recording.labels[label]
    at_s = times_s[onsets(recording, label)]
    following = np.searchsorted(at_s, times_s, side="right")
    until_s = np.append(at_s, np.inf)[following] - times_s
    return until_s <= horizon_s + GRACE_S, state == 0.0


def only_moving(recording: Recording) -> Recording:
    """Returns the recording with those quantities alone that move, as far as its learned part tells."""
    is_train = np.arange(len(recording.times_s)) < TRAIN_SHARE * len(recording.times_s)
    kept = moving(recording, is_train)
    columns = tuple(name for name, moves in zip(recording.columns, kept, strict=True) if moves)
    return dataclasses.replace(recording, columns=columns, values=recording.values[:, kept])


def streamed(features: FloatArray, recording: Recording, label: str, horizon_s: float) -> FloatArray:
    """Returns the risk (m,) by `FailureRisk` of the cell's own prognosis, which learns on as it goes."""
    moments = RunningMoments(features.shape[1])
    horizon_rows = max(round(horizon_s / recording.period_s), 1)
    risk = FailureRisk((-4.0, *np.zeros(features.shape[1])), horizon_cycles=horizon_rows, prior_spread=0.3)
    begins = set(onsets(recording, label).tolist())
    state = recording.labels[label]
    found = np.full(len(features), np.nan)
    for row, sample in enumerate(features):
        if state[row] == 1.0 and row not in begins:
            continue
        moments.learn_one(sample)
        scale = np.where(moments.std() > 0.0, moments.std(), 1.0)
        standard = np.clip(np.nan_to_num((sample - moments.mean) / scale), -STANDARD_MAX, STANDARD_MAX)
        found[row] = risk.score_one(standard)
        risk.learn_one(standard, failed=row in begins)
    return found


def learned_rows(recording: Recording, label: str, horizon_s: float, train: BoolArray) -> tuple[BoolArray, BoolArray]:
    """Returns the target (m,), and which rows of `train` may be learned: those of which it is known by its end."""
    target, judged = begins_within(recording, label, horizon_s)
    # The last rows before the split wait for theirs in vain.
    known = recording.times_s < recording.times_s[train][-1] - horizon_s - GRACE_S
    return target, train & judged & known


def mixed(mixture: Mixture, recording: Recording, label: str, horizon_s: float, train: BoolArray) -> FloatArray:
    """Returns the mixture's risk (m,), taught on `train` at the horizon, and at a longer one where that is near."""
    horizons_s = sorted({horizon_s, max(horizon_s, TAUGHT_MIN_S)})
    return averaged([mixture.risk(*learned_rows(recording, label, taught_s, train)) for taught_s in horizons_s])


def refitted(mixture: Mixture, recording: Recording, label: str, horizon_s: float) -> FloatArray:
    """Returns the mixture's risk (m,), each part of the recording judged by what was taught before it; NaN at first."""
    target, judged = begins_within(recording, label, horizon_s)
    times_s, count = recording.times_s, len(recording.times_s)
    found = np.full(count, np.nan)
    for begin, end in itertools.pairwise((*(round(share * count) for share in TAUGHT_AT), count)):
        learned = judged & (times_s < times_s[begin] - horizon_s - GRACE_S)
        if target[learned].any():
            found[begin:end] = mixture.risk(target, learned)[begin:end]
    found[~judged] = np.nan
    return found


def interval(
    measure: Callable[[BoolArray, FloatArray], float], truth: BoolArray, risk: FloatArray, block: FloatArray, draws: int
) -> tuple[float, float, float]:
    """Returns a measure with its 90 % interval over blocks drawn with replacement."""
    rng = np.random.default_rng(0)
    rows_of = [np.flatnonzero(block == number) for number in np.unique(block)]
    drawn = []
    for _ in range(draws):
        rows = np.concatenate([rows_of[number] for number in rng.integers(len(rows_of), size=len(rows_of))])
        if 0 < truth[rows].sum() < len(rows):
            drawn.append(measure(truth[rows], risk[rows]))
    low, high = np.percentile(drawn, (5.0, 95.0)) if drawn else (np.nan, np.nan)
    return measure(truth, risk), float(low), float(high)


def foresee(recording: Recording, draws: int) -> dict[str, dict[str, list[float]]]:
    """Scores every predictor on every label and horizon, and shows them side by side."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    is_train = np.arange(len(recording.times_s)) < TRAIN_SHARE * len(recording.times_s)
    active = only_moving(recording)
    mixture, own, raw, raw_active = Mixture(active), summaries(active), raw_windows(recording), raw_windows(active)
    block = np.floor((recording.times_s - recording.times_s[0]) / BLOCK_S)
    rows: list[list[object]] = []
    figures: dict[str, dict[str, list[float]]] = {}
    for label in LABELS:
        for horizon_s in HORIZONS_S:
            target, learned = learned_rows(recording, label, horizon_s, is_train)
            scored = ~is_train & begins_within(recording, label, horizon_s)[1]
            if not target[learned].any() or not target[scored].any():
                rows.append([f"{label}, {horizon_s:g} s", "no such event on one side of the split", "", "", ""])
                continue
            predictors = {
                "mixture": mixed(mixture, recording, label, horizon_s, is_train),
                "streaming risk": streamed(own, recording, label, horizon_s),
                "boosted raw windows, moving quantities": boosted(raw_active, target, learned),
                "boosted raw windows (peer)": boosted(raw, target, learned),
            }
            for name, risk in predictors.items():
                truth, given, blocks = target[scored], np.nan_to_num(risk[scored]), block[scored]
                area = interval(lambda t, r: float(roc_auc_score(t, r)), truth, given, blocks, draws)
                precision = interval(lambda t, r: float(average_precision_score(t, r)), truth, given, blocks, draws)
                figures[f"{label}, {horizon_s:g} s, {name}"] = {"auroc": list(area), "precision": list(precision)}
                base = f"{100 * truth.mean():.1f}"
                rows.append([f"{label}, {horizon_s:g} s", name, _text(area), _text(precision), base])
    title = f"{recording.name}: foreseen on the last {1 - TRAIN_SHARE:.0%} (90 % intervals)"
    show(title, ["event and horizon", "predictor", "AUROC", "average precision", "positive %"], rows)
    return figures


def _text(figure: tuple[float, float, float]) -> str:
    return f"{figure[0]:.3f} ({figure[1]:.3f}..{figure[2]:.3f})"


def main() -> None:
    """Scores every recording of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with recordings, searched to its depth")
    parser.add_argument("--draws", type=int, default=300, help="bootstrap draws per interval")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    for recording in load_recordings(options.data):
        foreseen = foresee(recording, options.draws)
        active = only_moving(recording)
        own, mixture = summaries(active), Mixture(active)
        risks = {(label, "streaming risk"): streamed(own, recording, label, LIMITS_HORIZON_S) for label in LABELS}
        risks |= {(label, "mixture"): refitted(mixture, recording, label, LIMITS_HORIZON_S) for label in LABELS}
        figures[recording.name] = {"foreseen": foreseen, "limits": refine_over(recording, risks)}
    keep("cobotops", figures)


if __name__ == "__main__":
    main()
