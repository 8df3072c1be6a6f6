"""Names what differs: the kind of a defect follows from its polarity and from what it touches.

Looked at along a ring around the region: copper missing amid copper is a pin hole, at an edge a mouse bite, across a
conductor an open. Its dual is extra copper: alone it is spurious, touching one conductor a spur, touching two a short.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import Region

ImageU8 = npt.NDArray[np.uint8]
Box = tuple[int, int, int, int]


class DefectClass(StrEnum):
    """Classes of defects as they are published."""

    OPEN = "open"
    SHORT = "short"
    MOUSE_BITE = "mouse_bite"
    SPUR = "spur"
    SPURIOUS_COPPER = "spurious_copper"
    PIN_HOLE = "pin_hole"
    MISSING = "missing"
    SHIFTED = "shifted"
    OTHER = "other"


@dataclass(frozen=True)
class FoundDefect:
    """A defect: `box` (x1, y1, x2, y2) in rectified pixels, second corner exclusive; `score` 0..1."""

    kind: DefectClass
    box: Box
    area_px: int
    score: float


@dataclass(frozen=True)
class ClassifierSettings:
    """How far around a region is looked, and what counts as touching.

    The comparison tolerates edges that lie off, so a region ends `*_reach_px` short of the edges it belongs to; the
    ring of `ring_px` begins there. Extra copper with no gap around it at `enclosed_reach_px` fills a hole.
    A region whose ring is copper to less than `missing_copper_share` has lost a whole feature. `box_pad_px` widens
    boxes to how people draw them; 0 leaves them tight.
    """

    lacking_reach_px: int = 1
    extra_reach_px: int = 0
    enclosed_reach_px: int = 2
    ring_px: int = 2
    piece_min_px: int = 3
    missing_copper_share: float = 0.34
    missing_area_min_px: int = 60
    score_area_px: float = 12.0
    box_pad_px: int = 0


DEFAULT_CLASSIFIER = ClassifierSettings()


@dataclass(frozen=True)
class _Ring:
    """What a ring around a region passes: how many separate pieces of copper and of gap, and copper's share."""

    copper_pieces: int
    gap_pieces: int
    copper_share: float


def name_defects(
    regions: tuple[Region, ...], copper: ImageU8, settings: ClassifierSettings = DEFAULT_CLASSIFIER
) -> tuple[FoundDefect, ...]:
    """Classifies regions against the reference's copper (side, side), the most certain first."""
    shifted, others = _pair_shifted(regions)
    found = [_defect(DefectClass.SHIFTED, pair, copper.shape[0], settings) for pair in shifted]
    found += [_defect(_kind_of(region, copper, settings), (region,), copper.shape[0], settings) for region in others]
    return tuple(sorted(found, key=lambda defect: (-defect.score, defect.box)))


def _defect(kind: DefectClass, regions: tuple[Region, ...], side_px: int, settings: ClassifierSettings) -> FoundDefect:
    pad = settings.box_pad_px
    corners = np.array([region.box for region in regions])
    x1, y1 = (int(n) for n in np.maximum(corners[:, :2].min(axis=0) - pad, 0))
    x2, y2 = (int(n) for n in np.minimum(corners[:, 2:].max(axis=0) + pad, side_px))
    area_px = sum(region.area_px for region in regions)
    excess = max(region.excess for region in regions)
    score = min(excess, 1.0) * area_px / (area_px + settings.score_area_px)
    return FoundDefect(kind, (x1, y1, x2, y2), area_px, score)


def _kind_of(region: Region, copper: ImageU8, settings: ClassifierSettings) -> DefectClass:
    if not region.is_extra_copper:
        ring = _look_around(region, copper, settings.lacking_reach_px, settings)
        return _kind_of_lacking(ring, region.area_px, settings)
    if _look_around(region, copper, settings.enclosed_reach_px, settings).gap_pieces == 0:
        return DefectClass.OTHER
    return _kind_of_extra(_look_around(region, copper, settings.extra_reach_px, settings))


def _kind_of_extra(ring: _Ring) -> DefectClass:
    if ring.copper_pieces == 0:
        return DefectClass.SPURIOUS_COPPER
    return DefectClass.SHORT if ring.copper_pieces >= 2 else DefectClass.SPUR


