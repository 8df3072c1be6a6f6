"""Measures the comparison with a reference on labelled pairs of boards that it has not seen, beside a plain difference.

`python -m bench.inspect --data DIR [--train DIR]`

DIR holds pairs as `workcell_sim.world.real_boards` describes (the layout of DeepPCB). With `--train` the model learns
from that folder and is scored on all of `--data`. Without it `--data` is divided twice: at random into five parts, each
scored by a model that learned from the four others, and by artwork (the first five characters of a pair's name), each
scored by a model that knows none like it. The rules of scoring are the data set's own: `workcell_perception.scoring`.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from bench.output import keep, show
from workcell_perception.comparison import Comparator
from workcell_perception.defect_model import SENSITIVE_COMPARISON, DefectModel
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.learn_defects import Example, learn_defects, make_example
from workcell_perception.scoring import (
    IOU_MIN,
    DetectionScore,
    LabelledDefect,
    ScoredImage,
    mean_average_precision,
    score_classes,
    score_images,
)
from workcell_perception.teach import teach_clean
from workcell_ros.errors import ConfigError, WorkcellError
from workcell_sim.world.real_boards import BoardPair, find_pairs

ImageU8 = npt.NDArray[np.uint8]
Finder = Callable[[ImageU8, ImageU8], tuple[FoundDefect, ...]]
Fold = tuple[list[int], list[int]]

SIDE_PX = 640
FOLDS = 5
SPLIT_SEED = 1
ARTWORK_CHARACTERS = 5
PEER_AREA_MIN_PX = 30
PEER_BOX_PAD_PX = 9


@dataclass(frozen=True)
class Pair:
    """A labelled pair in memory, and how long reading its two files took."""

    name: str
    template: ImageU8
    part: ImageU8
    labels: tuple[LabelledDefect, ...]
    reading_ms: float


@dataclass(frozen=True)
class SplitResult:
    """How unseen pairs of one split were inspected; times are of one core, from pixels to defects, per pair."""

    method: str
    split: str
    pairs: int
    mean_average_precision: float
    overall: DetectionScore
    classes: dict[DefectClass, DetectionScore]
    training_s: float
    ms_median: float
    ms_p99: float


def load_pair(files: BoardPair) -> Pair:
    begin_s = time.thread_time()
    template = files.load_template(SIDE_PX)
    part, defects = files.load_part(SIDE_PX)
    reading_ms = (time.thread_time() - begin_s) * 1e3
    labels = tuple(LabelledDefect(DefectClass(defect.kind.value), defect.box) for defect in defects)
    return Pair(files.name, template, part, labels, reading_ms)


def load_pairs(folder: Path) -> list[Pair]:
    """Loads a folder's pairs; one that cannot be used is left out and named."""
    pairs = []
    for files in find_pairs(folder):
        try:
            pairs.append(load_pair(files))
        except ConfigError as error:
            print(f"left out: {error}", file=sys.stderr)
    return pairs


def comparator_of(template: ImageU8) -> Comparator:
    return Comparator(teach_clean(template, variant=0), SENSITIVE_COMPARISON)


def finder_of(model: DefectModel) -> Finder:
    return lambda template, part: model.find(comparator_of(template), part)


def plain_difference(template: ImageU8, part: ImageU8) -> tuple[FoundDefect, ...]:
    """The peer: exclusive-or of both images at half level, opened, one box per component. It has no classes."""
    differs = ((template > 127) ^ (part > 127)).astype(np.uint8)
    opened = cv2.morphologyEx(differs, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=8)
    found = []
    for x, y, width, height, area in stats[1:].tolist():
        if area >= PEER_AREA_MIN_PX:
            low = (max(x - PEER_BOX_PAD_PX, 0), max(y - PEER_BOX_PAD_PX, 0))
            high = (min(x + width + PEER_BOX_PAD_PX, SIDE_PX), min(y + height + PEER_BOX_PAD_PX, SIDE_PX))
            found.append(FoundDefect(DefectClass.OTHER, (*low, *high), area, min(area / 400.0, 1.0)))
    return tuple(found)


def random_folds(pairs: Sequence[Pair]) -> Iterator[Fold]:
    order = np.random.default_rng(SPLIT_SEED).permutation(len(pairs)).tolist()
    for fold in range(FOLDS):
        scored = order[fold::FOLDS]
        yield [index for index in order if index not in set(scored)], scored


def artwork_folds(pairs: Sequence[Pair]) -> Iterator[Fold]:
    groups = [pair.name[:ARTWORK_CHARACTERS] for pair in pairs]
    for group in sorted(set(groups)):
        yield (
            [index for index, other in enumerate(groups) if other != group],
            [index for index, other in enumerate(groups) if other == group],
        )


def inspect_pairs(finder: Finder, pairs: Sequence[Pair]) -> tuple[list[ScoredImage], list[float]]:
    images, times_ms = [], []
    for pair in pairs:
        begin_s = time.thread_time()
        found = finder(pair.template, pair.part)
        times_ms.append((time.thread_time() - begin_s) * 1e3)
        images.append(ScoredImage(found, pair.labels))
    return images, times_ms


