"""Refines where a part is by its own artwork, to a few hundredths of a pixel.

Fiducials are small and blur moves their corners; the artwork has thousands of edges. The homography from reference to
image is corrected by robust Gauss-Newton steps on them, from coarse to fine (S. Baker and I. Matthews, 2004, with the
reference's gradients).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

STEPS_MAX = 8
CONVERGED_PX = 0.02
INLIER_SHARE_MIN = 0.85
_POINTS_MAX = 1600
_GRADIENT_SHARE_MIN = 0.25
_DAMPING = 1e-4
_INLIER_LEVEL_SHARE = 0.25
_PATCHES = 3
_COARSE_SMOOTHING_PX = 15
_FINE_SMOOTHING_PX = 5


@dataclass(frozen=True)
class Refinement:
    """A refined homography (3, 3) from reference to image.

    `residual_px` is the RMS of the shifts that parts of the board would still ask for, in reference pixels;
    `inlier_share` how many of the reference's edges look as they should.
    """

    homography: FloatArray
    residual_px: float
    inlier_share: float

    @property
    def holds(self) -> bool:
        """Whether the artwork was found at all."""
        return self.inlier_share >= INLIER_SHARE_MIN


class ArtworkRefiner:
    """Refines homographies to one reference image, shape (side, side)."""

    def __init__(self, reference: ImageU8) -> None:
        self._reference = reference

    def refine(self, image: ImageU8, homography: FloatArray, *, from_afar: bool = False) -> Refinement:
        """Refines a homography that is right within a pixel or two, or `from_afar` within some ten."""
        side = self._reference.shape[0]
        if not len(self._fine.level):
            return Refinement(homography, residual_px=0.0, inlier_share=0.0)
        normalised = homography @ _from_normalised(side)
        if from_afar:
            normalised, _ = self._coarse.align(image, normalised)
        normalised, difference = self._fine.align(image, normalised)
        refined = normalised @ np.linalg.inv(_from_normalised(side))
        return Refinement(refined / refined[2, 2], self._fine.residual_px(difference), self._fine.inliers(difference))

    @cached_property
    def _coarse(self) -> _EdgePoints:
        return _edge_points(self._reference, _COARSE_SMOOTHING_PX)

    @cached_property
    def _fine(self) -> _EdgePoints:
        return _edge_points(self._reference, _FINE_SMOOTHING_PX)


@dataclass(frozen=True)
class _EdgePoints:
    """Points on the smoothed reference's edges.

    `places` (points, 3) are homogeneous positions scaled to -1..1, `gradient` (points, 2) in levels per pixel,
    `jacobian` (points, 8) the change of level with each parameter of a small homography, `patch` each point's patch.
    """

    smoothing_px: int
    places: FloatArray
    level: FloatArray
    gradient: FloatArray
    jacobian: FloatArray
    patch: npt.NDArray[np.int64]
    half_px: float
    contrast_level: float
    level_mean: float
    level_spread: float

    def align(self, image: ImageU8, homography: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Improves a homography from normalised places to image pixels; returns it and the levels still missing."""
        smooth = cv2.GaussianBlur(image, (self.smoothing_px, self.smoothing_px), 0)
        difference = self._difference(smooth, homography)
        for _ in range(STEPS_MAX):
            step = self._step(difference)
            homography = homography @ _small_homography(step)
            difference = self._difference(smooth, homography)
            if float(np.abs(step).sum()) * self.half_px < CONVERGED_PX:
                break
        return homography, difference

    def residual_px(self, difference: FloatArray) -> float:
        """RMS over the patches of the shift that each would still ask for."""
        weight = self._weight(difference)
        along_x, along_y = self.gradient.T
        products = (along_x * along_x, along_x * along_y, along_y * along_y, along_x * difference, along_y * difference)
        sums = [np.bincount(self.patch, weight * product, minlength=_PATCHES**2) for product in products]
        xx, xy, yy, right_x, right_y = sums
        damping = _DAMPING * float(max(xx.max(), yy.max(), 1.0)) * 100
        determinant = (xx + damping) * (yy + damping) - xy * xy
        shift_x = ((yy + damping) * right_x - xy * right_y) / determinant
        shift_y = ((xx + damping) * right_y - xy * right_x) / determinant
        return float(np.sqrt(np.mean(shift_x**2 + shift_y**2)))

    def inliers(self, difference: FloatArray) -> float:
        """Share of the points whose level is as it should be."""
        return float(np.mean(np.abs(difference) < _INLIER_LEVEL_SHARE * self.contrast_level))

    def _difference(self, smooth: npt.NDArray[Any], homography: FloatArray) -> FloatArray:
        """What the image lacks to the reference's levels at each point, in the reference's light and contrast."""
        at = self.places @ homography.T
        at = (at[:, :2] / at[:, 2:]).astype(np.float32)
        seen = cv2.remap(smooth, at[:, 0], at[:, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        levels = np.asarray(seen, dtype=np.float64).ravel()
        gain = self.level_spread / max(float(levels.std()), 1.0)
        result: FloatArray = self.level - self.level_mean - gain * (levels - levels.mean())
        return result

    def _weight(self, difference: FloatArray) -> FloatArray:
        """Weight of each point: far-off levels (defects) weigh little (Cauchy)."""
        scale = max(1.5 * float(np.median(np.abs(difference))), 2.0)
        result: FloatArray = 1.0 / (1.0 + (difference / scale) ** 2)
        return result

    def _step(self, difference: FloatArray) -> FloatArray:
        weighted = self.jacobian * self._weight(difference)[:, None]
        # OpenCV and not numpy: BLAS would start threads, which on a busy machine wait in circles.
        right = np.column_stack([self.jacobian, difference])
        products = np.asarray(cv2.gemm(weighted, right, 1.0, np.empty((0, 0)), 0.0, flags=cv2.GEMM_1_T))
        normal: FloatArray = products[:, :-1].astype(np.float64)
        normal[np.diag_indices_from(normal)] += _DAMPING * float(np.trace(normal)) / len(normal) + 1e-6
        return np.asarray(np.linalg.solve(normal, products[:, -1]), dtype=np.float64)


def _small_homography(step: FloatArray) -> FloatArray:
    """The homography, shape (3, 3), that moves normalised places by eight small parameters."""
    x0, xx, xy, y0, yx, yy, px, py = step
    return np.array([[1.0 + xx, xy, x0], [yx, 1.0 + yy, y0], [-px, -py, 1.0]])


def _from_normalised(side_px: int) -> FloatArray:
    half = side_px / 2
    return np.array([[half, 0.0, half - 0.5], [0.0, half, half - 0.5], [0.0, 0.0, 1.0]])


def _edge_points(reference: ImageU8, smoothing_px: int) -> _EdgePoints:
    smooth = cv2.GaussianBlur(reference, (smoothing_px, smoothing_px), 0)
    grad_x = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3, scale=1 / 8)
    grad_y = cv2.Sobel(smooth, cv2.CV_32F, 0, 1, ksize=3, scale=1 / 8)
    strength = np.hypot(grad_x, grad_y)
    points = np.flatnonzero(strength > max(_GRADIENT_SHARE_MIN * float(strength.max()), 1.0))
    points = points[:: len(points) // _POINTS_MAX + 1]
    rows, columns = np.divmod(points, reference.shape[1])
    half = reference.shape[0] / 2
    u, v = (columns + 0.5 - half) / half, (rows + 0.5 - half) / half
    along_x, along_y = (np.asarray(part, dtype=np.float64).ravel()[points] for part in (grad_x, grad_y))
    radial = along_x * u + along_y * v
    terms = [along_x, along_x * u, along_x * v, along_y, along_y * u, along_y * v, radial * u, radial * v]
    level = np.asarray(smooth, dtype=np.float64).ravel()[points]
    patch = ((u + 1) / 2 * _PATCHES).astype(int) + _PATCHES * ((v + 1) / 2 * _PATCHES).astype(int)
    return _EdgePoints(
        smoothing_px=smoothing_px,
        places=np.stack([u, v, np.ones_like(u)], axis=1),
        level=level,
        gradient=np.stack([along_x, along_y], axis=1),
        jacobian=np.stack(terms, axis=1) * half,
        patch=patch,
        half_px=half,
        contrast_level=float(np.ptp(level)) if len(level) else 0.0,
        level_mean=float(level.mean()) if len(level) else 0.0,
        level_spread=float(level.std()) if len(level) else 0.0,
    )
