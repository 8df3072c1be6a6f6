"""Advice from image health: once per cause, with what helps."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from workcell_perception.dirt import DirtMap, DirtSpot
from workcell_perception.health import ImageHealth
from workcell_perception.image_watch import Concern, ImageAdvice, ImageWatch

GOOD = ImageHealth(120.0, 0.0, 190.0, 170.0, 0.95, 0.4, 1.0, 1.0, 0.004)


def advice_of(watch: ImageWatch, health: ImageHealth, images: int = 10, **facts) -> list[ImageAdvice]:
    return [advice for _ in range(images) for advice in watch.learn(health, **{"is_trusted": True, **facts})]


def test_good_images_raise_nothing() -> None:
    assert advice_of(ImageWatch(), GOOD) == []


def test_dark_image_proposes_the_exposure_that_helps_once() -> None:
    advice = advice_of(ImageWatch(), replace(GOOD, light_level=0.8, illumination=0.8))
    assert [item.concern for item in advice] == [Concern.EXPOSURE]
    assert 0.0045 < (advice[0].exposure_s or 0.0) < 0.0051
    assert "80% as bright" in advice[0].text


def test_images_before_the_new_exposure_do_not_count_again() -> None:
    watch = ImageWatch()
    advice_of(watch, replace(GOOD, light_level=0.8))
    assert advice_of(watch, replace(GOOD, light_level=0.99, exposure_s=0.0049)) == []
    assert Concern.EXPOSURE not in watch.active


def test_one_odd_image_changes_nothing() -> None:
    watch = ImageWatch()
    advice_of(watch, GOOD)
    assert advice_of(watch, replace(GOOD, light_level=0.3, blur_px=9.0, focus=0.2), images=1) == []


def test_weak_lamps_are_named_whatever_the_exposure() -> None:
    advice = advice_of(ImageWatch(), replace(GOOD, illumination=0.6, exposure_s=0.0067))
    assert [item.concern for item in advice] == [Concern.LIGHT]
    assert "40% less light" in advice[0].text


def test_defocus_and_motion_are_told_apart() -> None:
    assert [a.concern for a in advice_of(ImageWatch(), replace(GOOD, focus=0.4, blur_px=4.0))] == [Concern.FOCUS]
    assert [a.concern for a in advice_of(ImageWatch(), replace(GOOD, blur_px=4.0))] == [Concern.MOTION]


def test_concern_stands_until_clearly_better() -> None:
    watch = ImageWatch()
    advice_of(watch, replace(GOOD, blur_px=3.2))
    assert advice_of(watch, replace(GOOD, blur_px=2.9)) == []
    assert Concern.MOTION in watch.active
    advice_of(watch, replace(GOOD, blur_px=1.0))
    assert watch.active == {}


def test_untrusted_images_in_a_row_hold_the_verdict() -> None:
    watch = ImageWatch()
    assert [a.concern for a in advice_of(watch, GOOD, images=4, is_trusted=False)] == [Concern.HOLD]
    advice_of(watch, GOOD, images=1)
    assert watch.active == {}


def test_dirt_asks_for_cleaning() -> None:
    advice = advice_of(ImageWatch(), GOOD, images=2, spot=DirtSpot(0.25, 0.75, 0.3))
    assert [item.concern for item in advice] == [Concern.LENS]
    assert "25%, 75% of the image, 30% darker" in advice[0].text


def seen_through(dirt: np.ndarray | None, images: int = 25) -> DirtSpot | None:
    rng, dirt_map = np.random.default_rng(2), DirtMap()
    reference = cv2.GaussianBlur(rng.integers(60, 200, (640, 640), dtype=np.uint8), (0, 0), 8)
    for _ in range(images):
        shift = np.eye(3)
        shift[:2, 2] = rng.uniform(-15, 15, 2)
        image = cv2.warpPerspective(reference, shift, (640, 640))
        if dirt is not None:
            image = np.clip(image * dirt, 0, 255).astype(np.uint8)
        rectified = cv2.warpPerspective(image, shift, (640, 640), flags=cv2.WARP_INVERSE_MAP)
        dirt_map.learn(rectified, reference, shift, (640, 640))
    return dirt_map.spot()


def test_dirt_is_found_where_it_is() -> None:
    dirt = np.ones((640, 640))
    cv2.circle(dirt, (200, 440), 30, 0.6, -1)
    spot = seen_through(cv2.GaussianBlur(dirt, (0, 0), 5))
    assert spot is not None
    assert abs(spot.x - 200 / 640) < 0.06
    assert abs(spot.y - 440 / 640) < 0.06
    assert spot.loss > 0.15


def test_clean_lens_has_no_spot_and_few_images_tell_nothing() -> None:
    assert seen_through(None) is None
    assert seen_through(np.full((640, 640), 0.5), images=5) is None
