"""Compares a rectified board with its golden reference, tolerant to light, focus and small misregistration.

Every pixel of a good board lies between the darkest and the brightest the reference shows within a few pixels around.
Two such envelopes are used, as in hysteresis thresholding: what leaves the wide one is a defect for sure, and the
defect reaches as far as the narrow one is left.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.alignment import Alignment, ArtworkAligner, unaligned
from workcell_perception.blur import LADDER_PX, BlurMatcher, blurred
from workcell_perception.golden import GoldenReference
from workcell_perception.normalise import LightNormaliser

ImageU8 = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


class AlignArtwork(Enum):
    """When a board is aligned by its artwork before it is compared."""

    NEVER = "never"
    WHERE_DIFFERENT = "where_different"
    ALWAYS = "always"


@dataclass(frozen=True)
class ComparisonSettings:
    """Tolerances of the comparison.

    Radii are how far an edge may lie off in [px]; tolerances are shares of the contrast between copper and substrate.
    A region counts with at least `area_min_px` pixels, of which `seed_area_min_px` leave the wide envelope, or with
    `shallow_area_min_px` that leave the narrow one alone: an edge that is off a little over a length. Fragments no
    farther apart than twice `join_px` are one region. Who passes without alignment by artwork needs none, unless a
    board is known to differ.
    """

    seed_radius_px: int = 2
    grow_radius_px: int = 1
    seed_tolerance: float = 0.38
    grow_tolerance: float = 0.28
    seed_area_min_px: int = 3
    area_min_px: int = 9
    shallow_area_min_px: int = 16
    smoothing_px: int = 3
    join_px: int = 0
    normalises_light: bool = True
    align_artwork: AlignArtwork = AlignArtwork.WHERE_DIFFERENT
    matches_blur: bool = True

    def blurred(self, sigma_px: float) -> ComparisonSettings:
        """Settings for board and reference both blurred: defects are fainter, and so are edges that lie off."""
        if sigma_px <= 0.0:
            return self
        share = max(1.0 - _FADING_PER_PX * sigma_px, _FADED_MIN)
        return replace(
            self,
            seed_radius_px=1,
            seed_tolerance=share * self.seed_tolerance,
            grow_tolerance=share * self.grow_tolerance,
            smoothing_px=_BLURRED_SMOOTHING_PX,
        )


# How fast defects fade with blur, down to which share of their contrast; and the smoothing that then costs nothing.
_FADING_PER_PX = 0.25
_FADED_MIN = 0.45
_BLURRED_SMOOTHING_PX = 5
_RUNGS_KEPT_MAX = 3
# Column of OpenCV's hierarchy of outlines.
_PARENT = 3

DEFAULT_COMPARISON = ComparisonSettings()


@dataclass(frozen=True)
class Region:
    """A connected place where copper is missing or extra.

    `box` is (x1, y1, x2, y2) with the second corner exclusive; `mask` is 1 inside, shape of the box; `excess` is the
    mean difference from the reference as share of the contrast.
    """

    is_extra_copper: bool
    box: Box
    mask: ImageU8
    area_px: int
    excess: float


@dataclass(frozen=True)
class Comparison:
    """The regions in which a board differs, in the reference's pixels, and the board as it was compared."""

    regions: tuple[Region, ...]
    alignment: Alignment

    def box_in_image(self, box: Box) -> Box:
        """Where the board as it was given shows a box of the reference."""
        x1, y1, x2, y2 = box
        shift_x, shift_y = (round(shift) for shift in self.alignment.displacement((x1 + x2) / 2, (y1 + y2) / 2))
        side = self.alignment.image.shape[0]
        left, top = min(max(x1 + shift_x, 0), side - 1), min(max(y1 + shift_y, 0), side - 1)
        return left, top, min(max(x2 + shift_x, left + 1), side), min(max(y2 + shift_y, top + 1), side)


class Comparator:
    """Compares boards with one golden reference, blurred as much as the board."""

    def __init__(self, golden: GoldenReference, settings: ComparisonSettings = DEFAULT_COMPARISON) -> None:
        self.golden = golden
        self.copper = golden.copper()
        self._settings = settings
        self._normaliser = LightNormaliser(golden.mean)
        self._rungs: OrderedDict[int, _SharpnessComparator] = OrderedDict()

    def compare(self, rectified: ImageU8) -> Comparison:
        """Finds where a rectified board (side, side) differs from the reference beyond tolerance."""
        normal = self._normaliser.normalise(rectified) if self._settings.normalises_light else rectified
        rung = self._blur_matcher.match(normal) if self._settings.matches_blur else 0
        return self._rung(rung).compare(normal)

    def _rung(self, rung: int) -> _SharpnessComparator:
        known = self._rungs.get(rung)
        if known is None:
            sigma_px = LADDER_PX[rung]
            golden = replace(self.golden, mean=blurred(self.golden.mean, sigma_px))
            known = self._rungs[rung] = _SharpnessComparator(
                golden, self._settings.blurred(sigma_px), self.golden.levels.contrast
            )
            if len(self._rungs) > _RUNGS_KEPT_MAX:
                self._rungs.popitem(last=False)
        self._rungs.move_to_end(rung)
        return known

    @cached_property
    def _blur_matcher(self) -> BlurMatcher:
        return BlurMatcher(self.golden.mean)


