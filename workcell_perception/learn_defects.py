"""Learns to tell defects from what merely differs, and one class from the other, from labelled parts.

Training takes seconds: the comparison does the looking, and the classifier sees a few numbers per region. Everything
that is chosen (the score from which a find counts) is chosen on parts that the forest in question has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import Comparator, Comparison
from workcell_perception.defect_model import BoxRule, DefectModel, ScoreCalibration, log_odds
from workcell_perception.defects import DefectClass
from workcell_perception.errors import GoldenError
from workcell_perception.forest import Forest, forest_of
from workcell_perception.region_features import region_features
from workcell_perception.scoring import (
    IOU_MIN,
    DetectionScore,
    LabelledDefect,
    ScoredImage,
    iou,
    mean_average_precision,
    rank_finds,
    score_classes,
    score_images,
)

Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

TREES = 100
FEATURES_PER_SPLIT = 10
FOLDS = 5
EXAMPLES_MIN = 2 * FOLDS
_SEED = 0
# Label boxes have a margin; with this one an untaught box overlaps its label well enough to tell which is meant.
_DRAFT_BOX = BoxRule(margin_px=19.0)
_OVERLAP_MIN = 0.2
_BOX_FIT_STEPS = 5
_BOX_OUTLIER_PX = 3.0
_SLOPE_MIN = 0.1
_CERTAIN_SCORES = np.arange(0.30, 0.701, 0.02)


@dataclass(frozen=True)
class Example:
    """A labelled part, compared: its regions, their features (regions, features), and its true defects."""

    comparison: Comparison
    features: Float32Array
    labels: tuple[LabelledDefect, ...]


@dataclass(frozen=True)
class LearnedDefects:
    """A learned model and how its like did on examples they had not seen."""

    model: DefectModel
    overall: DetectionScore
    classes: dict[DefectClass, DetectionScore]
    examples: int

    def report(self) -> str:
        """The validation as Markdown."""
        rows = [("all", self.overall), *self.classes.items()]
        lines = [
            f"# Defect model, learned from {self.examples} parts",
            "",
            f"Scores of {FOLDS}-fold cross-validation at IoU > {IOU_MIN}; mean average precision over the classes "
            f"{mean_average_precision(self.classes):.4f}. Precision, recall and F hold from a score of "
            f"{self.model.certain_score_min:.2f}.",
            "",
            "| class | average precision | precision | recall | F |",
            "| --- | --- | --- | --- | --- |",
            *(
                f"| {name} | {s.average_precision:.4f} | {s.precision:.4f} | {s.recall:.4f} | {s.f:.4f} |"
                for name, s in rows
            ),
        ]
        return "\n".join(lines) + "\n"


def make_example(comparator: Comparator, part: npt.NDArray[np.uint8], labels: Sequence[LabelledDefect]) -> Example:
    """Compares a labelled part (side, side) with its reference."""
    comparison = comparator.compare(part)
    return Example(comparison, region_features(comparison, comparator), tuple(labels))


def learn_defects(examples: Sequence[Example], trees: int = TREES) -> LearnedDefects:
    """Learns a model of so many trees.

    Raises:
        GoldenError: there are fewer than 10 parts, or fewer than two classes of regions in them.
    """
    if len(examples) < EXAMPLES_MIN:
        raise GoldenError(f"{len(examples)} labelled parts, need {EXAMPLES_MIN}")
    kinds = tuple(kind for kind in DefectClass if any(label.kind is kind for item in examples for label in item.labels))
    targets = [_targets(example, kinds) for example in examples]
    if len(set(np.concatenate(targets).tolist())) < 2:
        raise GoldenError("the labelled parts show fewer than two classes of regions")
    drafts = _score_unseen(examples, targets, kinds, trees)
    calibration = _calibrate(drafts)
    unseen = [_calibrated(image, calibration) for image in drafts]
    certain = max(_CERTAIN_SCORES, key=lambda score: score_images(unseen, float(score)).f)
    draft = _fit(examples, targets, kinds, trees)
    model = replace(draft, certain_score_min=float(certain), calibration=calibration)
    return LearnedDefects(
        model, score_images(unseen, float(certain)), score_classes(unseen, float(certain)), len(examples)
    )


def _score_unseen(
    examples: Sequence[Example], targets: Sequence[IntArray], kinds: tuple[DefectClass, ...], trees: int
) -> list[ScoredImage]:
    """What models find on the examples they were not taught."""
    images = []
    for fold in range(FOLDS):
        taught = [index for index in range(len(examples)) if index % FOLDS != fold]
        model = _fit([examples[index] for index in taught], [targets[index] for index in taught], kinds, trees)
        for example in examples[fold::FOLDS]:
            found = model.name(example.comparison, model.forest.predict(example.features))
            images.append(ScoredImage(found, example.labels))
    return images


def _calibrate(drafts: Sequence[ScoredImage]) -> ScoreCalibration:
    """Fits the probability of being right to the votes for what models found on examples they had not seen."""
    from sklearn.linear_model import LogisticRegression

    ranked = rank_finds(drafts)
    right = [is_right for _, is_right in ranked]
    if len(set(right)) < 2:
        return ScoreCalibration()
    odds = np.array([[log_odds(share)] for share, _ in ranked])
    curve = LogisticRegression().fit(odds, right)
    return ScoreCalibration(max(float(curve.coef_[0, 0]), _SLOPE_MIN), float(curve.intercept_[0]))


def _calibrated(image: ScoredImage, calibration: ScoreCalibration) -> ScoredImage:
    found = tuple(replace(item, score=calibration.probability(item.score)) for item in image.found)
    return ScoredImage(found, image.labels)


def _fit(
    examples: Sequence[Example],
    targets: Sequence[IntArray],
    kinds: tuple[DefectClass, ...],
    trees: int,
) -> DefectModel:
    # Needed to teach alone, and slow to import.
    from sklearn.ensemble import ExtraTreesClassifier

    samples, classes = np.concatenate([item.features for item in examples]), np.concatenate(targets)
    forest = ExtraTreesClassifier(trees, max_features=FEATURES_PER_SPLIT, random_state=_SEED).fit(samples, classes)
    shares = _with_all_classes(forest_of(forest), forest.classes_, len(kinds) + 1)
    return DefectModel(shares, kinds, _box_rule(examples, targets, kinds), certain_score_min=0.5)


def _with_all_classes(forest: Forest, present: IntArray, count: int) -> Forest:
    share = np.zeros((len(forest.share), count), dtype=np.float32)
    share[:, present] = forest.share
    return replace(forest, share=share)


def _targets(example: Example, kinds: tuple[DefectClass, ...]) -> IntArray:
    """The class of each region: that of the label it belongs to, or the last where it belongs to none."""
    result = np.full(len(example.comparison.regions), len(kinds), dtype=np.int64)
    for region, label in _belonging(example).items():
        result[region] = kinds.index(example.labels[label].kind)
    return result


def _belonging(example: Example) -> dict[int, int]:
    """The label that each region belongs to; every label has one region at most, that which overlaps it best."""
    comparison = example.comparison
    side_px = comparison.alignment.image.shape[0]
    boxes = [_DRAFT_BOX.around(comparison.box_in_image(region.box), side_px) for region in comparison.regions]
    overlaps = [
        (iou(box, label.box), region, index)
        for region, box in enumerate(boxes)
        for index, label in enumerate(example.labels)
    ]
    result: dict[int, int] = {}
    for overlap, region, index in sorted(overlaps, reverse=True):
        if overlap > _OVERLAP_MIN and region not in result and index not in result.values():
            result[region] = index
    return result


def _box_rule(examples: Sequence[Example], targets: Sequence[IntArray], kinds: tuple[DefectClass, ...]) -> BoxRule:
    """Fits label sides to region sides, by least squares that weigh outliers down."""
    tight: list[int] = []
    drawn: list[int] = []
    for example, target in zip(examples, targets, strict=True):
        belonging = _belonging(example)
        for region in np.flatnonzero(target < len(kinds)):
            label = example.labels[belonging[int(region)]]
            for box, sides in ((example.comparison.regions[region].box, tight), (label.box, drawn)):
                sides += [box[2] - box[0], box[3] - box[1]]
    if len(tight) < 2 or min(tight) == max(tight):
        return _DRAFT_BOX
    x, y = np.array(tight, dtype=np.float64), np.array(drawn, dtype=np.float64)
    scale, margin = np.polyfit(x, y, 1)
    for _ in range(_BOX_FIT_STEPS):
        weight = 1.0 / (1.0 + np.abs(y - margin - scale * x) / _BOX_OUTLIER_PX)
        scale, margin = np.polyfit(x, y, 1, w=np.sqrt(weight))
    return BoxRule(float(margin), float(scale))
