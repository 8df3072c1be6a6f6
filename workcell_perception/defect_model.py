"""A learned classifier of what differs: names regions, scores them and draws boxes as the people who labelled did."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import AlignArtwork, Box, Comparator, Comparison, ComparisonSettings
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.errors import GoldenError
from workcell_perception.forest import Forest
from workcell_perception.model_store import ModelStore
from workcell_perception.region_features import FEATURES, region_features

FloatArray = npt.NDArray[np.float64]

MODEL_NAME = "defects"
SCORE_MIN = 0.005
_SHARE_MIN = 5e-4
SENSITIVE_COMPARISON = ComparisonSettings(
    seed_radius_px=1,
    grow_radius_px=1,
    seed_tolerance=0.39,
    grow_tolerance=0.235,
    seed_area_min_px=2,
    area_min_px=6,
    join_px=1,
    normalises_light=False,
    align_artwork=AlignArtwork.ALWAYS,
    matches_blur=False,
)
"""Finds next to everything, defect or not: the learned classifier tells them apart."""


SENSITIVE_CELL_COMPARISON = replace(SENSITIVE_COMPARISON, normalises_light=True)
"""The same for images of a camera, whose light varies over the board."""


@dataclass(frozen=True)
class BoxRule:
    """How large a box people draw around a region: each side is `margin_px` + `scale` times the region's."""

    margin_px: float = 0.0
    scale: float = 1.0

    def around(self, box: Box, side_px: int) -> Box:
        """The box drawn around a tight one, within the image."""
        low, high = [], []
        for start, end in ((box[0], box[2]), (box[1], box[3])):
            middle, reach = (start + end) / 2, (self.margin_px + self.scale * (end - start)) / 2
            low.append(max(round(middle - reach), 0))
            high.append(min(round(middle + reach), side_px))
        return low[0], low[1], max(high[0], low[0] + 1), max(high[1], low[1] + 1)


@dataclass(frozen=True)
class ScoreCalibration:
    """From the forest's share of votes to the probability that a find is right (J. Platt, 1999): a logistic curve over
    the share's log-odds."""

    slope: float = 1.0
    offset: float = 0.0

    def probability(self, share: float) -> float:
        """The probability 0..1 for a share 0..1; it rises with the share."""
        return 1.0 / (1.0 + math.exp(-self.slope * log_odds(share) - self.offset))


def log_odds(share: float) -> float:
    """Log-odds of a share 0..1, finite at both ends."""
    bounded = min(max(share, _SHARE_MIN), 1.0 - _SHARE_MIN)
    return math.log(bounded / (1.0 - bounded))


@dataclass(frozen=True)
class DefectModel:
    """A forest over the regions' features; its classes are `kinds` and, as the last, no defect.

    A find with at least `certain_score_min` is a defect as far as precision and recall go together best.
    """

    forest: Forest
    kinds: tuple[DefectClass, ...]
    box_rule: BoxRule
    certain_score_min: float
    calibration: ScoreCalibration = ScoreCalibration()

    def __post_init__(self) -> None:
        if self.forest.features != len(FEATURES) or self.forest.share.shape[1] != len(self.kinds) + 1:
            sizes = f"{self.forest.features} features and {self.forest.share.shape[1]} classes"
            wanted = f"{len(FEATURES)} and {len(self.kinds) + 1}"
            raise GoldenError(f"defect model takes {sizes}, needed are {wanted}; teach it again")

    def find(self, comparator: Comparator, part: npt.NDArray[np.uint8]) -> tuple[FoundDefect, ...]:
        """Finds the defects of a part (side, side), the most certain first."""
        comparison = comparator.compare(part)
        return self.name(comparison, self.forest.predict(region_features(comparison, comparator)))

    def name(self, comparison: Comparison, probabilities: FloatArray) -> tuple[FoundDefect, ...]:
        """Names regions by the probabilities (regions, classes) of their classes."""
        side_px = comparison.alignment.image.shape[0]
        found = []
        for region, probability in zip(comparison.regions, probabilities, strict=True):
            index = int(np.argmax(probability[:-1]))
            score = self.calibration.probability(float(probability[index]))
            if score < SCORE_MIN:
                continue
            box = self.box_rule.around(comparison.box_in_image(region.box), side_px)
            found.append(FoundDefect(self.kinds[index], box, region.area_px, score))
        return tuple(sorted(found, key=lambda defect: (-defect.score, defect.box)))

    def save(self, folder: str | Path, report: str = "") -> Path:
        """Writes the model's next version into a folder of models; returns its file."""
        facts: dict[str, Any] = {
            "kinds": [kind.value for kind in self.kinds],
            "features": list(FEATURES),
            "box_margin_px": self.box_rule.margin_px,
            "box_scale": self.box_rule.scale,
            "certain_score_min": self.certain_score_min,
            "score_slope": self.calibration.slope,
            "score_offset": self.calibration.offset,
        }
        return ModelStore(folder).save(MODEL_NAME, self.forest.to_arrays(), facts, report)


def load_defect_model(folder: str | Path) -> DefectModel:
    """Loads the newest defect model of a folder of models.

    Raises:
        GoldenError: there is none, it is damaged, or it was taught with other features.
    """
    stored = ModelStore(folder).load(MODEL_NAME)
    try:
        facts = stored.manifest
        if tuple(facts["features"]) != FEATURES:
            raise GoldenError(f"{folder}: defect model knows regions by other features; teach it again")
        kinds = tuple(DefectClass(kind) for kind in facts["kinds"])
        box_rule = BoxRule(float(facts["box_margin_px"]), float(facts["box_scale"]))
        certain_score_min = float(facts["certain_score_min"])
        calibration = ScoreCalibration(float(facts["score_slope"]), float(facts["score_offset"]))
    except (KeyError, ValueError, TypeError) as error:
        raise GoldenError(f"{folder}: defect model's manifest is incomplete ({error}); teach it again") from None
    return DefectModel(Forest.from_arrays(stored.arrays), kinds, box_rule, certain_score_min, calibration)
