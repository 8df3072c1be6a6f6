"""Parts anywhere in view: found by fiducials or outline, refined by their artwork, and checked."""

from __future__ import annotations

import numpy as np
import pytest
from board_views import CAMERA, FACTORY, golden, good_texture

from bench.station import VIEW_PX, anywhere, registration_error_px, take
from workcell_perception.errors import RegistrationError
from workcell_perception.golden import GoldenStore
from workcell_perception.layout import BOARD_LAYOUT
from workcell_perception.locator import PartLocator
from workcell_perception.outline import find_outline
from workcell_perception.refinement import ArtworkRefiner
from workcell_perception.station import Inspection
from workcell_perception.verdict import unsure
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.teach_golden import teach_goldens

WIDE = CameraModel(width_px=VIEW_PX, height_px=VIEW_PX)


@pytest.fixture(scope="module")
def locator(tmp_path_factory: pytest.TempPathFactory) -> PartLocator:
    folder = tmp_path_factory.mktemp("golden")
    teach_goldens(FACTORY, folder, CAMERA, variants=(0, 1, 2))
    return PartLocator(GoldenStore(folder))


def without_fiducials(texture: np.ndarray) -> np.ndarray:
    bare = texture.copy()
    margin = BOARD_LAYOUT.margin_px
    frame = np.ones(texture.shape, dtype=bool)
    frame[margin:-margin, margin:-margin] = False
    bare[frame] = 230
    return bare


def error_of(locator: PartLocator, texture: np.ndarray, seed: int) -> tuple[float, int]:
    rng = np.random.default_rng(seed)
    held = anywhere(WIDE, rng)
    registration = locator.locate(take(WIDE, texture, held, 0.004, rng))
    error = registration_error_px(WIDE, held, Inspection(unsure("test"), registration=registration))
    assert error is not None
    return error, registration.variant


@pytest.mark.parametrize("seed", range(8))
def test_part_anywhere_is_found_to_a_fraction_of_a_pixel(locator: PartLocator, seed: int) -> None:
    error_px, variant = error_of(locator, good_texture(seed % 3), seed)
    assert variant == seed % 3
    assert error_px < 0.3


@pytest.mark.parametrize("seed", range(4))
def test_part_without_fiducials_is_found_and_identified(locator: PartLocator, seed: int) -> None:
    error_px, variant = error_of(locator, without_fiducials(good_texture(seed % 3)), seed)
    assert variant == seed % 3
    assert error_px < 0.3


def test_unknown_part_without_fiducials_is_refused(locator: PartLocator) -> None:
    stranger = without_fiducials(FACTORY.golden_texture(3))
    with pytest.raises(RegistrationError, match=r"no fiducial found.*like no reference"):
        error_of(locator, stranger, 1)


def test_empty_view_is_refused(locator: PartLocator) -> None:
    with pytest.raises(RegistrationError, match="no part in view"):
        locator.locate(np.zeros((VIEW_PX, VIEW_PX), dtype=np.uint8))


def test_part_without_reference_is_located_by_its_fiducials_alone(tmp_path) -> None:
    error_px, variant = error_of(PartLocator(GoldenStore(tmp_path)), good_texture(1), 3)
    assert (variant, error_px < 1.0) == (1, True)


def test_refiner_tells_that_artwork_is_not_there() -> None:
    reference = golden(0).mean
    noise = np.random.default_rng(0).integers(0, 256, (640, 640), dtype=np.uint8)
    refiner = ArtworkRefiner(reference)
    assert not refiner.refine(noise, np.eye(3)).holds
    shifted = np.roll(reference, (1, 2), axis=(0, 1))
    refined = refiner.refine(shifted, np.eye(3))
    assert refined.holds
    assert refined.residual_px < 0.1
    assert refined.homography[:2, 2] == pytest.approx([2.0, 1.0], abs=0.1)


def test_plain_reference_refines_nothing() -> None:
    plain = np.full((640, 640), 128, dtype=np.uint8)
    refined = ArtworkRefiner(plain).refine(plain, np.eye(3))
    assert not refined.holds
    assert refined.homography == pytest.approx(np.eye(3))


def test_outline_is_four_corners_clockwise() -> None:
    image = np.zeros((480, 640), dtype=np.uint8)
    image[100:300, 200:500] = 200
    corners = find_outline(image)
    assert corners == pytest.approx(np.array([[200, 100], [499, 100], [499, 299], [200, 299]]), abs=5)
    with pytest.raises(RegistrationError, match="nothing large"):
        find_outline(np.zeros((480, 640), dtype=np.uint8))
