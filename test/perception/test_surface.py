"""The anomaly model: learned from good surfaces alone."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import pytest

from workcell_perception.errors import GoldenError
from workcell_perception.surface import SurfaceModel, learn_surface

SIDE = 320


def brushed(seed: int, light: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    grain = cv2.GaussianBlur(rng.normal(0, 60, (SIDE, SIDE)), (0, 0), sigmaX=15, sigmaY=0.8)
    return np.clip((130 + 1.5 * grain + rng.normal(0, 4, grain.shape)) * light, 0, 255).astype(np.uint8)


def scratched(image: np.ndarray) -> np.ndarray:
    spoilt = image.copy()
    cv2.line(spoilt, (100, 100), (120, 160), 220, 2, cv2.LINE_AA)
    return spoilt


@lru_cache(maxsize=1)
def model() -> SurfaceModel:
    return learn_surface([brushed(seed, 0.8 + 0.05 * seed) for seed in range(8)])


@pytest.mark.parametrize("light", [0.7, 1.0, 1.3])
def test_good_surface_passes_in_any_light(light: float) -> None:
    heat_map = model().heat_map(brushed(50, light))
    assert model().regions(heat_map) == ()
    assert model().score(float(heat_map.max())) < 0.999


def test_scratch_is_found_where_it_is() -> None:
    heat_map = model().heat_map(scratched(brushed(51)))
    worst = model().regions(heat_map)[0]
    x1, y1, x2, y2 = worst.box
    assert x1 - 16 <= 110 <= x2 + 16
    assert y1 - 16 <= 130 <= y2 + 16
    assert worst.score > 0.999


def test_score_rises_with_the_anomaly_and_the_threshold_is_one_in_a_thousand() -> None:
    anomalies = np.linspace(0, 3 * model().threshold, 20)
    scores = [model().score(float(value)) for value in anomalies]
    assert scores == sorted(scores)
    assert model().score(model().threshold) == pytest.approx(0.999)


def test_stored_model_gives_the_same_bits() -> None:
    again = SurfaceModel.from_arrays(model().to_arrays())
    image = scratched(brushed(52))
    assert again.heat_map(image).tobytes() == model().heat_map(image).tobytes()
    assert again.threshold == model().threshold


def test_what_cannot_be_learned_from_is_refused() -> None:
    with pytest.raises(GoldenError, match="2 good images, need 5"):
        learn_surface([brushed(0), brushed(1)])
    with pytest.raises(GoldenError, match="differ in size"):
        learn_surface([*(brushed(seed) for seed in range(5)), brushed(6)[:160]])
    with pytest.raises(GoldenError, match="incomplete"):
        SurfaceModel.from_arrays({})
    with pytest.raises(GoldenError, match="other features"):
        SurfaceModel.from_arrays({**model().to_arrays(), "mean": np.zeros(3)})
