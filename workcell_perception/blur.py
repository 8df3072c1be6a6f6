"""Tells how much more an image is blurred than its reference, so that it can be compared with one blurred as much."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

ImageU8 = npt.NDArray[np.uint8]
Int32Array = npt.NDArray[np.int32]

LADDER_PX = (0.0, 0.8, 1.2, 1.6, 2.0, 2.4, 2.8)
"""Sigmas in [px] of the Gaussian blurs that are told apart."""
_POINTS_MAX = 2000
_GRADIENT_SHARE_MIN = 0.2
# A step up the ladder must explain the image better by this share: noise and defects alone do not.
_GAIN_MIN = 0.06


class BlurMatcher:
    """Matches images of one reference (side, side) with rungs of the ladder."""

    def __init__(self, reference: ImageU8) -> None:
        strength = cv2.morphologyEx(reference, cv2.MORPH_GRADIENT, np.ones((5, 5), np.uint8))
        points = np.flatnonzero(strength > max(_GRADIENT_SHARE_MIN * float(strength.max()), 1.0))
        self._points = points[:: len(points) // _POINTS_MAX + 1]
        self._levels = np.stack([blurred(reference, sigma).ravel()[self._points] for sigma in LADDER_PX])

    def match(self, image: ImageU8) -> int:
        """The rung whose blur explains an image (side, side), in the reference's light, best."""
        if not len(self._points):
            return 0
        seen = image.ravel()[self._points]
        misfits = np.array([cv2.mean(cv2.absdiff(levels, seen))[0] for levels in self._levels])
        best = int(np.argmin(misfits))
        return best if misfits[best] < (1.0 - _GAIN_MIN) * misfits[0] else 0


def blurred(image: ImageU8, sigma_px: float) -> ImageU8:
    """An image blurred by a Gaussian; the image itself where sigma is 0."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma_px), dtype=np.uint8) if sigma_px > 0.0 else image
