"""Scores found defects against labelled ones by the rules that the DeepPCB data set publishes.

A found defect is right where it overlaps a labelled one of its class by an intersection over union of more than 0.33.
Boxes are matched one to one before classes are compared: each label takes the most certain free find that overlaps it
enough, and a find of another class there is wrong. Average precision is the mean, over the labels, of the precision at
the rank of each right find.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from workcell_perception.comparison import Box
from workcell_perception.defects import DefectClass, FoundDefect

IOU_MIN = 0.33


@dataclass(frozen=True)
class LabelledDefect:
    """A true defect: its class and its box (x1, y1, x2, y2) in pixels of the part's image."""

    kind: DefectClass
    box: Box


@dataclass(frozen=True)
class ScoredImage:
    """What was found on one image, and what is there."""

    found: tuple[FoundDefect, ...]
    labels: tuple[LabelledDefect, ...]


@dataclass(frozen=True)
class DetectionScore:
    """Shares 0..1; those of nothing found or nothing labelled are 0."""

    average_precision: float
    precision: float
    recall: float
    f: float


def iou(first: Box, second: Box) -> float:
    """Overlap of two boxes as intersection over union."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    first_area, second_area = ((box[2] - box[0]) * (box[3] - box[1]) for box in (first, second))
    return width * height / (first_area + second_area - width * height)


def score_images(images: Iterable[ScoredImage], score_min: float = 0.0) -> DetectionScore:
    """Scores images together, leaving out what was found with less than `score_min`."""
    counted = [
        ScoredImage(tuple(item for item in image.found if item.score >= score_min), image.labels) for image in images
    ]
    return _score(rank_finds(counted), sum(len(image.labels) for image in counted))


def rank_finds(images: Iterable[ScoredImage]) -> list[tuple[float, bool]]:
    """The score of everything found, and whether it is right."""
    ranked: list[tuple[float, bool]] = []
    for image in images:
        found = sorted(image.found, key=lambda item: -item.score)
        right = _matches(found, image.labels)
        ranked += [(item.score, is_right) for item, is_right in zip(found, right, strict=True)]
    return ranked


def score_classes(images: Sequence[ScoredImage], score_min: float = 0.0) -> dict[DefectClass, DetectionScore]:
    """Scores each class that is labelled for itself."""
    kinds = sorted({label.kind for image in images for label in image.labels}, key=list(DefectClass).index)
    return {kind: score_images((_only(image, kind) for image in images), score_min) for kind in kinds}


def mean_average_precision(classes: dict[DefectClass, DetectionScore]) -> float:
    """Mean of the classes' average precisions."""
    return float(np.mean([score.average_precision for score in classes.values()])) if classes else 0.0


def _only(image: ScoredImage, kind: DefectClass) -> ScoredImage:
    found = tuple(item for item in image.found if item.kind is kind)
    return ScoredImage(found, tuple(label for label in image.labels if label.kind is kind))


def _matches(found: Sequence[FoundDefect], labels: Sequence[LabelledDefect]) -> list[bool]:
    """Whether each find is right; finds come in order of falling score."""
    right = [False] * len(found)
    free = set(range(len(found)))
    for label in labels:
        hit = next((index for index in sorted(free) if iou(found[index].box, label.box) > IOU_MIN), None)
        if hit is not None:
            free.remove(hit)
            right[hit] = found[hit].kind is label.kind
    return right


def _score(ranked: list[tuple[float, bool]], labels: int) -> DetectionScore:
    if not ranked or not labels:
        return DetectionScore(0.0, 0.0, 0.0, 0.0)
    right = np.array([is_right for _, is_right in sorted(ranked, key=lambda item: -item[0])], dtype=np.float64)
    precision_at = np.cumsum(right) / np.arange(1, len(right) + 1)
    count = float(right.sum())
    return DetectionScore(
        average_precision=float((precision_at * right).sum()) / labels,
        precision=count / len(right),
        recall=count / labels,
        f=2 * count / (len(right) + labels),
    )
