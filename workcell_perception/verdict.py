"""From defects to a verdict, by tolerance rules that a quality engineer keeps in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any

from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.health import NOMINAL_LIGHT, ImageHealth, LightReference
from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError


class Outcome(StrEnum):
    """What shall happen to a part."""

    ACCEPT = "accept"
    REWORK = "rework"
    REJECT = "reject"
    UNSURE = "unsure"


@dataclass(frozen=True)
class ImageLimits:
    """What an image must fulfil to be trusted. Levels are 0..255."""

    white_level_min: float = 125.0
    clipped_fraction_max: float = 0.2
    blur_px_max: float = 5.0
    residual_px_max: float = 1.2

    def problem(self, health: ImageHealth, residual_px: float) -> str | None:
        """Returns why an image cannot be trusted, or None."""
        if health.white_level < self.white_level_min:
            return f"too dark: white is {health.white_level:.0f}, needs {self.white_level_min:.0f}; raise exposure_s"
        if health.clipped_fraction > self.clipped_fraction_max:
            share, limit = health.clipped_fraction, self.clipped_fraction_max
            return f"over-exposed: {share:.0%} clipped, limit {limit:.0%}; lower exposure_s"
        if health.blur_px > self.blur_px_max:
            return f"blurred by {health.blur_px:.1f} px, limit {self.blur_px_max} px; settle longer or lower exposure_s"
        if residual_px > self.residual_px_max:
            return f"fiducials fit to {residual_px:.2f} px only, limit {self.residual_px_max} px"
        return None


@dataclass(frozen=True)
class ClassRule:
    """Areas in rectified [px] from which a defect of one class costs rework, or the part; infinity for never."""

    rework_area_px: float = math.inf
    reject_area_px: float = math.inf

    def outcome(self, area_px: float) -> Outcome:
        """What one defect of this area means for the part."""
        if area_px >= self.reject_area_px:
            return Outcome.REJECT
        return Outcome.REWORK if area_px >= self.rework_area_px else Outcome.ACCEPT


@dataclass(frozen=True)
class VerdictRules:
    """All rules. A defect with a lower score than `certain_score_min` alone makes the verdict unsure."""

    classes: Mapping[DefectClass, ClassRule]
    image: ImageLimits = field(default_factory=ImageLimits)
    light: LightReference = NOMINAL_LIGHT
    certain_score_min: float = 0.25
    rework_defects_max: int = 6


@dataclass(frozen=True)
class Verdict:
    """The verdict on one part: `scores` holds every outcome considered with its score, the best first."""

    outcome: Outcome
    reason: str
    scores: tuple[tuple[Outcome, float], ...]


def unsure(reason: str) -> Verdict:
    """The verdict on a part that could not be judged."""
    return Verdict(Outcome.UNSURE, reason, ((Outcome.UNSURE, 1.0),))


def judge(defects: tuple[FoundDefect, ...], rules: VerdictRules) -> Verdict:
    """Judges a part by its defects; the worst certain one decides."""
    certain = [defect for defect in defects if defect.score >= rules.certain_score_min]
    judged = [(rules.classes[defect.kind].outcome(defect.area_px), defect) for defect in certain]
    for outcome in (Outcome.REJECT, Outcome.REWORK):
        decisive = [defect for found, defect in judged if found is outcome]
        if not decisive:
            continue
        if outcome is Outcome.REWORK and len(decisive) > rules.rework_defects_max:
            reason = f"{len(decisive)} defects to rework, limit {rules.rework_defects_max}"
            return _verdict(Outcome.REJECT, reason, decisive[0].score)
        worst = max(decisive, key=lambda defect: defect.score)
        reason = f"{worst.kind} of {worst.area_px} px at ({worst.box[0]}, {worst.box[1]})"
        return _verdict(outcome, reason, worst.score)
    doubtful = [defect for defect in defects if defect.score < rules.certain_score_min]
    if doubtful:
        top = max(doubtful, key=lambda defect: defect.score)
        return _verdict(Outcome.UNSURE, f"possible {top.kind} at ({top.box[0]}, {top.box[1]})", 1.0 - top.score)
    return _verdict(Outcome.ACCEPT, "no defect beyond tolerance", 1.0)


def _verdict(outcome: Outcome, reason: str, score: float) -> Verdict:
    other = Outcome.ACCEPT if outcome is not Outcome.ACCEPT else Outcome.UNSURE
    scores = sorted([(outcome, max(score, 0.5)), (other, min(1.0 - score, 0.5))], key=lambda item: -item[1])
    return Verdict(outcome, reason, tuple(scores))


def load_rules(file: str | Path) -> VerdictRules:
    """Reads the rules' YAML file.

    Raises:
        ConfigError: the file is missing, or a key or value in it cannot be used.
    """
    data = load_yaml(file)
    check_keys(file, "", data, (item.name for item in fields(VerdictRules)))
    image = _numbers(file, "image", data.get("image", {}), ImageLimits)
    light = _numbers(file, "light", data.get("light", {}), LightReference)
    scalars = {key: data[key] for key in ("certain_score_min", "rework_defects_max") if key in data}
    for key, value in scalars.items():
        _check_number(file, key, value)
    return VerdictRules(
        _class_rules(file, data.get("classes")), ImageLimits(**image), LightReference(**light), **scalars
    )


def _class_rules(file: str | Path, block: Any) -> dict[DefectClass, ClassRule]:
    names = [kind.value for kind in DefectClass]
    if not isinstance(block, dict):
        raise ConfigError(file, "classes", f"{block!r} is no mapping", names)
    check_keys(file, "classes", block, names)
    missing = [name for name in names if name not in block]
    if missing:
        raise ConfigError(file, f"classes.{missing[0]}", "has no rule", "rework_area_px and/or reject_area_px")
    return {
        DefectClass(name): ClassRule(**_numbers(file, f"classes.{name}", rule, ClassRule))
        for name, rule in block.items()
    }


def _numbers(file: str | Path, where: str, block: Any, schema: type[Any]) -> dict[str, float]:
    if not isinstance(block, dict):
        raise ConfigError(file, where, f"{block!r} is no mapping", [item.name for item in fields(schema)])
    check_keys(file, where, block, (item.name for item in fields(schema)))
    for key, value in block.items():
        _check_number(file, f"{where}.{key}", value)
    return block


def _check_number(file: str | Path, key: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ConfigError(file, key, f"{value!r} does not fit", "a number of at least 0")
