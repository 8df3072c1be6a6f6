"""What a textured surface looks like around each place, in numbers that need no learning.

At several scales: local brightness, local contrast, and the energy of edges in four directions. Each is taken relative
to the image's own mean brightness, so that the light does not matter, on a grid of places `STEP_PX` apart.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

STEP_PX = 8
SCALES = 3
PER_SCALE = 7
FEATURES = SCALES * PER_SCALE
_POOL_PLACES = 3
_LEVEL_MIN = 4.0


def surface_features(image: ImageU8) -> Float32Array:
    """Describes a grey image (height, width), shape (height / 8, width / 8, FEATURES)."""
    rows, columns = image.shape[0] // STEP_PX, image.shape[1] // STEP_PX
    relative = np.asarray(image, dtype=np.float32) / max(float(image.mean()), _LEVEL_MIN)
    maps: list[npt.NDArray[Any]] = []
    for scale in range(SCALES):
        if scale:
            relative = np.asarray(cv2.pyrDown(relative), dtype=np.float32)
        maps += [cv2.resize(part, (columns, rows), interpolation=cv2.INTER_AREA) for part in _responses(relative)]
    stacked = np.stack(maps, axis=-1)
    pooled = [cv2.blur(np.ascontiguousarray(stacked[..., i]), (_POOL_PLACES, _POOL_PLACES)) for i in range(FEATURES)]
    return np.stack(pooled, axis=-1).astype(np.float32)


def _responses(image: Float32Array) -> list[npt.NDArray[Any]]:
    """Brightness, contrast, and edges along four directions and across their mean."""
    mean = cv2.blur(image, (5, 5))
    detail = cv2.subtract(image, mean)
    along_x, along_y = (cv2.Sobel(image, cv2.CV_32F, dx, 1 - dx, ksize=3, scale=1 / 8) for dx in (1, 0))
    falling, rising = cv2.add(along_x, along_y), cv2.subtract(along_x, along_y)
    edges = [cv2.absdiff(part, np.zeros_like(image)) for part in (along_x, along_y, falling, rising)]
    ridge = cv2.absdiff(cv2.Laplacian(image, cv2.CV_32F, ksize=3, scale=0.25), np.zeros_like(image))
    return [mean, cv2.sqrt(cv2.blur(cv2.multiply(detail, detail), (5, 5))), *edges, ridge]
