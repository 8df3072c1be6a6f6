"""Teaches golden references from images of good boards."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.calibration import Calibration
from workcell_perception.comparison import Comparator
from workcell_perception.errors import GoldenError, ImageError, RegistrationError
from workcell_perception.golden import GoldenReference
from workcell_perception.health import ImageHealth, measure
from workcell_perception.images import check_image
from workcell_perception.normalise import LightNormaliser
from workcell_perception.registration import Registrar
from workcell_perception.verdict import ImageLimits

ImageU8 = npt.NDArray[np.uint8]

TEACH_LIMITS = ImageLimits(white_level_min=140.0, clipped_fraction_max=0.02, blur_px_max=1.5, residual_px_max=0.9)
IMAGES_MIN = 3
SMOOTHING_PX = 3
# A good board stays within this share of the contrast of the others, but for its edges.
_OUTLIER_SHARE = 0.3
_OUTLIER_EDGE_PX = 7
_SPREAD_SMOOTHING_PX = 5
_SPREAD_STEP_LEVEL = 4


@dataclass(frozen=True)
class TeachImage:
    """An image to teach from: its name for messages, its pixels as taken, and its exposure in [s]."""

    name: str
    image: npt.NDArray[np.generic]
    exposure_s: float


@dataclass(frozen=True)
class Refusal:
    """An image that was not taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Taken:
    """An image that was taken: how well it is registered and how sharp it is in [px], its light relative to what is
    taken for nominal, and in how many places it differs from a reference taught without it."""

    name: str
    residual_px: float
    blur_px: float
    light_level: float
    differs: int


@dataclass(frozen=True)
class Lesson:
    """What came of teaching one variant."""

    golden: GoldenReference
    refused: tuple[Refusal, ...]
    kept: tuple[Candidate, ...] = field(repr=False)


@dataclass(frozen=True)
class Candidate:
    """An image that passed the checks, rectified and smoothed, shape (side, side). One that a person has called good
    has no health of its own."""

    name: str
    image: ImageU8
    residual_px: float
    health: ImageHealth | None


def teach(
    images: Iterable[TeachImage],
    calibration: Calibration,
    registrar: Registrar,
    *,
    variant: int,
    limits: ImageLimits = TEACH_LIMITS,
    copper_is_dark: bool = True,
    answered: Iterable[tuple[str, ImageU8]] = (),
) -> Lesson:
    """Teaches one variant from images of good boards, and from rectified parts that a person has called good.

    Refuses images that are blurred, clipped, dark, badly registered, of another variant or unlike the others.

    Raises:
        GoldenError: fewer than 3 images are left; the text says which were refused and why.
    """
    passed: list[Candidate] = []
    refused: list[Refusal] = []
    for item in images:
        try:
            passed.append(_checked(item, calibration, registrar, variant, limits))
        except (ImageError, RegistrationError) as error:
            refused.append(Refusal(item.name, str(error)))
    passed += [Candidate(name, _smooth(image), residual_px=0.0, health=None) for name, image in answered]
    _need_enough(variant, len(passed), refused)
    normal = _in_common_light([candidate.image for candidate in passed])
    median = np.median(np.stack(normal), axis=0).astype(np.uint8)
    draft = GoldenReference(variant, median, np.zeros_like(median), copper_is_dark, len(normal))
    kept: list[Candidate] = []
    for candidate, image in zip(passed, normal, strict=True):
        if _is_unlike(image, draft):
            refused.append(Refusal(candidate.name, "differs from the other images; is the board good?"))
        else:
            kept.append(replace(candidate, image=image))
    _need_enough(variant, len(kept), refused)
    golden = _golden_of([candidate.image for candidate in kept], variant, copper_is_dark)
    return Lesson(golden, tuple(refused), tuple(kept))


def teach_clean(template: ImageU8, *, variant: int, copper_is_dark: bool = True) -> GoldenReference:
    """Takes one clean, registered image of the artwork, shape (side, side), as reference."""
    smooth = _smooth(template)
    return GoldenReference(variant, smooth, np.zeros_like(smooth), copper_is_dark, images=1)


