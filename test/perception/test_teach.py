from __future__ import annotations

import numpy as np
import pytest
from board_views import CALIBRATION, CAMERA, EXPOSURE_S, FACTORY, defective_texture, good_texture, view

from workcell_perception.errors import GoldenError
from workcell_perception.registration import Registrar
from workcell_perception.teach import TeachImage, teach, teach_clean
from workcell_sim.world.defects import DefectKind
from workcell_sim.world.teach_golden import good_views

REGISTRAR = Registrar()


def lesson_with(*extra: tuple[str, np.ndarray]):
    good = list(good_views(FACTORY, CAMERA, 0))
    items = [TeachImage(name, image, EXPOSURE_S) for name, image in extra]
    return teach(good + items, CALIBRATION, REGISTRAR, variant=0)


def test_good_images_are_all_taken() -> None:
    lesson = lesson_with()
    assert lesson.golden.images == 5
    assert lesson.refused == ()
    assert lesson.golden.spread.mean() < 0.15 * lesson.golden.levels.contrast


@pytest.mark.parametrize(
    ("name", "image", "reason"),
    [
        ("blurred", view(good_texture(0), velocity=(800.0, 0.0)), "blurred by"),
        ("clipped", view(good_texture(0), light=1.7), "over-exposed"),
        ("dark", view(good_texture(0), light=0.5), "too dark"),
        ("empty", view(None), "no part in view"),
        ("other", view(good_texture(1)), "shows variant 1, not 0"),
        ("deep", view(good_texture(0)).astype(np.uint16), "holds uint16"),
        ("defective", view(defective_texture(DefectKind.SPURIOUS_COPPER)[0]), "differs from the other images"),
    ],
)
def test_bad_image_is_refused_by_name(name: str, image: np.ndarray, reason: str) -> None:
    lesson = lesson_with((name, image))
    assert [(refusal.name, reason in refusal.reason) for refusal in lesson.refused] == [(name, True)]
    assert lesson.golden.images == 5


def test_too_few_good_images_are_no_lesson() -> None:
    items = [TeachImage("first", view(good_texture(0)), EXPOSURE_S), TeachImage("hall", view(None), EXPOSURE_S)]
    with pytest.raises(GoldenError, match=r"variant 0: 1 good images, need 3 \(hall: no fiducial found"):
        teach(items, CALIBRATION, REGISTRAR, variant=0)


def test_clean_template_is_taken_as_it_is() -> None:
    template = np.full((640, 640), 255, dtype=np.uint8)
    template[100:200] = 0
    golden = teach_clean(template, variant=7)
    assert golden.variant == 7
    assert not golden.spread.any()
    assert golden.copper().sum() == 100 * 640