class _SharpnessComparator:
    """Compares boards of one sharpness, in the reference's light."""

    def __init__(self, golden: GoldenReference, settings: ComparisonSettings, contrast_level: float) -> None:
        self._golden = golden
        self._settings = settings
        self._contrast_level = contrast_level
        self._aligner = ArtworkAligner(golden.mean, contrast_level)
        self._wide = _envelope(golden, settings.seed_radius_px, settings.seed_tolerance * contrast_level)
        self._narrow = _envelope(golden, settings.grow_radius_px, settings.grow_tolerance * contrast_level)

    def compare(self, normal: ImageU8) -> Comparison:
        """Finds where a board (side, side) differs."""
        settings = self._settings
        if settings.smoothing_px > 1:
            normal = np.asarray(cv2.GaussianBlur(normal, (settings.smoothing_px,) * 2, 0), dtype=np.uint8)
        if settings.align_artwork is not AlignArtwork.ALWAYS:
            regions = self._compare_in_place(normal)
            if not regions or settings.align_artwork is AlignArtwork.NEVER:
                return Comparison(regions, unaligned(normal))
        alignment = self._aligner.align(normal)
        return Comparison(self._compare_in_place(alignment.image), alignment)

    def _compare_in_place(self, normal: ImageU8) -> tuple[Region, ...]:
        return (*self._regions(normal, below=True), *self._regions(normal, below=False))

    def _regions(self, image: ImageU8, *, below: bool) -> list[Region]:
        narrow = _leaving(image, self._narrow, below=below)
        if cv2.countNonZero(narrow) < self._settings.area_min_px:
            return []
        seeds = _leaving(image, self._wide, below=below)
        differs = cv2.bitwise_or(narrow, seeds)
        # Outlines are found much faster than all pixels are labelled, where few differ.
        outlines, nesting = cv2.findContours(self._joined(differs), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
        regions: list[Region] = []
        for index, outline in enumerate(outlines):
            x, y, width, height = cv2.boundingRect(outline)
            is_hole = nesting[0][index][_PARENT] >= 0
            if is_hole or width * height < self._settings.area_min_px:
                continue
            place = (slice(y, y + height), slice(x, x + width))
            inside: ImageU8 = np.zeros((height, width), dtype=np.uint8)
            cv2.drawContours(inside, outlines, index, 1, cv2.FILLED, cv2.LINE_8, nesting, 1, (-x, -y))
            mask: ImageU8 = np.asarray(cv2.bitwise_and(inside, differs[place]), dtype=np.uint8)
            if not self._counts(mask, seeds[place]):
                continue
            excess = self._excess(image[place], self._golden.mean[place], mask)
            regions.append(_region(below == self._golden.copper_is_dark, mask, (x, y), excess))
        return sorted(regions, key=lambda region: (region.box[1], region.box[0]))

    def _joined(self, differs: npt.NDArray[Any]) -> npt.NDArray[Any]:
        reach = 2 * self._settings.join_px + 1
        return cv2.dilate(differs, np.ones((reach, reach), dtype=np.uint8)) if reach > 1 else differs

    def _counts(self, mask: ImageU8, seeds: npt.NDArray[Any]) -> bool:
        """Whether what differs is large and deep enough for a region."""
        settings = self._settings
        area = cv2.countNonZero(mask)
        if area >= settings.area_min_px and cv2.countNonZero(cv2.bitwise_and(mask, seeds)) >= settings.seed_area_min_px:
            return True
        # A reference of one image does not tell how much its edges vary from board to board.
        return area >= settings.shallow_area_min_px and self._golden.images > 1

    def _excess(self, image: ImageU8, reference: ImageU8, mask: ImageU8) -> float:
        difference = cv2.absdiff(image, reference)
        return float(cv2.mean(difference, mask)[0]) / self._contrast_level


def _region(is_extra_copper: bool, mask: ImageU8, origin: tuple[int, int], excess: float) -> Region:
    """A region whose mask begins at `origin` (x, y), cut to what is in the mask."""
    x, y, width, height = cv2.boundingRect(mask)
    left, top = origin[0] + x, origin[1] + y
    tight = np.ascontiguousarray(mask[y : y + height, x : x + width])
    return Region(is_extra_copper, (left, top, left + width, top + height), tight, cv2.countNonZero(tight), excess)


@dataclass(frozen=True)
class _Envelope:
    lowest: ImageU8
    highest: ImageU8


def _envelope(golden: GoldenReference, radius_px: int, tolerance_level: float) -> _Envelope:
    """The darkest and brightest a good board may be at each pixel."""
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    tolerance: ImageU8 = np.minimum(golden.spread.astype(np.int32) + round(tolerance_level), 255).astype(np.uint8)
    lowest = cv2.subtract(cv2.erode(golden.mean, disk), tolerance)
    highest = cv2.add(cv2.dilate(golden.mean, disk), tolerance)
    return _Envelope(np.asarray(lowest, dtype=np.uint8), np.asarray(highest, dtype=np.uint8))


def _leaving(image: ImageU8, envelope: _Envelope, *, below: bool) -> ImageU8:
    """255 where an image leaves an envelope to one side."""
    if below:
        return np.asarray(cv2.compare(image, envelope.lowest, cv2.CMP_LT), dtype=np.uint8)
    return np.asarray(cv2.compare(image, envelope.highest, cv2.CMP_GT), dtype=np.uint8)