def validate(lesson: Lesson) -> tuple[Taken, ...]:
    """Compares each image with a reference taught from those in the other half (all others where there are few)."""
    taken: list[Taken] = []
    kept, variant, copper_is_dark = lesson.kept, lesson.golden.variant, lesson.golden.copper_is_dark
    folds = 2 if len(kept) >= 2 * IMAGES_MIN else len(kept)
    for fold in range(folds):
        others = [candidate.image for index, candidate in enumerate(kept) if index % folds != fold]
        comparator = Comparator(_golden_of(others, variant, copper_is_dark))
        taken += [
            Taken(
                candidate.name,
                candidate.residual_px,
                candidate.health.blur_px if candidate.health is not None else math.nan,
                candidate.health.light_level if candidate.health is not None else math.nan,
                len(comparator.compare(candidate.image).regions),
            )
            for candidate in kept[fold::folds]
        ]
    return tuple(sorted(taken, key=lambda item: item.name))


def _checked(
    item: TeachImage, calibration: Calibration, registrar: Registrar, variant: int, limits: ImageLimits
) -> Candidate:
    straight = calibration.straighten(check_image(item.image, calibration.width_px, calibration.height_px))
    registration = registrar.locate(straight)
    if registration.variant != variant:
        raise RegistrationError(f"shows variant {registration.variant}, not {variant}")
    health = measure(straight, registration.markers.values(), item.exposure_s)
    problem = limits.problem(health, registration.residual_px)
    if problem is not None:
        raise ImageError(problem)
    image = _smooth(registrar.rectify(straight, registration))
    return Candidate(item.name, image, registration.residual_px, health)


def _smooth(image: ImageU8) -> ImageU8:
    return np.asarray(cv2.GaussianBlur(image, (SMOOTHING_PX, SMOOTHING_PX), 0), dtype=np.uint8)


def _in_common_light(images: list[ImageU8]) -> list[ImageU8]:
    normaliser = LightNormaliser(images[0])
    return [images[0], *(normaliser.normalise(image) for image in images[1:])]


def _is_unlike(image: ImageU8, draft: GoldenReference) -> bool:
    """Whether a place of an image, away from edges, is unlike the median of all images."""
    limit = _OUTLIER_SHARE * draft.levels.contrast
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_OUTLIER_EDGE_PX, _OUTLIER_EDGE_PX))
    above = cv2.subtract(image, cv2.dilate(draft.mean, disk))
    below = cv2.subtract(cv2.erode(draft.mean, disk), image)
    return bool(np.count_nonzero(np.maximum(above, below) > limit) >= 3)


def _golden_of(images: list[ImageU8], variant: int, copper_is_dark: bool) -> GoldenReference:
    stack = np.stack(images).astype(np.float32)
    mean: ImageU8 = np.round(stack.mean(axis=0)).astype(np.uint8)
    # Few images give a ragged deviation: it is smoothed, and rounded up so that it compresses well on disk.
    deviation = cv2.blur(3.0 * stack.std(axis=0, ddof=1), (_SPREAD_SMOOTHING_PX, _SPREAD_SMOOTHING_PX))
    rounded = np.ceil(np.asarray(deviation) / _SPREAD_STEP_LEVEL) * _SPREAD_STEP_LEVEL
    spread: ImageU8 = np.clip(rounded, 0, 255).astype(np.uint8)
    return GoldenReference(variant, mean, spread, copper_is_dark, len(images))


def _need_enough(variant: int, kept: int, refused: list[Refusal]) -> None:
    if kept >= IMAGES_MIN:
        return
    why = "; ".join(f"{refusal.name}: {refusal.reason}" for refusal in refused) or "none refused"
    raise GoldenError(f"variant {variant}: {kept} good images, need {IMAGES_MIN} ({why})")
