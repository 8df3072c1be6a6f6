"""An upward-looking machine-vision camera without GPU or display.

The board is held face down above it. Projection is the pinhole model with Brown's radial distortion (D. C. Brown,
1966; OpenCV's convention); the response is linear up to saturation, with cos^4 vignetting, shot noise of the sensor's
full well and read noise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.layout import BOARD_LAYOUT, BoardLayout

FloatArray = npt.NDArray[np.float64]
Float32Array = npt.NDArray[np.float32]
ImageU8 = npt.NDArray[np.uint8]

BACKGROUND_LEVEL = 10
BLUR_MIN_PX = 0.3
BLUR_MAX_PX = 40.0
# Smears longer than the first are computed at a resolution lower by the second; OpenCV is fast up to 11 px.
_SHRINK_ABOVE_PX = ((20.0, 4), (10.0, 2))
_NOISE_BANK_SLACK_PX = 96
_NOISE_BANK_SEED = 0x5EED


@dataclass(frozen=True)
class CameraModel:
    """Camera with square pixels and its optical axis through the image centre.

    `full_scale_exposure_s` saturates a perfectly white part under light 1.0, the nominal illumination.
    """

    width_px: int = 640
    height_px: int = 640
    focal_px: float = 1670.0
    working_distance_m: float = 0.30
    distortion_k1: float = 0.0
    distortion_k2: float = 0.0
    full_scale_exposure_s: float = 0.0045
    full_well_electrons: float = 4000.0
    read_noise_levels: float = 1.5
    layout: BoardLayout = field(default=BOARD_LAYOUT)

    @cached_property
    def intrinsics(self) -> FloatArray:
        """Camera matrix K, shape (3, 3)."""
        cx, cy = (self.width_px - 1) / 2, (self.height_px - 1) / 2
        return np.array([[self.focal_px, 0.0, cx], [0.0, self.focal_px, cy], [0.0, 0.0, 1.0]])

    @property
    def distortion(self) -> FloatArray:
        """Distortion k1, k2, p1, p2, k3 (plumb_bob), shape (5,)."""
        return np.array([self.distortion_k1, self.distortion_k2, 0.0, 0.0, 0.0])

    @property
    def pixels_per_m(self) -> float:
        """Image scale at the working distance in [px/m]: turns a part's speed in [m/s] into `pixel_velocity`."""
        return self.focal_px / self.working_distance_m

    @cached_property
    def nominal_pose(self) -> FloatArray:
        """T_camera_board of a board held squarely at the working distance, shape (4, 4)."""
        pose = np.eye(4)
        pose[2, 3] = self.working_distance_m
        return pose

    def homography(self, t_camera_board: FloatArray) -> FloatArray:
        """Maps texture pixels to image pixels (before distortion), shape (3, 3)."""
        scale = self.layout.metres_per_px
        centre = (self.layout.texture_px - 1) / 2
        texture_to_board = np.array([[scale, 0.0, -scale * centre], [0.0, scale, -scale * centre], [0.0, 0.0, 1.0]])
        board_to_camera = t_camera_board[:3, [0, 1, 3]]
        homography: FloatArray = self.intrinsics @ board_to_camera @ texture_to_board
        return homography

    def render(
        self,
        texture: ImageU8 | None,
        t_camera_board: FloatArray,
        exposure_s: float,
        light: float,
        pixel_velocity: tuple[float, float],
        rng: np.random.Generator,
    ) -> ImageU8:
        """Takes one image.

        Args:
            texture: the board's reflectance, shape (736, 736), or None for an empty view.
            t_camera_board: pose of the board frame (see `workcell_perception.layout`) in the optical frame, (4, 4).
            exposure_s: exposure time in [s].
            light: illumination relative to nominal.
            pixel_velocity: motion of the part in the image in [px/s].
            rng: source of the noise.

        Returns:
            Grey image, shape (height_px, width_px).
        """
        scene = self._project(texture, t_camera_board)
        scene = _blur_by_motion(scene, (pixel_velocity[0] * exposure_s, pixel_velocity[1] * exposure_s))
        gain = max(exposure_s, 0.0) * max(light, 0.0) / self.full_scale_exposure_s
        # The vignetting map is 8 bit: 255 is no loss.
        exposed = np.asarray(cv2.multiply(scene, self._vignetting, scale=gain / 255.0), dtype=np.uint8)
        return self._with_noise(exposed, rng)

    def _project(self, texture: ImageU8 | None, t_camera_board: FloatArray) -> ImageU8:
        size = (self.width_px, self.height_px)
        if texture is None:
            return np.full((self.height_px, self.width_px), BACKGROUND_LEVEL, dtype=np.uint8)
        homography = self.homography(t_camera_board)
        image = cv2.warpPerspective(texture, homography, size, flags=cv2.INTER_LINEAR, borderValue=BACKGROUND_LEVEL)
        if self.distortion_k1 or self.distortion_k2:
            image = cv2.remap(image, *self._distortion_maps, cv2.INTER_LINEAR, borderValue=BACKGROUND_LEVEL)
        return np.asarray(image, dtype=np.uint8)

    def _with_noise(self, image: ImageU8, rng: np.random.Generator) -> ImageU8:
        row, column = (int(n) for n in rng.integers(_NOISE_BANK_SLACK_PX, size=2))
        is_upright, is_unmirrored = (bool(flip) for flip in rng.integers(2, size=2))
        # Where the part of the bank that is meant lies once the whole bank is turned over.
        row = row if is_upright else _NOISE_BANK_SLACK_PX - row
        column = column if is_unmirrored else _NOISE_BANK_SLACK_PX - column
        bank = self._noise_banks[is_upright, is_unmirrored]
        noise = bank[row : row + self.height_px, column : column + self.width_px]
        sigma = cv2.LUT(image, self._noise_table)
        noisy = cv2.add(image, cv2.multiply(sigma, noise), dtype=cv2.CV_8U)
        return np.asarray(noisy, dtype=np.uint8)

    @cached_property
    def _noise_table(self) -> Float32Array:
        """Noise in [levels, 1 sigma] for each level 0..255."""
        electrons_per_level = self.full_well_electrons / 255.0
        shot_variance = np.arange(256) / electrons_per_level
        return np.asarray(np.sqrt(shot_variance + self.read_noise_levels**2), dtype=np.float32)

    @cached_property
    def _noise_banks(self) -> dict[tuple[bool, bool], Float32Array]:
        """Unit noise, by whether it stands upright and whether it is as drawn from left to right."""
        shape = (self.height_px + _NOISE_BANK_SLACK_PX, self.width_px + _NOISE_BANK_SLACK_PX)
        bank = np.random.default_rng(_NOISE_BANK_SEED).standard_normal(shape, dtype=np.float32)
        return {
            (is_upright, is_unmirrored): np.ascontiguousarray(
                bank[:: 1 if is_upright else -1, :: 1 if is_unmirrored else -1]
            )
            for is_upright in (True, False)
            for is_unmirrored in (True, False)
        }

    @cached_property
    def _vignetting(self) -> ImageU8:
        rows, columns = np.mgrid[: self.height_px, : self.width_px]
        tan_sq = ((columns - self.intrinsics[0, 2]) ** 2 + (rows - self.intrinsics[1, 2]) ** 2) / self.focal_px**2
        return np.asarray(np.round(255.0 / (1.0 + tan_sq) ** 2), dtype=np.uint8)

    @cached_property
    def _distortion_maps(self) -> tuple[Float32Array, Float32Array]:
        """Where each pixel of the distorted image lies in the undistorted one."""
        rows, columns = np.mgrid[: self.height_px, : self.width_px].astype(np.float32)
        pixels = np.stack([columns, rows], axis=-1).reshape(-1, 1, 2)
        straight = cv2.undistortPoints(pixels, self.intrinsics, self.distortion, P=self.intrinsics)
        maps = straight.reshape(self.height_px, self.width_px, 2).astype(np.float32)
        return np.ascontiguousarray(maps[..., 0]), np.ascontiguousarray(maps[..., 1])


