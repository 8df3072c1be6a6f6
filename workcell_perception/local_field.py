"""Refines a displacement field place by place, where a board is stretched, bent or was scanned unevenly.

Each cell of a coarse grid takes one damped Gauss-Newton step after the other on the edges in and around it (B. D. Lucas
and T. Kanade, 1981). Cells are far larger than a defect and weigh outliers down, so that no defect is moved away.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

CELLS = 20
REDUCTION = 2
STEPS = 3
_STEP_MAX_PX = 2.0
# Shares of the contrast: a difference at which a pixel weighs half, and the edge strength per pixel that a cell needs.
_OUTLIER_SHARE = 0.16
_EDGE_SHARE_MIN = 0.0175
_NEIGHBOURS = (5, 5)
_NEIGHBOUR_SIGMA_CELLS = 1.0


class LocalField:
    """Displacements of images against one reference (side, side), whose contrast is in levels.

    A field has the shape (CELLS, CELLS, 2) and holds x, y in [px]: where the reference shows a point, the image shows
    it displaced by so much.
    """

    def __init__(self, reference: ImageU8, contrast_level: float) -> None:
        self._side_px = reference.shape[0]
        self._reference = reduced(reference, REDUCTION)
        self._outlier_level = max(_OUTLIER_SHARE * contrast_level, 1.0)
        self._damping = max((_EDGE_SHARE_MIN * contrast_level) ** 2, 1e-6)

    def refine(self, image: ImageU8, start: Float32Array, distance_px_max: float) -> Float32Array:
        """Improves a field, no cell by more than `distance_px_max` along an axis."""
        small = reduced(image, REDUCTION)
        side = small.shape[0]
        field = start
        for _ in range(STEPS):
            dense = cv2.resize(field / REDUCTION, (side, side), interpolation=cv2.INTER_LINEAR) + identity(side)
            moved = cv2.remap(small, dense, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
            step = REDUCTION * self._step(cv2.subtract(self._reference, moved))
            field = field + np.clip(step, -_STEP_MAX_PX, _STEP_MAX_PX)
        field = np.clip(field, start - distance_px_max, start + distance_px_max)
        return np.asarray(cv2.GaussianBlur(field, (3, 3), 0.7), dtype=np.float32)

    def _step(self, difference: npt.NDArray[Any]) -> Float32Array:
        """One step of every cell in reduced pixels, shape (CELLS, CELLS, 2)."""
        weight = np.asarray(difference, dtype=np.float32) / self._outlier_level
        np.multiply(weight, weight, out=weight)
        weight += 1.0
        np.divide(1.0, weight, out=weight)
        pull = weight * np.asarray(difference, dtype=np.float32)
        along_x, along_y = self._gradients
        xx, xy, yy = (_per_cell(cv2.multiply(weight, product)) for product in self._products)
        right_x, right_y = (_per_cell(cv2.multiply(pull, gradient)) for gradient in (along_x, along_y))
        xx, yy = xx + self._damping, yy + self._damping
        determinant = xx * yy - xy * xy
        step = np.stack([yy * right_x - xy * right_y, xx * right_y - xy * right_x], axis=-1)
        return np.asarray(step / determinant[..., None], dtype=np.float32)

    @cached_property
    def _gradients(self) -> tuple[Float32Array, Float32Array]:
        x, y = (cv2.Sobel(self._reference, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
        return np.asarray(x, dtype=np.float32), np.asarray(y, dtype=np.float32)

    @cached_property
    def _products(self) -> tuple[Float32Array, Float32Array, Float32Array]:
        along_x, along_y = self._gradients
        return along_x * along_x, along_x * along_y, along_y * along_y


def _per_cell(values: npt.NDArray[Any]) -> Float32Array:
    """Mean over each cell and, with falling weight, over the cells around it."""
    cells = cv2.resize(values, (CELLS, CELLS), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(cells, _NEIGHBOURS, _NEIGHBOUR_SIGMA_CELLS), dtype=np.float32)


def reduced(image: ImageU8, reduction: int) -> Float32Array:
    """An image at a lower resolution, smoothed."""
    size = (image.shape[1] // reduction, image.shape[0] // reduction)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 0), dtype=np.float32)


@lru_cache(maxsize=4)
def identity(side_px: int) -> Float32Array:
    """Each pixel's own x, y, shape (side, side, 2), read-only."""
    rows, columns = np.mgrid[:side_px, :side_px]
    grid = np.stack([columns, rows], axis=-1).astype(np.float32)
    grid.flags.writeable = False
    return grid
