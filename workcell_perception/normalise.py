"""Brings a rectified image to the light of its reference, wherever on the board the light differs.

The gain of a place is the least-squares factor between reference and image over a window around it, drawn towards the
gain of the whole board where the reference is too dark there to tell.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

_REDUCTION = 4
_WINDOW_PX = 21
# Weight of the whole board's gain, as share of the reference's mean square.
_GLOBAL_WEIGHT = 0.15
_GAIN_MIN = 0.02


@dataclass(frozen=True)
class LightNormaliser:
    """Normalises images against one reference, shape (height, width), sides a multiple of 4."""

    reference: ImageU8

    def normalise(self, image: ImageU8) -> ImageU8:
        """Returns `image` (same shape as the reference) in the reference's light."""
        small = self._reduce(image)
        product = small * self._reduced
        gain_of_board = max(float(product.sum()) / float(self._square.sum()), _GAIN_MIN)
        local = cv2.boxFilter(product, -1, (_WINDOW_PX, _WINDOW_PX))
        gain = np.maximum((local + self._weight * gain_of_board) / self._denominator, _GAIN_MIN)
        factors = cv2.resize(1.0 / gain, image.shape[::-1], interpolation=cv2.INTER_LINEAR)
        return np.asarray(cv2.multiply(image, factors, dtype=cv2.CV_8U), dtype=np.uint8)

    def _reduce(self, image: ImageU8) -> Float32Array:
        size = (image.shape[1] // _REDUCTION, image.shape[0] // _REDUCTION)
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.float32)

    @cached_property
    def _reduced(self) -> Float32Array:
        return self._reduce(self.reference)

    @cached_property
    def _square(self) -> Float32Array:
        return np.maximum(self._reduced**2, 1.0)

    @cached_property
    def _weight(self) -> float:
        return _GLOBAL_WEIGHT * float(self._square.mean())

    @cached_property
    def _denominator(self) -> Float32Array:
        local = cv2.boxFilter(self._square, -1, (_WINDOW_PX, _WINDOW_PX))
        return np.asarray(local + self._weight, dtype=np.float32)
