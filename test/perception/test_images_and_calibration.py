from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from workcell_perception.calibration import Calibration, load_calibration
from workcell_perception.errors import ImageError
from workcell_perception.images import check_image, decode_raw, read_image
from workcell_ros.errors import ConfigError

PIXELS = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_mono_image_is_decoded_row_by_row() -> None:
    padded = np.zeros((3, 6), dtype=np.uint8)
    padded[:, :4] = PIXELS
    assert np.array_equal(decode_raw(PIXELS.tobytes(), height=3, width=4, step=4, encoding="mono8"), PIXELS)
    assert np.array_equal(decode_raw(padded.tobytes(), height=3, width=4, step=6, encoding="8UC1"), PIXELS)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8", "rgba8", "bgra8"])
def test_colour_image_becomes_grey(encoding: str) -> None:
    channels = len(encoding) - 1
    pixels = np.full((2, 3, channels), 77, dtype=np.uint8)
    grey = decode_raw(pixels.tobytes(), height=2, width=3, step=3 * channels, encoding=encoding)
    assert np.array_equal(grey, np.full((2, 3), 77))


@pytest.mark.parametrize("encoding", ["mono16", "16UC1", "bayer_rggb8", "", "32FC1"])
def test_other_encoding_is_refused(encoding: str) -> None:
    with pytest.raises(ImageError, match="not supported; valid: mono8"):
        decode_raw(bytes(100), height=3, width=4, step=8, encoding=encoding)


@given(height=st.integers(-1, 8), width=st.integers(-1, 8), step=st.integers(-1, 12), size=st.integers(0, 100))
def test_any_sizes_decode_or_are_refused(height: int, width: int, step: int, size: int) -> None:
    fits = height >= 1 and width >= 1 and step >= width and size >= height * step
    if fits:
        image = decode_raw(bytes(size), height=height, width=width, step=step, encoding="mono8")
        assert image.shape == (height, width)
        return
    with pytest.raises(ImageError, match="incomplete"):
        decode_raw(bytes(size), height=height, width=width, step=step, encoding="mono8")


def test_image_must_have_the_calibrated_size_and_depth() -> None:
    assert check_image(PIXELS, 4, 3) is PIXELS
    with pytest.raises(ImageError, match="image is 4x3; valid: 640x480"):
        check_image(PIXELS, 640, 480)
    with pytest.raises(ImageError, match="holds uint16"):
        check_image(PIXELS.astype(np.uint16), 4, 3)


def test_image_files(tmp_path: Path) -> None:
    good, deep, broken = tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"
    cv2.imwrite(str(good), PIXELS)
    cv2.imwrite(str(deep), PIXELS.astype(np.uint16) * 300)
    broken.write_bytes(good.read_bytes()[:20])
    assert np.array_equal(read_image(good), PIXELS)
    with pytest.raises(ImageError, match=r"b\.png: holds uint16; valid: 8 bits"):
        read_image(deep)
    with pytest.raises(ImageError, match=r"c\.png: cannot be decoded"):
        read_image(broken)
    with pytest.raises(ImageError, match=r"d\.png: No such file"):
        read_image(tmp_path / "d.png")


CALIBRATION = Calibration(64, 48, (50.0, 0.0, 31.5, 0.0, 50.0, 23.5, 0.0, 0.0, 1.0), (-0.2, 0.01, 0.0, 0.0, 0.0))


def test_calibration_survives_its_file(tmp_path: Path) -> None:
    CALIBRATION.save(tmp_path / "camera.yaml")
    assert load_calibration(tmp_path / "camera.yaml") == CALIBRATION


def test_ideal_camera_needs_no_straightening() -> None:
    ideal = Calibration.ideal(4, 3, 10.0)
    assert ideal.straighten(PIXELS) is PIXELS
    assert ideal.intrinsics[0, 2] == 1.5


def test_distorted_camera_moves_pixels_outwards() -> None:
    image = np.zeros((48, 64), dtype=np.uint8)
    image[:, 8:10] = 200
    straight = CALIBRATION.straighten(image)
    assert int(straight[24].argmax()) < 8


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("image_width", "wide", "image_width: 'wide' is no image size"),
        ("image_height", 0, "image_height: 0 is no image size"),
        ("distortion_model", "fisheye", "'fisheye' is not supported; valid: plumb_bob"),
        ("camera_matrix", {"data": [1, 2]}, r"camera_matrix\.data: \[1, 2\] does not fit"),
        ("camera_matrix", None, r"camera_matrix\.data: None"),
        ("camera_matrix", {"data": [-1, 0, 0, 0, 1, 0, 0, 0, 1]}, "are not positive"),
        ("distortion_coefficients", {"data": ["a"] * 5}, r"distortion_coefficients\.data"),
    ],
)
def test_wrong_calibration_is_named(tmp_path: Path, key: str, value: object, where: str) -> None:
    file = tmp_path / "camera.yaml"
    CALIBRATION.save(file)
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), key: value}))
    with pytest.raises(ConfigError, match=where):
        load_calibration(file)
