"""How far an image can be trusted: exposure, clipping, sharpness and light."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

CLIPPED_LEVEL = 254
# Width in [px] that `_edge_width` gives for a step edge as sharp as sensor and interpolation leave it.
SHARP_EDGE_WIDTH_PX = 2.35
_GRADIENT_SHARE_MIN = 0.12
_MARKER_BORDER_PX = 3
# The reference part is sampled; every fourth pixel in both directions is plenty for a mean.
_SAMPLING_STEP = 4
_UPRIGHT_MAX_RAD = math.radians(8.0)


@dataclass(frozen=True)
class LightReference:
    """What boards were taught at: the level of the fiducials' white, and the exposure in [s] that gave it."""

    exposure_s: float = 0.004
    white_level: float = 190.0


NOMINAL_LIGHT = LightReference()


@dataclass(frozen=True)
class ImageHealth:
    """Health of one image. What could not be measured (no board found) is NaN.

    `focus` is 1 for an image as sharp as the sensor allows and falls towards 0; `blur_px` is the extent of blur along
    its strongest axis; `light_level` is how bright the board looks relative to the reference, 1 for as taught, and
    `illumination` the same for equal exposure: what the lamps give. Levels are 0..255.
    """

    mean_level: float
    clipped_fraction: float
    white_level: float
    contrast_level: float
    focus: float
    blur_px: float
    light_level: float
    illumination: float
    exposure_s: float


def measure(
    image: ImageU8, markers: Iterable[FloatArray], exposure_s: float, reference: LightReference = NOMINAL_LIGHT
) -> ImageHealth:
    """Measures an image's health, in its fiducials where their corners (4, 2) in image pixels are known.

    Args:
        image: grey image (height, width).
        markers: corners of the fiducials, each (4, 2).
        exposure_s: exposure the image was taken with in [s].
        reference: what boards were taught at.
    """
    sample = image[::_SAMPLING_STEP, ::_SAMPLING_STEP]
    mean_level = float(sample.mean())
    clipped_fraction = float(np.count_nonzero(sample >= CLIPPED_LEVEL)) / sample.size
    crops = [_crop(image, quad) for quad in markers]
    if not crops:
        nan = math.nan
        return ImageHealth(mean_level, clipped_fraction, nan, nan, nan, nan, nan, nan, exposure_s)
    levels = np.array([np.percentile(crop, (10, 90)) for crop in crops]).mean(axis=0)
    black, white = float(levels[0]), float(levels[1])
    widths = np.array([_edge_widths(crop) for crop in crops])
    width_x, width_y = (float(width) for width in np.median(widths, axis=0))
    blur_px = math.sqrt(max(max(width_x, width_y) ** 2 - SHARP_EDGE_WIDTH_PX**2, 0.0))
    return ImageHealth(
        mean_level=mean_level,
        clipped_fraction=clipped_fraction,
        white_level=white,
        contrast_level=white - black,
        focus=min(SHARP_EDGE_WIDTH_PX / max(min(width_x, width_y), 1e-6), 1.0),
        blur_px=blur_px,
        light_level=white / reference.white_level,
        illumination=_illumination(white, exposure_s, reference),
        exposure_s=exposure_s,
    )


def _illumination(white: float, exposure_s: float, reference: LightReference) -> float:
    if exposure_s <= 0.0:
        return math.nan
    return (white / reference.white_level) * (reference.exposure_s / exposure_s)


def _crop(image: ImageU8, quad: FloatArray) -> ImageU8:
    """A fiducial with its border, its sides along the axes: edges across them would seem wider than they are."""
    side = quad[1] - quad[0]
    turn = float(np.arctan2(side[1], side[0]))
    if abs(math.remainder(turn, math.pi / 2)) > _UPRIGHT_MAX_RAD:
        return _turned_crop(image, quad)
    low = np.floor(quad.min(axis=0)).astype(int) - _MARKER_BORDER_PX
    high = np.ceil(quad.max(axis=0)).astype(int) + _MARKER_BORDER_PX + 1
    left, top = np.maximum(low, 0)
    return image[top : max(high[1], top + 4), left : max(high[0], left + 4)]


def _turned_crop(image: ImageU8, quad: FloatArray) -> ImageU8:
    length = float(np.linalg.norm(quad[1] - quad[0]))
    size = max(round(length) + 2 * _MARKER_BORDER_PX, 4)
    upright = np.array([[0.0, 0.0], [length, 0.0], [length, length], [0.0, length]]) + _MARKER_BORDER_PX - 0.5
    to_image = cv2.getPerspectiveTransform(upright.astype(np.float32), quad.astype(np.float32))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(image, to_image, (size, size), flags=flags), dtype=np.uint8)


def _edge_widths(crop: ImageU8) -> tuple[float, float]:
    """Width of the edges across x and y in [px].

    An edge of height A and width w has sum|g| = A and sum g^2 = A^2 / w, so w = A sum|g| / sum g^2 over any number of
    edges. Gradients below a share of A are noise and left out.
    """
    smooth = crop.astype(np.float32)
    low, high = np.percentile(smooth, (10, 90))
    height = max(float(high - low), 1.0)
    along_x = np.abs(smooth[:, 2:] - smooth[:, :-2]).ravel() / 2
    along_y = np.abs(smooth[2:, :] - smooth[:-2, :]).ravel() / 2
    return _edge_width(along_x, height), _edge_width(along_y, height)


def _edge_width(gradient: npt.NDArray[np.float32], height: float) -> float:
    strong = gradient[gradient > _GRADIENT_SHARE_MIN * height]
    energy = float(np.dot(strong, strong))
    return height * float(strong.sum()) / energy if energy > 0.0 else SHARP_EDGE_WIDTH_PX
