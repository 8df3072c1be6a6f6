"""An anomaly model of a textured surface, learned from good images alone.

What each place looks like is taken for normally distributed over all places of all good images; how far a place of a
new image lies from that (P. C. Mahalanobis, 1936) is its anomaly. The largest anomaly of a good image follows an
extreme-value law (E. J. Gumbel, 1958), fitted to images that the model in question had not seen: so a score says how
rarely a good image looks as odd.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.comparison import Box
from workcell_perception.errors import GoldenError
from workcell_perception.surface_features import FEATURES, STEP_PX, surface_features

Float32Array = npt.NDArray[np.float32]
FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

IMAGES_MIN = 5
FOLDS = 5
FALSE_ALARM_RATE = 1e-3
_REGULARISATION = 1e-3
_EULER_GAMMA = 0.5772156649
_SPREAD_SHARE_MIN = 0.03
_NORMAL_90 = 1.2816


@dataclass(frozen=True)
class SurfaceRegion:
    """A place that looks odd: its box (x1, y1, x2, y2) in [px], its area in [px] and its score 0..1."""

    box: Box
    area_px: int
    score: float


@dataclass(frozen=True)
class SurfaceModel:
    """`mean` (FEATURES,) and `whitening` (FEATURES, FEATURES) of the features; `mode` and `spread` of the largest
    anomaly of good images; `shape` (height, width) of the images in [px]."""

    mean: Float32Array
    whitening: Float32Array
    mode: float
    spread: float
    shape: tuple[int, int]
    images: int

    def heat_map(self, image: ImageU8) -> Float32Array:
        """Anomaly of each place, shape (height / 8, width / 8). Raises GoldenError for an image of another size."""
        if image.shape != self.shape:
            sizes = ("x".join(map(str, shape[::-1])) for shape in (image.shape, self.shape))
            raise GoldenError("image is {}, the surface was taught at {}".format(*sizes))
        return _anomalies(surface_features(image), self.mean, self.whitening)

    def score(self, anomaly: float) -> float:
        """Share of good images whose largest anomaly is smaller, 0..1."""
        return float(np.exp(-np.exp(-(anomaly - self.mode) / self.spread)))

    @property
    def threshold(self) -> float:
        """The anomaly that one good image in a thousand exceeds."""
        return self.mode - self.spread * float(np.log(-np.log1p(-FALSE_ALARM_RATE)))

    def regions(self, heat_map: Float32Array) -> tuple[SurfaceRegion, ...]:
        """Places beyond the threshold, the oddest first."""
        odd = (heat_map > self.threshold).astype(np.uint8)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(odd, connectivity=8)
        found = []
        for label in range(1, count):
            x, y, width, height, area = (int(n) * STEP_PX for n in stats[label])
            score = self.score(float(heat_map[labels == label].max()))
            found.append(SurfaceRegion((x, y, x + width, y + height), area * STEP_PX, score))
        return tuple(sorted(found, key=lambda region: (-region.score, region.box)))

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The model as arrays to store."""
        law = np.array([self.mode, self.spread], dtype=np.float64)
        sizes = np.array([*self.shape, self.images], dtype=np.int64)
        return {"mean": self.mean, "whitening": self.whitening, "law": law, "sizes": sizes}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[Any]]) -> SurfaceModel:
        """The model that was stored as `arrays`. Raises GoldenError where they do not fit together."""
        try:
            mean, whitening = (arrays[name].astype(np.float32) for name in ("mean", "whitening"))
            mode, spread = (float(n) for n in arrays["law"])
            height, width, images = (int(n) for n in arrays["sizes"])
        except (KeyError, ValueError, TypeError) as error:
            raise GoldenError(f"surface model is incomplete ({error})") from None
        if mean.shape != (FEATURES,) or whitening.shape != (FEATURES, FEATURES):
            raise GoldenError("surface model knows other features; teach it again")
        return cls(mean, whitening, mode, spread, (height, width), images)


def learn_surface(images: Sequence[ImageU8]) -> SurfaceModel:
    """Learns a surface from good images of one size, each (height, width).

    Raises:
        GoldenError: there are fewer than 5, or they differ in size.
    """
    if len(images) < IMAGES_MIN:
        raise GoldenError(f"{len(images)} good images, need {IMAGES_MIN}")
    if len({image.shape for image in images}) != 1:
        raise GoldenError("the images differ in size")
    features = [surface_features(image) for image in images]
    largest = []
    for fold in range(FOLDS):
        mean, whitening = _normal_of([item for index, item in enumerate(features) if index % FOLDS != fold])
        largest += [float(_anomalies(item, mean, whitening).max()) for item in features[fold::FOLDS]]
    mean, whitening = _normal_of(features)
    mode, spread = _gumbel_of(np.array(largest))
    height, width = images[0].shape
    return SurfaceModel(mean, whitening, mode, spread, (height, width), len(images))


def _normal_of(features: Sequence[Float32Array]) -> tuple[Float32Array, Float32Array]:
    """Mean and whitening matrix of all places."""
    places = np.concatenate([item.reshape(-1, FEATURES) for item in features]).astype(np.float64)
    mean = places.mean(axis=0)
    covariance = np.cov(places - mean, rowvar=False)
    values, vectors = np.linalg.eigh(covariance)
    floor = _REGULARISATION * float(values.mean()) + 1e-12
    whitening = vectors / np.sqrt(np.maximum(values, 0.0) + floor)
    return mean.astype(np.float32), whitening.astype(np.float32)


def _anomalies(features: Float32Array, mean: Float32Array, whitening: Float32Array) -> Float32Array:
    places = (features - mean).reshape(-1, FEATURES)
    # OpenCV and not numpy: the same sums in the same order on one thread, whatever BLAS is there.
    white = np.asarray(cv2.gemm(places, whitening, 1.0, np.empty((0, 0), dtype=np.float32), 0.0))
    distance = np.sqrt(np.mean(white * white, axis=1)).reshape(features.shape[:2])
    return np.asarray(cv2.blur(distance, (3, 3)), dtype=np.float32)


def _gumbel_of(largest: FloatArray) -> tuple[float, float]:
    """Mode and spread by the method of moments; of a spread that few images leave open, the upper 90 % limit.

    That limit takes the chi-squared law, by the approximation of E. B. Wilson and M. M. Hilferty (1931).
    """
    freedom = len(largest) - 1
    low = freedom * (1.0 - 2.0 / (9.0 * freedom) - _NORMAL_90 * np.sqrt(2.0 / (9.0 * freedom))) ** 3
    deviation = float(largest.std(ddof=1)) * np.sqrt(freedom / low)
    spread = max(deviation * np.sqrt(6.0) / np.pi, _SPREAD_SHARE_MIN * float(largest.mean()))
    return float(largest.mean()) - _EULER_GAMMA * spread, float(spread)
