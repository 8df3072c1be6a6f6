"""From defects to a verdict, by tolerance rules that a quality engineer keeps in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from workcell_perception.defects import Box, DefectClass, FoundDefect
from workcell_perception.health import NOMINAL_LIGHT, ImageHealth, LightReference


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
class Zone:
    """A place on the part with rules of its own: box (x1, y1, x2, y2) in rectified [px], and the classes' rules."""

    name: str
    box: Box
    classes: Mapping[DefectClass, ClassRule]

    def rule_for(self, defect: FoundDefect) -> ClassRule | None:
        """This zone's rule for a defect, None where it has none or the defect lies elsewhere."""
        touches = all(defect.box[i] < self.box[i + 2] and self.box[i] < defect.box[i + 2] for i in (0, 1))
        return self.classes.get(defect.kind) if touches else None


@dataclass(frozen=True)
class VerdictRules:
    """All rules. A defect that scores at least `certain_score_min` counts; with less, down to `possible_score_min`, it
    makes the verdict unsure where nothing else decides. Of several zones that a defect touches the first counts."""

    classes: Mapping[DefectClass, ClassRule]
    image: ImageLimits = field(default_factory=ImageLimits)
    light: LightReference = NOMINAL_LIGHT
    certain_score_min: float = 0.25
    possible_score_min: float = 0.0
    rework_defects_max: int = 6
    zones: tuple[Zone, ...] = ()

    def outcome(self, defect: FoundDefect) -> Outcome:
        """What one defect means for the part, by its class and place."""
        return self.rule_for(defect)[0].outcome(defect.area_px)

    def rule_for(self, defect: FoundDefect) -> tuple[ClassRule, str]:
        """The rule that applies to a defect, and the name of its zone, empty where it is in none."""
        in_zones = ((zone.rule_for(defect), zone.name) for zone in self.zones)
        found = next(((rule, name) for rule, name in in_zones if rule is not None), None)
        return found if found is not None else (self.classes[defect.kind], "")


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
    judged = [(rules.outcome(defect), defect) for defect in certain]
    for outcome in (Outcome.REJECT, Outcome.REWORK):
        decisive = [defect for found, defect in judged if found is outcome]
        if not decisive:
            continue
        if outcome is Outcome.REWORK and len(decisive) > rules.rework_defects_max:
            reason = f"{len(decisive)} defects to rework, limit {rules.rework_defects_max}"
            return _verdict(Outcome.REJECT, reason, decisive[0].score)
        worst = max(decisive, key=lambda defect: defect.score)
        zone = rules.rule_for(worst)[1]
        place = f"({worst.box[0]}, {worst.box[1]})" + (f" in zone {zone}" if zone else "")
        reason = f"{worst.kind} of {worst.area_px} px at {place}"
        return _verdict(outcome, reason, worst.score)
    doubtful = [item for item in defects if rules.possible_score_min <= item.score < rules.certain_score_min]
    if doubtful:
        top = max(doubtful, key=lambda defect: defect.score)
        return _verdict(Outcome.UNSURE, f"possible {top.kind} at ({top.box[0]}, {top.box[1]})", 1.0 - top.score)
    return _verdict(Outcome.ACCEPT, "no defect beyond tolerance", 1.0)


def _verdict(outcome: Outcome, reason: str, score: float) -> Verdict:
    other = Outcome.ACCEPT if outcome is not Outcome.ACCEPT else Outcome.UNSURE
    scores = sorted([(outcome, max(score, 0.5)), (other, min(1.0 - score, 0.5))], key=lambda item: -item[1])
    return Verdict(outcome, reason, tuple(scores))