def score_split(
    split: str, taught: Sequence[Pair], examples: Sequence[Example], pairs: Sequence[Pair], folds: Sequence[Fold]
) -> SplitResult:
    """Learns and scores fold by fold; what counts as found is chosen by each model on the pairs it was taught."""
    images: list[ScoredImage] = []
    certain: list[ScoredImage] = []
    times_ms: list[float] = []
    training_s: list[float] = []
    for learned, scored in folds:
        begin_s = time.process_time()
        model = learn_defects([examples[index] for index in learned]).model
        training_s.append(time.process_time() - begin_s)
        inspected, fold_ms = inspect_pairs(finder_of(model), [pairs[index] for index in scored])
        images += inspected
        certain += [_certain(image, model.certain_score_min) for image in inspected]
        times_ms += fold_ms
    return _result("ours", split, images, certain, float(np.mean(training_s)), times_ms)


def score_peer(pairs: Sequence[Pair]) -> SplitResult:
    """Scores the peer without classes: labels count as `other`, the only class it knows."""
    images, times_ms = inspect_pairs(plain_difference, pairs)
    unclassed = [
        ScoredImage(image.found, tuple(LabelledDefect(DefectClass.OTHER, label.box) for label in image.labels))
        for image in images
    ]
    return _result("XOR", "no classes", unclassed, unclassed, 0.0, times_ms)


def _certain(image: ScoredImage, score_min: float) -> ScoredImage:
    return ScoredImage(tuple(defect for defect in image.found if defect.score >= score_min), image.labels)


def _result(
    method: str,
    split: str,
    images: Sequence[ScoredImage],
    certain: Sequence[ScoredImage],
    training_s: float,
    times_ms: Sequence[float],
) -> SplitResult:
    """Average precision is of everything found, the rest of what was found for certain."""
    ranked, ranked_classes = score_images(images), score_classes(images)
    counted, counted_classes = score_images(certain), score_classes(certain)
    return SplitResult(
        method=method,
        split=split,
        pairs=len(images),
        mean_average_precision=mean_average_precision(ranked_classes),
        overall=_joined(ranked, counted),
        classes={kind: _joined(ranked_classes[kind], counted_classes[kind]) for kind in ranked_classes},
        training_s=training_s,
        ms_median=float(np.median(times_ms)),
        ms_p99=float(np.percentile(times_ms, 99)),
    )


def _joined(ranked: DetectionScore, counted: DetectionScore) -> DetectionScore:
    return DetectionScore(ranked.average_precision, counted.precision, counted.recall, counted.f)


def print_results(results: Sequence[SplitResult]) -> None:
    columns = ["unseen pairs", "mAP", "AP", "prec.", "rec.", "F", "ms", "p99", "train s"]
    rows: list[list[object]] = []
    for r in results:
        score = r.overall
        shares = (r.mean_average_precision, score.average_precision, score.precision, score.recall, score.f)
        times = (f"{number:.1f}" for number in (r.ms_median, r.ms_p99, r.training_s))
        rows.append([f"{r.method}, {r.split}", *(f"{share:.4f}" for share in shares), *times])
    show(f"{results[0].pairs} labelled pairs, IoU > {IOU_MIN}", columns, rows)
    class_rows: list[list[object]] = [
        [kind.value, r.split, score.average_precision, score.precision, score.recall, score.f]
        for r in results
        for kind, score in r.classes.items()
        if len(r.classes) > 1
    ]
    show("class by class", ["class", "split", "AP", "precision", "recall", "F"], class_rows)


def run(data: Path, train: Path | None) -> None:
    """Measures, prints and writes `inspect.json`."""
    pairs = load_pairs(data)
    begin_s = time.process_time()
    taught = pairs if train is None else load_pairs(train)
    examples = [make_example(comparator_of(pair.template), pair.part, pair.labels) for pair in taught]
    looking_s = time.process_time() - begin_s
    if train is None:
        splits = {"random": list(random_folds(pairs)), "by artwork": list(artwork_folds(pairs))}
    else:
        splits = {f"trained on {train.name}": [(list(range(len(taught))), list(range(len(pairs))))]}
    results = [score_split(name, taught, examples, pairs, folds) for name, folds in splits.items()]
    results.append(score_peer(pairs))
    print_results(results)
    reading_ms = float(np.median([pair.reading_ms for pair in pairs]))
    print(
        f"reading the two files of a pair takes {reading_ms:.1f} ms more; comparing all to learn took {looking_s:.1f} s"
    )
    keep("inspect", {"reading_ms": reading_ms, "looking_s": looking_s, "splits": [asdict(r) for r in results]})


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="bench.inspect", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled pairs to score")
    parser.add_argument("--train", type=Path, default=None, help="folder of other labelled pairs to learn from")
    options = parser.parse_args(args)
    cv2.setNumThreads(1)
    try:
        run(options.data, options.train)
    except WorkcellError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