def _kind_of_lacking(ring: _Ring, area_px: int, settings: ClassifierSettings) -> DefectClass:
    if ring.gap_pieces == 0:
        return DefectClass.PIN_HOLE
    if ring.copper_pieces >= 2 and ring.gap_pieces >= 2:
        return DefectClass.OPEN
    if ring.copper_share < settings.missing_copper_share and area_px >= settings.missing_area_min_px:
        return DefectClass.MISSING
    return DefectClass.MOUSE_BITE if ring.copper_pieces else DefectClass.MISSING


def _look_around(region: Region, copper: ImageU8, reach_px: int, settings: ClassifierSettings) -> _Ring:
    x1, y1, x2, y2 = region.box
    margin = reach_px + settings.ring_px + 1
    left, top = max(x1 - margin, 0), max(y1 - margin, 0)
    window = copper[top : y2 + margin, left : x2 + margin]
    inside: ImageU8 = np.zeros(window.shape, dtype=np.uint8)
    inside[y1 - top : y2 - top, x1 - left : x2 - left] = region.mask
    reached = _grown(inside, reach_px)
    ring = cv2.subtract(_grown(reached, settings.ring_px), reached)
    ring_copper = cv2.bitwise_and(ring, window)
    ring_gap = cv2.subtract(ring, ring_copper)
    ring_area = max(cv2.countNonZero(ring), 1)
    return _Ring(
        copper_pieces=_pieces(ring_copper, settings.piece_min_px),
        gap_pieces=_pieces(ring_gap, settings.piece_min_px),
        copper_share=cv2.countNonZero(ring_copper) / ring_area,
    )


def _grown(mask: ImageU8, radius_px: int) -> ImageU8:
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))
    return np.asarray(cv2.dilate(mask, disk), dtype=np.uint8)


def _pieces(mask: npt.NDArray[np.generic], area_min_px: int) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, dtype=np.uint8), connectivity=8)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= area_min_px))


_SHIFT_AREA_RATIO_MIN = 0.6
_SHIFT_AREA_MIN_PX = 40
_SHIFT_GAP_PX = 24
_SHIFT_SHAPE_MATCH_MIN = 0.7


def _pair_shifted(regions: tuple[Region, ...]) -> tuple[list[tuple[Region, ...]], list[Region]]:
    """Splits off pairs of lacking and extra copper of one shape side by side: a feature that moved."""
    lacking = [r for r in regions if not r.is_extra_copper and r.area_px >= _SHIFT_AREA_MIN_PX]
    extra = [r for r in regions if r.is_extra_copper and r.area_px >= _SHIFT_AREA_MIN_PX]
    pairs: list[tuple[Region, ...]] = []
    used: set[int] = set()
    for gone in lacking:
        match = next((come for come in extra if id(come) not in used and _is_moved(gone, come)), None)
        if match is not None:
            pairs.append((gone, match))
            used |= {id(gone), id(match)}
    return pairs, [region for region in regions if id(region) not in used]


def _is_moved(gone: Region, come: Region) -> bool:
    small, large = sorted((gone.area_px, come.area_px))
    if small < _SHIFT_AREA_RATIO_MIN * large or _gap(gone.box, come.box) > _SHIFT_GAP_PX:
        return False
    size = (max(gone.mask.shape[1], come.mask.shape[1]), max(gone.mask.shape[0], come.mask.shape[0]))
    first, second = (_padded(region.mask, size) for region in (gone, come))
    both, either = cv2.countNonZero(first & second), cv2.countNonZero(first | second)
    return both >= _SHIFT_SHAPE_MATCH_MIN * either


def _padded(mask: ImageU8, size: tuple[int, int]) -> ImageU8:
    """A mask centred in a frame of `size` (width, height)."""
    right, below = size[0] - mask.shape[1], size[1] - mask.shape[0]
    frame = cv2.copyMakeBorder(
        mask, below // 2, below - below // 2, right // 2, right - right // 2, cv2.BORDER_CONSTANT
    )
    return np.asarray(frame, dtype=np.uint8)


def _gap(first: Box, second: Box) -> int:
    """Distance between two boxes along the axis where it is larger, 0 if they overlap."""
    across = max(first[0], second[0]) - min(first[2], second[2])
    down = max(first[1], second[1]) - min(first[3], second[3])
    return max(across, down, 0)
