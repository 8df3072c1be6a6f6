from __future__ import annotations

import cv2
import numpy as np
import pytest
from board_views import CAMERA, good_texture, view
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_perception.errors import RegistrationError
from workcell_perception.layout import BOARD_LAYOUT, Corner
from workcell_perception.registration import Registrar
from workcell_sim.world.teach_golden import held_pose

REGISTRAR = Registrar()
GRID = np.stack(np.meshgrid(np.arange(0.0, 640, 80), np.arange(0.0, 640, 80)), axis=-1).reshape(-1, 2)


def project(homography: np.ndarray, points: np.ndarray) -> np.ndarray:
    mapped = np.concatenate([points, np.ones((len(points), 1))], axis=1) @ homography.T
    return mapped[:, :2] / mapped[:, 2:]


def hide(image: np.ndarray, corner: Corner) -> np.ndarray:
    covered = image.copy()
    rows = slice(0, 160) if corner in (Corner.TOP_LEFT, Corner.TOP_RIGHT) else slice(480, 640)
    columns = slice(0, 160) if corner in (Corner.TOP_LEFT, Corner.BOTTOM_LEFT) else slice(480, 640)
    covered[rows, columns] = 150
    return covered


@settings(max_examples=25)
@given(
    x_m=st.floats(-0.003, 0.003),
    y_m=st.floats(-0.003, 0.003),
    turn_rad=st.floats(-0.087, 0.087),
    light=st.floats(0.6, 1.2),
    variant=st.integers(0, 3),
)
def test_board_held_within_tolerance_is_found_to_subpixel(x_m, y_m, turn_rad, light, variant) -> None:
    image = view(good_texture(variant), shift_m=(x_m, y_m), turn_rad=turn_rad, light=light)
    found = REGISTRAR.locate(image)
    margin = BOARD_LAYOUT.margin_px
    truth = CAMERA.homography(held_pose(CAMERA, x_m, y_m, turn_rad)) @ [[1, 0, margin], [0, 1, margin], [0, 0, 1]]
    assert found.variant == variant
    assert found.residual_px < 1.0
    assert np.abs(project(found.homography, GRID) - project(truth, GRID)).max() < 0.6


@pytest.mark.parametrize("corner", [Corner.TOP_RIGHT, Corner.BOTTOM_RIGHT, Corner.BOTTOM_LEFT])
def test_one_fiducial_may_be_missing(corner: Corner) -> None:
    image = view(good_texture(2))
    whole, partial = REGISTRAR.locate(image), REGISTRAR.locate(hide(image, corner))
    assert partial.variant == 2
    assert corner not in partial.markers
    assert np.abs(project(partial.homography, GRID) - project(whole.homography, GRID)).max() < 3.0


def test_without_the_variant_fiducial_the_expected_variant_counts() -> None:
    image = hide(view(good_texture(2)), Corner.TOP_LEFT)
    assert REGISTRAR.locate(image, expected_variant=2).variant == 2
    with pytest.raises(RegistrationError, match="top_left fiducial, which carries the variant"):
        REGISTRAR.locate(image)


def test_two_fiducials_are_too_few_and_named() -> None:
    image = hide(hide(view(good_texture()), Corner.TOP_RIGHT), Corner.BOTTOM_LEFT)
    with pytest.raises(RegistrationError, match=r"only 2 of 4 fiducials readable .*bottom_right.*need 3"):
        REGISTRAR.locate(image)


def test_empty_view_says_no_part() -> None:
    with pytest.raises(RegistrationError, match="no part in view"):
        REGISTRAR.locate(view(None))


@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_turned_board_is_found_by_its_identities(quarter_turns: int) -> None:
    image = np.ascontiguousarray(np.rot90(view(good_texture(1)), -quarter_turns))
    found = REGISTRAR.locate(image)
    expected = 0.02 + quarter_turns * np.pi / 2
    assert found.variant == 1
    assert np.cos(found.rotation_rad - expected) > 0.9999


def test_fiducial_of_another_size_is_left_out() -> None:
    image = view(good_texture(1), turn_rad=0.0, shift_m=(0.0, 0.0))
    clean = REGISTRAR.locate(image)
    x, y = np.round(clean.markers[Corner.TOP_RIGHT].mean(axis=0)).astype(int)
    marker = image[y - 18 : y + 18, x - 18 : x + 18].copy()
    image[y - 18 : y + 18, x - 18 : x + 18] = marker.max()
    image[y - 14 : y + 14, x - 14 : x + 14] = cv2.resize(marker, (28, 28), interpolation=cv2.INTER_AREA)
    found = REGISTRAR.locate(image)
    assert set(clean.markers) - set(found.markers) == {Corner.TOP_RIGHT}
    assert np.abs(project(found.homography, GRID) - project(clean.homography, GRID)).max() < 3.0


def test_contradicting_fiducials_are_refused() -> None:
    with pytest.raises(RegistrationError, match=r"contradict each other by .* limit 0\.01 px"):
        Registrar(residual_max_px=0.01).locate(view(good_texture()))


def test_rectified_artwork_lies_where_it_was_drawn() -> None:
    image = view(good_texture(3), shift_m=(-0.002, 0.002), turn_rad=-0.06)
    rectified = REGISTRAR.rectify(image, REGISTRAR.locate(image))
    margin = BOARD_LAYOUT.margin_px
    drawn = np.asarray(good_texture(3))[margin:-margin, margin:-margin]
    assert rectified.shape == (640, 640)
    is_copper, looks_copper = drawn < 125, rectified < 100
    assert np.mean(is_copper == looks_copper) > 0.985
