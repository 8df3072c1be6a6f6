from __future__ import annotations

import math

import numpy as np
import pytest
from board_views import EXPOSURE_S, good_texture, view

from workcell_perception.health import ImageHealth, LightReference, measure
from workcell_perception.registration import Registrar

REGISTRAR = Registrar()


def health(exposure_s: float = EXPOSURE_S, light: float = 1.0, velocity=(0.0, 0.0)) -> ImageHealth:
    image = view(good_texture(), exposure_s=exposure_s, light=light, velocity=velocity)
    return measure(image, REGISTRAR.locate(image).markers.values(), exposure_s)


def test_nominal_image_is_healthy() -> None:
    found = health()
    assert found.light_level == pytest.approx(1.0, abs=0.05)
    assert found.illumination == pytest.approx(1.0, abs=0.05)
    assert found.clipped_fraction == 0.0
    assert found.focus > 0.9
    assert found.blur_px < 0.6
    assert found.contrast_level > 150


@pytest.mark.parametrize("light", [0.5, 0.8, 1.2])
def test_light_is_seen_at_fixed_exposure(light: float) -> None:
    found = health(light=light)
    assert found.light_level == pytest.approx(light, rel=0.06)
    assert found.illumination == pytest.approx(light, rel=0.06)


@pytest.mark.parametrize("light", [0.5, 2.0])
def test_adapted_exposure_hides_the_light_but_not_the_illumination(light: float) -> None:
    found = health(exposure_s=EXPOSURE_S / light, light=light)
    assert found.light_level == pytest.approx(1.0, abs=0.06)
    assert found.illumination == pytest.approx(light, rel=0.06)


@pytest.mark.parametrize("path_px", [1.6, 2.4, 3.2])
@pytest.mark.parametrize("axis", [0, 1])
def test_blur_is_measured_in_pixels_along_either_axis(path_px: float, axis: int) -> None:
    velocity = [0.0, 0.0]
    velocity[axis] = path_px / EXPOSURE_S
    assert health(velocity=tuple(velocity)).blur_px == pytest.approx(path_px, abs=0.8)


def test_clipping_is_counted() -> None:
    assert health(light=1.6).clipped_fraction > 0.3


def test_without_board_only_the_whole_image_is_measured() -> None:
    found = measure(view(None), (), EXPOSURE_S)
    assert found.mean_level < 20
    assert math.isnan(found.white_level)
    assert math.isnan(found.blur_px)


def test_zero_exposure_gives_no_illumination() -> None:
    image = view(good_texture())
    found = measure(image, REGISTRAR.locate(image).markers.values(), 0.0, LightReference(0.004, 190.0))
    assert math.isnan(found.illumination)


def test_flat_markers_do_not_divide_by_zero() -> None:
    flat = np.full((640, 640), 90, dtype=np.uint8)
    quad = np.array([[10.0, 10.0], [40.0, 10.0], [40.0, 40.0], [10.0, 40.0]])
    found = measure(flat, [quad], EXPOSURE_S)
    assert found.contrast_level == 0.0
    assert math.isfinite(found.blur_px)
