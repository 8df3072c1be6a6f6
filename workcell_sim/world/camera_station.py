"""The in-station camera: what it would see of the held part, rendered only when somebody asks."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from workcell_sim.world.board import Board
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.parts import Part
from workcell_sim.world.station import CameraPlace

FloatArray = npt.NDArray[np.float64]
ImageU8 = npt.NDArray[np.uint8]

# The part counts as in view within this share of the working distance, and this far from the axis.
_RANGE_SHARE = 0.12
_REACH_M = 0.04


def camera_model_of(place: CameraPlace) -> CameraModel:
    """The camera model with the intrinsics of the station file."""
    width, height = place.image_size_px
    return CameraModel(
        width_px=width,
        height_px=height,
        focal_px=place.focal_length_px,
        working_distance_m=place.working_distance_m,
    )


class CameraStation:
    """Takes images of the part at the cup."""

    def __init__(self, place: CameraPlace, board_of: Callable[[Part], Board], seed: int) -> None:
        self.model = camera_model_of(place)
        self._world_to_camera = np.linalg.inv(place.pose.matrix)
        self._board_of = board_of
        self._seed = seed
        self._background: ImageU8 | None = None

    def pose_of(self, t_world_face: FloatArray) -> FloatArray:
        """Pose of a face in the optical frame, shape (4, 4)."""
        pose: FloatArray = self._world_to_camera @ t_world_face
        return pose

    def sees(self, t_camera_face: FloatArray) -> bool:
        """Whether a face at that pose is in view and near enough to focus."""
        distance = self.model.working_distance_m
        x, y, z = t_camera_face[:3, 3]
        return bool(abs(z - distance) < _RANGE_SHARE * distance and max(abs(x), abs(y)) < _REACH_M)

    def capture(
        self,
        part: Part,
        t_camera_face: FloatArray,
        velocity_world_m_s: FloatArray,
        exposure_s: float,
        light: float,
        frame_number: int,
    ) -> Callable[[], ImageU8]:
        """Takes an image of a part; what is returned develops it, now or later with the same result.

        The noise depends on seed and frame number alone.
        """
        velocity = self._world_to_camera[:3, :3] @ velocity_world_m_s
        scale = self.model.focal_px / float(t_camera_face[2, 3])
        pixel_velocity = (float(velocity[0]) * scale, float(velocity[1]) * scale)
        board = self._board_of(part)

        def develop() -> ImageU8:
            rng = np.random.default_rng([self._seed, frame_number])
            return self.model.render(board.texture, t_camera_face, exposure_s, light, pixel_velocity, rng)

        return develop

    def background(self) -> ImageU8:
        """The dark view without a part: one frame, taken once."""
        if self._background is None:
            rng = np.random.default_rng([self._seed, 0])
            self._background = self.model.render(None, self.model.nominal_pose, 0.004, 1.0, (0.0, 0.0), rng)
            self._background.flags.writeable = False
        return self._background
