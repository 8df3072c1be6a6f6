from __future__ import annotations

import numpy as np
import pytest

from workcell_perception.layout import BOARD_LAYOUT
from workcell_perception.registration import Registrar
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.camera import BACKGROUND_LEVEL, CameraModel
from workcell_sim.world.teach_golden import calibration_of, held_pose

STILL = (0.0, 0.0)
CAMERA = CameraModel()
TEXTURE = BoardFactory(0).golden_texture(0)
GREY = np.full((736, 736), 128, dtype=np.uint8)


def take(texture: np.ndarray | None, exposure_s: float = 0.004, light: float = 1.0, velocity=STILL) -> np.ndarray:
    return CAMERA.render(texture, CAMERA.nominal_pose, exposure_s, light, velocity, np.random.default_rng(0))


def middle(image: np.ndarray) -> float:
    return float(image[280:360, 280:360].mean())


def test_image_is_grey_and_the_same_for_the_same_noise() -> None:
    image = take(TEXTURE)
    assert image.shape == (640, 640)
    assert image.dtype == np.uint8
    assert np.array_equal(image, take(TEXTURE))


def test_level_is_proportional_to_exposure_and_light() -> None:
    full = middle(take(GREY))
    assert middle(take(GREY, exposure_s=0.002)) == pytest.approx(full / 2, rel=0.03)
    assert middle(take(GREY, light=0.5)) == pytest.approx(full / 2, rel=0.03)
    assert middle(take(GREY, exposure_s=0.002, light=2.0)) == pytest.approx(full, rel=0.02)
    assert full == pytest.approx(128 * 0.004 / 0.0045, rel=0.03)


def test_too_much_light_saturates() -> None:
    assert middle(take(GREY, exposure_s=0.03)) > 253


def test_no_light_is_black() -> None:
    assert middle(take(GREY, light=0.0)) < 3


def test_noise_follows_full_well_and_read_noise() -> None:
    level = 128 * 0.004 / 0.0045
    expected = np.sqrt(level * 255 / CAMERA.full_well_electrons + CAMERA.read_noise_levels**2)
    assert take(GREY)[300:340, 300:340].std() == pytest.approx(expected, rel=0.1)


def test_corners_are_darker_than_the_middle() -> None:
    image = take(np.full((736, 736), 255, dtype=np.uint8), exposure_s=0.003)
    assert image[60:80, 60:80].mean() < middle(image) - 4


def test_empty_view_is_dark() -> None:
    assert take(None).mean() < BACKGROUND_LEVEL + 3


def test_motion_blur_smears_along_the_motion_only() -> None:
    edge = np.full((736, 736), 40, dtype=np.uint8)
    edge[:, 368:] = 210
    still, along, across = (take(edge, velocity=v) for v in (STILL, (1500.0, 0.0), (0.0, 1500.0)))

    def width(image: np.ndarray) -> int:
        profile = image[300:340].mean(axis=0)
        return int(np.count_nonzero((profile[200:440] > 50) & (profile[200:440] < 170)))

    assert width(along) >= width(still) + 3
    assert width(across) == width(still)


def test_longer_exposure_blurs_more() -> None:
    fiducial = np.s_[30:80, 30:80]
    sharpness = [
        np.abs(np.diff(take(TEXTURE, exposure_s=e, light=0.004 / e, velocity=(600.0, 0.0))[fiducial].astype(int))).sum()
        for e in (0.001, 0.004, 0.012)
    ]
    assert sharpness[0] > sharpness[1] > sharpness[2]


@pytest.mark.parametrize(("x_m", "y_m", "turn_rad"), [(0.0, 0.0, 0.0), (0.003, -0.003, 0.087), (-0.002, 0.001, -0.05)])
def test_projection_agrees_with_registration(x_m: float, y_m: float, turn_rad: float) -> None:
    pose = held_pose(CAMERA, x_m, y_m, turn_rad)
    image = CAMERA.render(TEXTURE, pose, 0.004, 1.0, STILL, np.random.default_rng(1))
    found = Registrar().locate(image)
    centre = found.homography @ [319.5, 319.5, 1.0]
    u, v = centre[:2] / centre[2]
    scale = CAMERA.pixels_per_m
    assert (u, v) == pytest.approx((319.5 + x_m * scale, 319.5 + y_m * scale), abs=0.3)
    assert found.rotation_rad == pytest.approx(turn_rad, abs=0.002)


def test_nearer_board_looks_larger() -> None:
    near = CAMERA.nominal_pose.copy()
    near[2, 3] = 0.28
    image = CAMERA.render(TEXTURE, near, 0.004, 1.0, STILL, np.random.default_rng(1))
    scale = np.linalg.norm(Registrar().locate(image).homography[:2, 0])
    assert scale == pytest.approx(CAMERA.focal_px / 0.28 * BOARD_LAYOUT.metres_per_px, rel=0.002)


def test_distortion_is_undone_by_the_calibration() -> None:
    bent = CameraModel(distortion_k1=-0.4)
    image = bent.render(TEXTURE, bent.nominal_pose, 0.004, 1.0, STILL, np.random.default_rng(2))
    straight = calibration_of(bent).straighten(image)
    registrar = Registrar(residual_max_px=5.0)
    reference = registrar.locate(take(TEXTURE)).homography
    assert np.abs(registrar.locate(straight).homography - reference).max() < 0.5
    assert np.abs(registrar.locate(image).homography - reference).max() > 1.0