def _blur_by_motion(image: ImageU8, path_px: tuple[float, float]) -> ImageU8:
    """Smears an image along a straight path of the given extent in [px]; longer paths than 40 px are cut there."""
    length = float(np.hypot(*path_px))
    if length < BLUR_MIN_PX:
        return image
    reach = min(length, BLUR_MAX_PX) / length
    # A long smear leaves no fine detail: at a lower resolution its kernel stays small enough to be fast.
    shrink = next((shrink for limit, shrink in _SHRINK_ABOVE_PX if length > limit), 1)
    kernel = _line_kernel(path_px[0] * reach / shrink, path_px[1] * reach / shrink)
    height, width = image.shape
    small = cv2.resize(image, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA)
    smeared = cv2.filter2D(small, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(smeared, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _line_kernel(dx_px: float, dy_px: float) -> Float32Array:
    """A line through the centre, drawn by bilinear shares of points a quarter pixel apart; its sum is 1."""
    half = int(np.ceil(max(abs(dx_px), abs(dy_px)) / 2)) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    count = max(int(np.hypot(dx_px, dy_px) * 4), 2)
    for along in np.linspace(-0.5, 0.5, count):
        x, y = half + dx_px * along, half + dy_px * along
        column, row = int(np.floor(x)), int(np.floor(y))
        fx, fy = x - column, y - row
        kernel[row : row + 2, column : column + 2] += np.outer([1 - fy, fy], [1 - fx, fx])
    return np.asarray(kernel / kernel.sum(), dtype=np.float32)
