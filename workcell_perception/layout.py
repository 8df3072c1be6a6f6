"""Where a board carries its artwork and its four fiducials.

Board frame: origin at the centre of the board, x right and y down as one looks at the artwork, z into the board. A
camera that looks at the face squarely therefore sees the board under the identity rotation of its optical frame
(REP-103).
Pixel coordinates are OpenCV's: whole numbers are pixel centres.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

VARIANT_ID_MAX = 949


class Corner(IntEnum):
    """The corner of the board that a fiducial marks; the order is clockwise from the top left."""

    TOP_LEFT = 0
    TOP_RIGHT = 1
    BOTTOM_RIGHT = 2
    BOTTOM_LEFT = 3


@dataclass(frozen=True)
class BoardLayout:
    """Geometry of a square board; lengths in texture pixels unless the name says metres.

    The top-left fiducial's ArUco identity (DICT_5X5_1000) is the product variant, 0..949; the others are fixed and so
    give the orientation away even when the board is presented turned.
    """

    side_m: float = 0.10
    artwork_px: int = 640
    margin_px: int = 48
    marker_px: int = 35
    marker_inset_px: int = 6
    top_right_id: int = 997
    bottom_right_id: int = 998
    bottom_left_id: int = 999

    @property
    def texture_px(self) -> int:
        """Side of the whole board's texture in [px]: artwork and the margins around it."""
        return self.artwork_px + 2 * self.margin_px

    @property
    def metres_per_px(self) -> float:
        """Size of a texture pixel in [m]."""
        return self.side_m / self.texture_px

    def corner_of(self, marker_id: int) -> Corner | None:
        """The corner a fiducial's identity stands for, or None if it is not a board's fiducial."""
        if 0 <= marker_id <= VARIANT_ID_MAX:
            return Corner.TOP_LEFT
        fixed = {
            self.top_right_id: Corner.TOP_RIGHT,
            self.bottom_right_id: Corner.BOTTOM_RIGHT,
            self.bottom_left_id: Corner.BOTTOM_LEFT,
        }
        return fixed.get(marker_id)

    def marker_id(self, corner: Corner, variant: int) -> int:
        """ArUco identity of the fiducial at `corner` on a board of `variant`."""
        fixed_ids = (variant, self.top_right_id, self.bottom_right_id, self.bottom_left_id)
        return fixed_ids[corner]

    def marker_origin(self, corner: Corner) -> tuple[int, int]:
        """Column and row of the fiducial's first pixel in the texture."""
        near = self.marker_inset_px
        far = self.texture_px - self.marker_inset_px - self.marker_px
        origins = ((near, near), (far, near), (far, far), (near, far))
        return origins[corner]

    def marker_corners(self) -> FloatArray:
        """Outer corners of the fiducials in artwork pixels, shape (4 fiducials, 4 corners clockwise, 2)."""
        square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], dtype=np.float64) * self.marker_px - 0.5
        origins = np.array([self.marker_origin(corner) for corner in Corner], dtype=np.float64)
        corners: FloatArray = origins[:, None, :] + square[None, :, :] - self.margin_px
        return corners


BOARD_LAYOUT = BoardLayout()
