"""Aligns a rectified board to its reference by the artwork itself.

Fiducials place the board; the artwork may still lie a little off them, or be stretched. The remaining displacement is
modelled as a polynomial over the board, too stiff to hide a defect, and found by robust Gauss-Newton steps on the
reference's edges (B. D. Lucas and T. Kanade, 1981), from coarse to fine.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

STEPS_MAX = 6
SHIFT_CONVERGED_PX = 0.02
DISPLACEMENT_MAX_PX = 16.0
_EDGE_POINTS_MAX = 3000
_GRADIENT_SHARE_MIN = 0.15
_DAMPING = 1e-3
_NOTHING = np.empty((0, 0), dtype=np.float32)
# Reduction of the image and degree of the polynomial, from coarse to fine.
_STAGES = ((4, 1), (2, 2))


class ArtworkAligner:
    """Aligns images to one reference, shape (side, side)."""

    def __init__(self, reference: ImageU8) -> None:
        self._reference = reference
        self._side_px = reference.shape[0]

    def align(self, image: ImageU8) -> ImageU8:
        """Moves an image's artwork onto the reference's.

        Args:
            image: shape (side, side), in the reference's light.

        Returns:
            The moved image; where the image does not reach, the reference. The image itself where alignment fails.
        """
        coefficients = np.zeros((2, _basis_count(_STAGES[0][1])), dtype=np.float32)
        for stage in self._stages:
            grown = np.zeros((2, _basis_count(stage.degree)), dtype=np.float32)
            grown[:, : coefficients.shape[1]] = coefficients
            coefficients = stage.refine(image, grown)
        step = 16
        field = self._displacement(coefficients, step)
        if not np.isfinite(field).all() or np.abs(field).max() > DISPLACEMENT_MAX_PX:
            return image
        return self._moved(image, field)

    def _displacement(self, coefficients: Float32Array, step_px: int) -> Float32Array:
        """Displacement on a coarse grid of pixel blocks, shape (side / step, side / step, 2)."""
        centres = np.arange(step_px / 2 - 0.5, self._side_px, step_px)
        x, y = np.meshgrid(centres, centres)
        degree = _STAGES[-1][1]
        basis = _basis(x.ravel(), y.ravel(), self._side_px, degree)
        shape = (*x.shape, 2)
        return np.asarray((basis @ coefficients.T).reshape(shape), dtype=np.float32)

    def _moved(self, image: ImageU8, field: Float32Array) -> ImageU8:
        size = (self._side_px, self._side_px)
        dense = cv2.resize(field, size, interpolation=cv2.INTER_LINEAR) + self._identity
        border = cv2.BORDER_REPLICATE
        moved = cv2.remap(image, dense, None, cv2.INTER_LINEAR, borderMode=border)  # type: ignore[call-overload]
        reached = cv2.inRange(dense, (0.0, 0.0), (self._side_px - 1.0, self._side_px - 1.0))
        return np.asarray(cv2.copyTo(self._reference, cv2.bitwise_not(reached), moved), dtype=np.uint8)

    @cached_property
    def _stages(self) -> tuple[_Stage, ...]:
        return tuple(_make_stage(self._reference, reduction, degree) for reduction, degree in _STAGES)

    @cached_property
    def _identity(self) -> Float32Array:
        rows, columns = np.mgrid[: self._side_px, : self._side_px]
        return np.stack([columns, rows], axis=-1).astype(np.float32)


@dataclass(frozen=True)
class _Stage:
    """The reference's edge points at one reduction: position in [px] of the full image, level, and Jacobian."""

    reduction: int
    degree: int
    x: Float32Array
    y: Float32Array
    level: Float32Array
    basis: Float32Array
    jacobian: Float32Array

    def refine(self, image: ImageU8, coefficients: Float32Array) -> Float32Array:
        """Improves the displacement's coefficients (2, terms) by up to six steps."""
        if not len(self.x):
            return coefficients
        small = _reduced(image, self.reduction)
        for _ in range(STEPS_MAX):
            displacement = _product(self.basis, coefficients, cv2.GEMM_2_T)
            at_x = (self.x + displacement[:, 0] + 0.5) / self.reduction - 0.5
            at_y = (self.y + displacement[:, 1] + 0.5) / self.reduction - 0.5
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


def _make_stage(reference: ImageU8, reduction: int, degree: int) -> _Stage:
    small = _reduced(reference, reduction)
    grad_x = cv2.Sobel(small, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8) / reduction
    grad_y = cv2.Sobel(small, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8) / reduction
    strength = np.hypot(grad_x, grad_y)
    points = np.flatnonzero(strength > _GRADIENT_SHARE_MIN * float(strength.max()))
    points = points[:: len(points) // _EDGE_POINTS_MAX + 1]
    rows, columns = np.divmod(points, small.shape[1])
    x = ((columns + 0.5) * reduction - 0.5).astype(np.float32)
    y = ((rows + 0.5) * reduction - 0.5).astype(np.float32)
    basis = _basis(x, y, reference.shape[0], degree)
    along_x, along_y = grad_x.ravel()[points], grad_y.ravel()[points]
    jacobian = np.concatenate([basis * along_x[:, None], basis * along_y[:, None]], axis=1).astype(np.float32)
    return _Stage(reduction, degree, x, y, small.ravel()[points], basis, jacobian)


def _reduced(image: ImageU8, reduction: int) -> Float32Array:
    size = (image.shape[1] // reduction, image.shape[0] // reduction)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(small, (5, 5), 0), dtype=np.float32)


def _basis_count(degree: int) -> int:
    return (degree + 1) * (degree + 2) // 2


def _basis(x: npt.NDArray[np.generic], y: npt.NDArray[np.generic], side_px: int, degree: int) -> Float32Array:
    """Monomials of the position scaled to -1..1 up to a total degree, by ascending degree, shape (points, terms)."""
    half = side_px / 2
    u = (np.asarray(x, dtype=np.float32) - half) / half
    v = (np.asarray(y, dtype=np.float32) - half) / half
    terms = [u ** (total - power) * v**power for total in range(degree + 1) for power in range(total + 1)]
    return np.stack(terms, axis=1).astype(np.float32)
