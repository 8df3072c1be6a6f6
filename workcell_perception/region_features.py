"""What a differing region looks like in numbers, for a learned classifier: its shape, what it does to the copper around
it, and what else differs nearby. Levels are shares of the contrast, lengths are pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import Box, Comparator, Comparison, Region

ImageU8 = npt.NDArray[np.uint8]
Float32Array = npt.NDArray[np.float32]

_WINDOW_PX = 14
_TOPOLOGY_MARGINS_PX = (3, 7, 14)
_PIECE_MIN_PX = 4
_RING_PIECE_MIN_PX = 2
_DEPTH_MAX_PX = 20.0
_FAR_PX = 200.0
_NEAR_PX = 30.0
_DISKS = {r: cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * r + 1, 2 * r + 1)) for r in (1, 2, 3)}

_TOPOLOGY = ("copper_pieces", "copper_pieces_gained", "gap_pieces", "gap_pieces_gained", "copper_share")
FEATURES = (
    *("is_extra", "area", "width", "height", "excess_mean", "excess_max", "thickness"),
    *("axis_long", "axis_short", "roundness", "fill"),
    *(f"{name}_within_{margin}" for margin in _TOPOLOGY_MARGINS_PX for name in _TOPOLOGY),
    *("own_area", "own_copper_gained", "own_gap_gained"),
    *(f"ring_{radius}_{name}" for radius in (1, 2) for name in ("copper_pieces", "gap_pieces", "copper_share")),
    *("depth_min", "depth_mean", "depth_max", "feature_depth"),
    *("differs_around", "difference_around", "border_distance", "regions", "displacement"),
    *("like_distance", "unlike_distance", "like_area_ratio", "unlike_area_ratio"),
)


def region_features(comparison: Comparison, comparator: Comparator) -> Float32Array:
    """Describes each region of a comparison, shape (regions, len(FEATURES))."""
    regions = comparison.regions
    if not regions:
        return np.empty((0, len(FEATURES)), dtype=np.float32)
    side = comparison.alignment.image.shape[0]
    differs: ImageU8 = np.zeros((side, side), dtype=np.uint8)
    for region in regions:
        x1, y1, x2, y2 = region.box
        differs[y1:y2, x1:x2] |= region.mask
    rows = [_Window(region, comparison, comparator, differs).features() for region in regions]
    neighbours = [_neighbour_features(region, regions) for region in regions]
    return np.array([[*row, *near] for row, near in zip(rows, neighbours, strict=True)], dtype=np.float32)


class _Window:
    """A region and what is around it, in reference and board."""

    def __init__(self, region: Region, comparison: Comparison, comparator: Comparator, differs: ImageU8) -> None:
        self._region, self._comparison = region, comparison
        self._side = differs.shape[0]
        x1, y1, x2, y2 = region.box
        self._left, self._top = max(x1 - _WINDOW_PX, 0), max(y1 - _WINDOW_PX, 0)
        place = (slice(self._top, y2 + _WINDOW_PX), slice(self._left, x2 + _WINDOW_PX))
        golden = comparator.golden
        reference, board = golden.mean[place], comparison.alignment.image[place]
        self._contrast = golden.levels.contrast
        self._difference = cv2.absdiff(reference, board)
        self._differs = differs[place]
        self._mask: ImageU8 = np.zeros(reference.shape, dtype=np.uint8)
        self._mask[y1 - self._top : y2 - self._top, x1 - self._left : x2 - self._left] = region.mask
        self._copper = comparator.copper[place]
        is_dark = board <= golden.levels.threshold
        self._board_copper: ImageU8 = (is_dark if golden.copper_is_dark else ~is_dark).astype(np.uint8)

    def features(self) -> list[float]:
        """All but the neighbours', in the order of FEATURES."""
        groups = (self._shape(), *(self._topology(margin) for margin in _TOPOLOGY_MARGINS_PX))
        rest = (self._own_effect(), self._rings(), self._depths(), self._surroundings())
        return [value for group in (*groups, *rest) for value in group]

    def _shape(self) -> list[float]:
        region = self._region
        x1, y1, x2, y2 = region.box
        highest = cv2.minMaxLoc(self._difference, self._mask)[1] / self._contrast
        framed = cv2.copyMakeBorder(region.mask, 1, 1, 1, 1, cv2.BORDER_CONSTANT)
        thickness = cv2.minMaxLoc(cv2.distanceTransform(framed, cv2.DIST_L2, 3))[1]
        moments = cv2.moments(region.mask, True)
        xx, xy, yy = (moments[name] / region.area_px for name in ("mu20", "mu11", "mu02"))
        spread = math.sqrt(max((xx - yy) ** 2 / 4 + xy * xy, 0.0))
        long, short = (xx + yy) / 2 + spread, max((xx + yy) / 2 - spread, 0.0)
        fill = region.area_px / ((x2 - x1) * (y2 - y1))
        sizes = [float(region.is_extra_copper), region.area_px, x2 - x1, y2 - y1, region.excess, highest, thickness]
        return [*sizes, math.sqrt(long), math.sqrt(short), math.sqrt((short + 0.1) / (long + 0.1)), fill]

    def _topology(self, margin_px: int) -> list[float]:
        x1, y1, x2, y2 = self._region.box
        rows = slice(max(y1 - margin_px - self._top, 0), y2 + margin_px - self._top)
        columns = slice(max(x1 - margin_px - self._left, 0), x2 + margin_px - self._left)
        before, after = self._copper[rows, columns], self._board_copper[rows, columns]
        copper, gap = _pieces(before), _pieces(1 - before)
        return [
            *(copper, _pieces(after) - copper, gap, _pieces(1 - after) - gap),
            cv2.countNonZero(before) / before.size,
        ]

    def _own_effect(self) -> list[float]:
        """What the reference's copper would become if nothing but this region differed."""
        own = cv2.bitwise_and(cv2.dilate(self._mask, _DISKS[2]), cv2.bitwise_xor(self._copper, self._board_copper))
        changed = cv2.bitwise_xor(self._copper, own)
        gained = _pieces(changed) - _pieces(self._copper)
        return [cv2.countNonZero(own), gained, _pieces(1 - changed) - _pieces(1 - self._copper)]

    def _rings(self) -> list[float]:
        values: list[float] = []
        reached = cv2.dilate(self._mask, _DISKS[1])
        for radius in (1, 2):
            wider = cv2.dilate(reached, _DISKS[radius])
            ring = cv2.subtract(wider, reached)
            copper = cv2.bitwise_and(ring, self._copper)
            pieces = (_pieces(copper, _RING_PIECE_MIN_PX), _pieces(cv2.subtract(ring, copper), _RING_PIECE_MIN_PX))
            values += [*pieces, cv2.countNonZero(copper) / max(cv2.countNonZero(ring), 1)]
            reached = wider
        return values

    def _depths(self) -> list[float]:
        """How deep the region lies in the material that it changes, and how deep that material is there."""
        material = 1 - self._copper if self._region.is_extra_copper else self._copper
        depth = np.minimum(cv2.distanceTransform(material, cv2.DIST_L2, 3), _DEPTH_MAX_PX)
        low, high, _, _ = cv2.minMaxLoc(depth, self._mask)
        mean = cv2.mean(depth, self._mask)[0]
        return [low, mean, high, cv2.minMaxLoc(depth, cv2.dilate(self._mask, _DISKS[3]))[1]]

    def _surroundings(self) -> list[float]:
        x1, y1, x2, y2 = self._region.box
        others = (cv2.countNonZero(self._differs) - self._region.area_px) / self._differs.size
        outside = cv2.subtract(np.ones_like(self._mask), cv2.dilate(self._mask, _DISKS[3]))
        difference = cv2.mean(self._difference, outside)[0] / self._contrast
        border = min(x1, y1, self._side - x2, self._side - y2)
        moved = math.hypot(*self._comparison.alignment.displacement((x1 + x2) / 2, (y1 + y2) / 2))
        return [others, difference, border, len(self._comparison.regions), moved]


def _neighbour_features(region: Region, regions: Sequence[Region]) -> list[float]:
    """Distance in [px] to the nearest region of the same and of the other polarity, and their areas if near."""
    distances, ratios = [], []
    for alike in (True, False):
        others = [
            (_gap_px(region.box, other.box), other)
            for other in regions
            if other is not region and (other.is_extra_copper == region.is_extra_copper) is alike
        ]
        distance, nearest = min(others, key=lambda item: item[0], default=(_FAR_PX, region))
        distances.append(min(distance, _FAR_PX))
        ratios.append(nearest.area_px / region.area_px if distance < _NEAR_PX else 0.0)
    return [*distances, *ratios]


def _gap_px(first: Box, second: Box) -> float:
    across = max(max(first[0], second[0]) - min(first[2], second[2]), 0)
    down = max(max(first[1], second[1]) - min(first[3], second[3]), 0)
    return math.hypot(across, down)


def _pieces(mask: npt.NDArray[Any], area_min_px: int = _PIECE_MIN_PX) -> int:
    _, _, stats, _ = cv2.connectedComponentsWithStats(np.asarray(mask, dtype=np.uint8), connectivity=8)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] >= area_min_px))
