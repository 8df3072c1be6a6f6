"""Comparison and classification on simulated boards with known defects."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from board_views import defective_texture, golden, good_texture, view
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_perception.comparison import Comparator
from workcell_perception.defects import ClassifierSettings, DefectClass, FoundDefect, name_defects
from workcell_perception.golden import GoldenReference
from workcell_perception.registration import Registrar
from workcell_sim.world.defects import DefectKind

REGISTRAR = Registrar()


@lru_cache(maxsize=4)
def comparator(variant: int) -> Comparator:
    return Comparator(golden(variant))


def find(texture: np.ndarray, variant: int = 0, **conditions) -> tuple[FoundDefect, ...]:
    image = view(texture, **conditions)
    rectified = REGISTRAR.rectify(image, REGISTRAR.locate(image))
    compared = comparator(variant)
    return name_defects(compared.compare(rectified).regions, compared.copper)


@settings(max_examples=25)
@given(
    shift_x_m=st.floats(-0.003, 0.003),
    shift_y_m=st.floats(-0.003, 0.003),
    turn_rad=st.floats(-0.087, 0.087),
    light=st.floats(0.7, 1.25),
    seed=st.integers(0, 1000),
)
def test_good_board_has_no_defect_however_it_is_held(shift_x_m, shift_y_m, turn_rad, light, seed) -> None:
    shift_m = (shift_x_m, shift_y_m)
    assert find(good_texture(1), 1, shift_m=shift_m, turn_rad=turn_rad, light=light, seed=seed) == ()


@pytest.mark.parametrize("kind", list(DefectKind))
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_defect_is_found_where_it_is_and_named(kind: DefectKind, seed: int) -> None:
    texture, truth = defective_texture(kind, seed=seed)
    found = find(texture, turn_rad=-0.04, shift_m=(0.002, 0.001))
    assert [defect.kind.value for defect in found] == [kind.value]
    centre = [(truth.box[0] + truth.box[2]) / 2, (truth.box[1] + truth.box[3]) / 2]
    x1, y1, x2, y2 = found[0].box
    assert x1 - 4 <= centre[0] <= x2 + 4
    assert y1 - 4 <= centre[1] <= y2 + 4
    assert 0.25 <= found[0].score <= 1.0


def test_uneven_light_is_no_defect() -> None:
    image = view(good_texture(0)).astype(np.float64)
    uneven = (image * np.linspace(0.7, 1.15, 640)[None, :]).astype(np.uint8)
    rectified = REGISTRAR.rectify(uneven, REGISTRAR.locate(uneven))
    assert comparator(0).compare(rectified).regions == ()


def test_artwork_off_its_fiducials_is_aligned_first() -> None:
    image = view(good_texture(0))
    rectified = REGISTRAR.rectify(image, REGISTRAR.locate(image))
    moved = np.roll(rectified, (3, 2), axis=(0, 1))
    assert [
        region for region in comparator(0).compare(moved).regions if min(region.box) > 6 and max(region.box) < 634
    ] == []


def board(*rectangles: tuple[int, int, int, int]) -> np.ndarray:
    """A clean image of dark copper rectangles (x1, y1, x2, y2)."""
    image = np.full((640, 640), 210, dtype=np.uint8)
    for x1, y1, x2, y2 in rectangles:
        image[y1:y2, x1:x2] = 30
    return image


def kinds_between(reference: np.ndarray, part: np.ndarray) -> list[DefectClass]:
    compared = Comparator(GoldenReference(0, reference, np.zeros_like(reference), True, 1))
    return [defect.kind for defect in name_defects(compared.compare(part).regions, compared.copper)]


TRACK = (100, 300, 500, 320)
OTHER_TRACK = (100, 350, 500, 370)
PAD = (300, 100, 330, 130)


@pytest.mark.parametrize(
    ("reference", "part", "kind"),
    [
        (board(TRACK), board((100, 300, 290, 320), (310, 300, 500, 320)), DefectClass.OPEN),
        (board(TRACK, OTHER_TRACK), board(TRACK, OTHER_TRACK, (300, 320, 312, 350)), DefectClass.SHORT),
        (board(TRACK), board(TRACK, (300, 320, 312, 332)), DefectClass.SPUR),
        (board(TRACK), board(TRACK, (300, 400, 312, 412)), DefectClass.SPURIOUS_COPPER),
        (board(TRACK, PAD), board(TRACK), DefectClass.MISSING),
        (board(TRACK, PAD), board(TRACK, (345, 100, 375, 130)), DefectClass.SHIFTED),
        (board(TRACK, PAD), board(TRACK, (300, 140, 330, 170)), DefectClass.SHIFTED),
    ],
)
def test_kind_follows_from_what_is_touched(reference: np.ndarray, part: np.ndarray, kind: DefectClass) -> None:
    assert kinds_between(reference, part) == [kind]


def test_pin_hole_and_mouse_bite_differ_by_the_edge() -> None:
    reference = board((200, 200, 300, 300))
    holed, bitten = reference.copy(), reference.copy()
    holed[240:250, 240:250] = 210
    bitten[200:212, 240:252] = 210
    assert kinds_between(reference, holed) == [DefectClass.PIN_HOLE]
    assert kinds_between(reference, bitten) == [DefectClass.MOUSE_BITE]


def test_filled_hole_is_other() -> None:
    reference = board((200, 200, 300, 300))
    reference[235:265, 235:265] = 210
    assert kinds_between(reference, board((200, 200, 300, 300))) == [DefectClass.OTHER]


def test_copper_may_be_the_bright_side() -> None:
    reference = 255 - board(TRACK)
    part = 255 - board(TRACK, (300, 400, 312, 412))
    compared = Comparator(GoldenReference(0, reference, np.zeros_like(reference), False, 1))
    assert [d.kind for d in name_defects(compared.compare(part).regions, compared.copper)] == [
        DefectClass.SPURIOUS_COPPER
    ]


def test_boxes_are_widened_within_the_board() -> None:
    reference = board(TRACK)
    part = board(TRACK, (2, 2, 14, 14))
    compared = Comparator(GoldenReference(0, reference, np.zeros_like(reference), True, 1))
    (defect,) = name_defects(compared.compare(part).regions, compared.copper, ClassifierSettings(box_pad_px=9))
    assert defect.box[:2] == (0, 0)
    assert 20 <= defect.box[2] <= 26
