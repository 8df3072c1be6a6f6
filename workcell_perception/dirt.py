"""Notices dirt on lens or window: what stays at one place of the image whatever part is shown."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

CELLS = 24
SAMPLES = 40
VISITS_MIN = 10.0
LOSS_MIN = 0.12
_FORGETTING = 0.95
_MEDIAN_CELLS = 5
_LEVEL_MIN = 8.0


@dataclass(frozen=True)
class DirtSpot:
    """A place in the image, in shares 0..1 of its width and height, that loses `loss` 0..1 of its light."""

    x: float
    y: float
    loss: float


class DirtMap:
    """Running mean, over the image's cells, of how bright parts look there relative to their reference."""

    def __init__(self) -> None:
        self._weight = np.zeros((CELLS, CELLS))
        self._sum = np.zeros((CELLS, CELLS))

    def learn(self, rectified: ImageU8, reference: ImageU8, homography: FloatArray, image_px: tuple[int, int]) -> None:
        """Takes a part in: its rectified image and reference (side, side), the homography (3, 3) from rectified to
        image pixels, and the image's width and height."""
        seen, wanted = (_small(image) for image in (rectified, reference))
        usable = wanted > _LEVEL_MIN
        ratio = seen / np.maximum(wanted, _LEVEL_MIN)
        ratio = ratio / max(float(np.median(ratio[usable])) if usable.any() else 1.0, 1e-6)
        step = rectified.shape[0] / SAMPLES
        centres = (np.arange(SAMPLES) + 0.5) * step - 0.5
        places = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 1, 2)
        at = np.asarray(cv2.perspectiveTransform(places, homography)).reshape(-1, 2)
        cells = np.floor((at + 0.5) * CELLS / np.array(image_px)).astype(int)
        inside = ((cells >= 0) & (cells < CELLS)).all(axis=1) & usable.ravel()
        index = cells[inside, 1] * CELLS + cells[inside, 0]
        counts = np.bincount(index, minlength=CELLS * CELLS).reshape(CELLS, CELLS)
        sums = np.bincount(index, ratio.ravel()[inside], minlength=CELLS * CELLS).reshape(CELLS, CELLS)
        visited = counts > 0
        self._weight[visited] = _FORGETTING * self._weight[visited] + 1.0
        self._sum[visited] = _FORGETTING * self._sum[visited] + sums[visited] / counts[visited]

    def spot(self) -> DirtSpot | None:
        """The dirtiest place, or None where none is dirty or too little was seen."""
        known = self._weight >= VISITS_MIN
        if not known.any():
            return None
        mean = np.where(known, self._sum / np.maximum(self._weight, 1.0), 1.0).astype(np.float32)
        around = np.asarray(cv2.medianBlur(mean, _MEDIAN_CELLS))
        loss = np.where(known, 1.0 - mean / np.maximum(around, 1e-3), 0.0)
        row, column = (int(n) for n in np.unravel_index(int(loss.argmax()), loss.shape))
        if loss[row, column] < LOSS_MIN:
            return None
        return DirtSpot((column + 0.5) / CELLS, (row + 0.5) / CELLS, float(loss[row, column]))


def _small(image: ImageU8) -> Float32Array:
    return np.asarray(cv2.resize(image, (SAMPLES, SAMPLES), interpolation=cv2.INTER_AREA), dtype=np.float32)
