"""Compares a rectified board with its golden reference, tolerant to light, focus and small misregistration.

Every pixel of a good board lies between the darkest and the brightest the reference shows within a few pixels around.
Two such envelopes are used, as in hysteresis thresholding: what leaves the wide one is a defect for sure, and the
defect reaches as far as the narrow one is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.alignment import ArtworkAligner
from workcell_perception.golden import GoldenReference
from workcell_perception.normalise import LightNormaliser

ImageU8 = npt.NDArray[np.uint8]
Int32Array = npt.NDArray[np.int32]


@dataclass(frozen=True)
class ComparisonSettings:
    """Tolerances of the comparison.

    Radii are how far an edge may lie off in [px]; tolerances are shares of the contrast between copper and substrate.
    A region counts with at least `area_min_px` pixels, of which `seed_area_min_px` leave the wide envelope, or with
    `shallow_area_min_px` that leave the narrow one alone: an edge that is off a little over a length. With
    `aligns_artwork` a board that differs is compared again after alignment by its artwork: who passes needs none.
    """

    seed_radius_px: int = 2
    grow_radius_px: int = 1
    seed_tolerance: float = 0.38
    grow_tolerance: float = 0.28
    seed_area_min_px: int = 3
    area_min_px: int = 9
    shallow_area_min_px: int = 16
    smoothing_px: int = 3
    aligns_artwork: bool = True


DEFAULT_COMPARISON = ComparisonSettings()
TWO_LEVEL_COMPARISON = ComparisonSettings(seed_tolerance=0.6, grow_tolerance=0.4, area_min_px=16)
"""For images that were made black and white: all contrast, no noise, and edges as ragged as the threshold left them."""


@dataclass(frozen=True)
class Region:
    """A connected place where copper is missing or extra.

    `box` is (x1, y1, x2, y2) with the second corner exclusive; `mask` is 1 inside, shape of the box; `excess` is the
    mean difference from the reference as share of the contrast.
    """

    is_extra_copper: bool
    box: tuple[int, int, int, int]
    mask: ImageU8
    area_px: int
    excess: float


class Comparator:
    """Compares boards with one golden reference."""

    def __init__(self, golden: GoldenReference, settings: ComparisonSettings = DEFAULT_COMPARISON) -> None:
        self.golden = golden
        self.copper = golden.copper()
        self._settings = settings
        self._contrast_level = golden.levels.contrast
        self._normaliser = LightNormaliser(golden.mean)
        self._aligner = ArtworkAligner(golden.mean)
        self._wide = _envelope(golden, settings.seed_radius_px, settings.seed_tolerance * self._contrast_level)
        self._narrow = _envelope(golden, settings.grow_radius_px, settings.grow_tolerance * self._contrast_level)

    def compare(self, rectified: ImageU8) -> tuple[Region, ...]:
        """Finds where a rectified board (side, side) differs from the reference beyond tolerance."""
        normal = self._normaliser.normalise(rectified)
        smoothing = self._settings.smoothing_px
        if smoothing > 1:
            normal = np.asarray(cv2.GaussianBlur(normal, (smoothing, smoothing), 0), dtype=np.uint8)
        regions = self._compare_in_place(normal)
        if not regions or not self._settings.aligns_artwork:
            return regions
        return self._compare_in_place(self._aligner.align(normal))

    def _compare_in_place(self, normal: ImageU8) -> tuple[Region, ...]:
        return (*self._regions(normal, below=True), *self._regions(normal, below=False))

    def _regions(self, image: ImageU8, *, below: bool) -> list[Region]:
        narrow = _leaving(image, self._narrow, below=below)
        if cv2.countNonZero(narrow) < self._settings.area_min_px:
            return []
        seeds = _leaving(image, self._wide, below=below)
        differs = cv2.bitwise_or(narrow, seeds)
        # Labelling is what costs: only the part of the board that differs is labelled.
        left, top, width, height = cv2.boundingRect(differs)
        part = (slice(top, top + height), slice(left, left + width))
        _, raw_labels, stats, _ = cv2.connectedComponentsWithStats(differs[part], connectivity=8)
        labels: Int32Array = np.asarray(raw_labels, dtype=np.int32)
        is_extra = below == self.golden.copper_is_dark
        regions = []
        for label in self._counting(labels, np.asarray(stats), seeds[part]):
            x, y, width, height, area = (int(n) for n in stats[label])
            place = (slice(y, y + height), slice(x, x + width))
            mask: ImageU8 = (labels[place] == label).astype(np.uint8)
            excess = self._excess(image[part][place], self.golden.mean[part][place], mask)
            box = (left + x, top + y, left + x + width, top + y + height)
            regions.append(Region(is_extra, box, mask, area, excess))
        return regions

    def _counting(self, labels: Int32Array, stats: Int32Array, seeds: ImageU8) -> Int32Array:
        """The labels that count as regions."""
        settings = self._settings
        seed_areas = np.bincount(labels[seeds > 0], minlength=len(stats))
        areas = stats[:, cv2.CC_STAT_AREA]
        is_deep = (seed_areas >= settings.seed_area_min_px) & (areas >= settings.area_min_px)
        # A reference of one image does not tell how much its edges vary from board to board.
        is_wide = (areas >= settings.shallow_area_min_px) & (self.golden.images > 1)
        counts = is_deep | is_wide
        counts[0] = False
        return np.flatnonzero(counts).astype(np.int32)

    def _excess(self, image: ImageU8, reference: ImageU8, mask: ImageU8) -> float:
        difference = cv2.absdiff(image, reference)
        return float(cv2.mean(difference, mask)[0]) / self._contrast_level


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
