"""Aligns a rectified board to its reference by the artwork itself.

Fiducials place the board; the artwork may still lie a little off them, or be stretched. The remaining displacement is
found by robust Gauss-Newton steps on the reference's edges (B. D. Lucas and T. Kanade, 1981): first of the whole board,
affine, then place by place, too stiffly to hide a defect.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.local_field import CELLS, LocalField, identity, reduced

Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

STEPS_MAX = 6
SHIFT_CONVERGED_PX = 0.1
DISPLACEMENT_MAX_PX = 16.0
LOCAL_PX_MAX = 4.0
_EDGE_POINTS_MAX = 1500
_GRADIENT_SHARE_MIN = 0.15
_DAMPING = 1e-3
_NOTHING = np.empty((0, 0), dtype=np.float32)
_REDUCTION = 4
_TERMS = 3


@dataclass(frozen=True)
class Alignment:
    """An image moved onto its reference, and by how much: `field` (cells, cells, 2) in [px], see `LocalField`."""

    image: ImageU8
    field: Float32Array

    def displacement(self, x_px: float, y_px: float) -> tuple[float, float]:
        """How far the original image shows a point of the reference displaced, x and y in [px]."""
        cell_px = self.image.shape[0] / len(self.field)
        row, column = (min(max(int(at / cell_px), 0), len(self.field) - 1) for at in (y_px, x_px))
        shift_x, shift_y = self.field[row, column]
        return float(shift_x), float(shift_y)


class ArtworkAligner:
    """Aligns images to one reference, shape (side, side), whose contrast is in levels."""

    def __init__(self, reference: ImageU8, contrast_level: float) -> None:
        self._reference = reference
        self._contrast_level = contrast_level
        self._side_px = reference.shape[0]

    def align(self, image: ImageU8) -> Alignment:
        """Moves an image's artwork onto the reference's.

        Args:
            image: shape (side, side), in the reference's light.

        Returns:
            The moved image; where the image does not reach, the reference. The image itself where alignment fails.
        """
        coefficients = self._whole.refine(image, np.zeros((2, _TERMS), dtype=np.float32))
        field = self._local.refine(image, self._grid_of(coefficients), LOCAL_PX_MAX)
        if not np.isfinite(field).all() or np.abs(field).max() > DISPLACEMENT_MAX_PX:
            return unaligned(image)
        return Alignment(self._moved(image, field), field)

    def _grid_of(self, coefficients: Float32Array) -> Float32Array:
        """Displacement of the middle of each cell, shape (CELLS, CELLS, 2)."""
        centres = (np.arange(CELLS) + 0.5) * self._side_px / CELLS - 0.5
        x, y = np.meshgrid(centres, centres)
        grid = _basis(x.ravel(), y.ravel(), self._side_px) @ coefficients.T
        return np.asarray(grid.reshape(CELLS, CELLS, 2), dtype=np.float32)

    def _moved(self, image: ImageU8, field: Float32Array) -> ImageU8:
        size = (self._side_px, self._side_px)
        dense = cv2.resize(field, size, interpolation=cv2.INTER_LINEAR) + identity(self._side_px)
        moved = self._reference.copy()
        # What lies outside the image is left as the reference has it.
        cv2.remap(image, dense, None, cv2.INTER_LINEAR, moved, cv2.BORDER_TRANSPARENT)  # type: ignore[call-overload]
        return moved

    @cached_property
    def _whole(self) -> _Affine:
        return _make_affine(self._reference)

    @cached_property
    def _local(self) -> LocalField:
        return LocalField(self._reference, self._contrast_level)


def unaligned(image: ImageU8) -> Alignment:
    """An image as it is."""
    return Alignment(image, np.zeros((CELLS, CELLS, 2), dtype=np.float32))


@dataclass(frozen=True)
class _Affine:
    """The reduced reference's edge points: position in [px] of the full image, level, and Jacobian."""

    x: Float32Array
    y: Float32Array
    level: Float32Array
    basis: Float32Array
    jacobian: Float32Array

    def refine(self, image: ImageU8, coefficients: Float32Array) -> Float32Array:
        """Improves the displacement's coefficients (2, terms) by up to six steps."""
        if not len(self.x):
            return coefficients
        small = reduced(image, _REDUCTION)
        for _ in range(STEPS_MAX):
            displacement = _product(self.basis, coefficients, cv2.GEMM_2_T)
            at_x = (self.x + displacement[:, 0] + 0.5) / _REDUCTION - 0.5
            at_y = (self.y + displacement[:, 1] + 0.5) / _REDUCTION - 0.5
            seen = cv2.remap(small, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).ravel()
            step = self._step(self.level - seen)
            coefficients = coefficients + step
            if float(np.abs(step).sum(axis=1).max()) < SHIFT_CONVERGED_PX:
                break
        return coefficients

    def _step(self, residual: Float32Array) -> Float32Array:
        """One Gauss-Newton step; far-off levels (defects) weigh little (Cauchy weights)."""
        scale = max(1.5 * float(np.median(np.abs(residual))), 2.0)
        weighted = self.jacobian / (1.0 + (residual / scale) ** 2)[:, None]
        products = _product(weighted, np.column_stack([self.jacobian, residual]), cv2.GEMM_1_T)
        normal, right = products[:, :-1].copy(), products[:, -1]
        normal[np.diag_indices_from(normal)] += _DAMPING * float(np.trace(normal)) / len(normal) + 1e-6
        step: Float32Array = np.linalg.solve(normal, right).astype(np.float32)
        return step.reshape(2, -1)


def _product(left: Float32Array, right: Float32Array, flags: int) -> Float32Array:
    """Matrix product by OpenCV and not by numpy: BLAS would start threads, which on a busy machine wait in circles."""
    return np.asarray(cv2.gemm(left, right, 1.0, _NOTHING, 0.0, flags=flags), dtype=np.float32)


def _make_affine(reference: ImageU8) -> _Affine:
    small = reduced(reference, _REDUCTION)
    grad_x = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8) / _REDUCTION
    grad_y = cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8) / _REDUCTION
    strength = np.hypot(grad_x, grad_y)
    points = np.flatnonzero(strength > _GRADIENT_SHARE_MIN * float(strength.max()))
    points = points[:: len(points) // _EDGE_POINTS_MAX + 1]
    rows, columns = np.divmod(points, small.shape[1])
    x = ((columns + 0.5) * _REDUCTION - 0.5).astype(np.float32)
    y = ((rows + 0.5) * _REDUCTION - 0.5).astype(np.float32)
    basis = _basis(x, y, reference.shape[0])
    along_x, along_y = grad_x.ravel()[points], grad_y.ravel()[points]
    jacobian = np.concatenate([basis * along_x[:, None], basis * along_y[:, None]], axis=1).astype(np.float32)
    return _Affine(x, y, small.ravel()[points], basis, jacobian)


def _basis(x: npt.NDArray[np.generic], y: npt.NDArray[np.generic], side_px: int) -> Float32Array:
    """1 and the position scaled to -1..1, shape (points, 3)."""
    half = side_px / 2
    u = (np.asarray(x, dtype=np.float32) - half) / half
    v = (np.asarray(y, dtype=np.float32) - half) / half
    return np.stack([np.ones_like(u), u, v], axis=1)
