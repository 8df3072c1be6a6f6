"""Checks and decodes images at the edge, so that everything behind it may trust shape and type."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import ImageError

ImageU8 = npt.NDArray[np.uint8]

_CHANNELS = {"mono8": 1, "8UC1": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4}
_TO_GRAY = {
    "rgb8": cv2.COLOR_RGB2GRAY,
    "bgr8": cv2.COLOR_BGR2GRAY,
    "rgba8": cv2.COLOR_RGBA2GRAY,
    "bgra8": cv2.COLOR_BGRA2GRAY,
}


def decode_raw(data: bytes | memoryview, *, height: int, width: int, step: int, encoding: str) -> ImageU8:
    """Takes the pixels of a sensor_msgs/Image as grey image (height, width).

    Args:
        data: rows of `step` bytes each.
        height: rows.
        width: columns.
        step: bytes per row; may be longer than a row's pixels.
        encoding: mono8, 8UC1, rgb8, bgr8, rgba8 or bgra8.

    Raises:
        ImageError: the encoding is not supported or the sizes contradict each other.
    """
    channels = _CHANNELS.get(encoding)
    if channels is None:
        raise ImageError(f"image encoding {encoding!r} is not supported; valid: {', '.join(_CHANNELS)}")
    if height < 1 or width < 1 or step < width * channels or len(data) < height * step:
        sizes = f"{width}x{height}, step {step}, {len(data)} bytes"
        raise ImageError(f"image is incomplete ({sizes}); {encoding} needs {width * channels * height} bytes")
    rows = np.frombuffer(data, dtype=np.uint8, count=height * step).reshape(height, step)[:, : width * channels]
    if channels == 1:
        return np.ascontiguousarray(rows)
    pixels = np.ascontiguousarray(rows).reshape(height, width, channels)
    return np.asarray(cv2.cvtColor(pixels, _TO_GRAY[encoding]), dtype=np.uint8)


def check_image(image: npt.NDArray[np.generic], width_px: int, height_px: int) -> ImageU8:
    """Returns `image` as what the pipeline expects: grey, 8 bit, (height_px, width_px).

    Raises:
        ImageError: another type, number of channels or size.
    """
    if image.dtype != np.uint8:
        raise ImageError(f"image holds {image.dtype}; valid: 8-bit grey (mono8)")
    if image.shape != (height_px, width_px):
        size = "x".join(map(str, image.shape[::-1]))
        raise ImageError(f"image is {size}; valid: {width_px}x{height_px} as calibrated")
    return np.asarray(image, dtype=np.uint8)


def read_image(file: str | Path) -> ImageU8:
    """Reads a grey image file of 8 bits.

    Raises:
        ImageError: the file is missing, damaged or of another depth; the text names it.
    """
    path = Path(file)
    try:
        data = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    except OSError as error:
        raise ImageError(f"{path}: {error.strerror or error}; valid: a readable PNG or JPEG") from None
    image = cv2.imdecode(data, cv2.IMREAD_ANYDEPTH | cv2.IMREAD_GRAYSCALE) if data.size else None
    if image is None:
        raise ImageError(f"{path}: cannot be decoded; valid: a PNG or JPEG")
    if image.dtype != np.uint8:
        raise ImageError(f"{path}: holds {image.dtype}; valid: 8 bits per pixel")
    return np.asarray(image, dtype=np.uint8)
