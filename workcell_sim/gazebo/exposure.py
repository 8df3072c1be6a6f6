"""The exposure that Gazebo's camera lacks: what a sensor makes of its image in a given time under a given light.

Gazebo renders the reflectance that the camera's light shows (its intensity in worlds/cell.sdf.xacro makes that so). As
in the embedded world's camera, a perfectly white part saturates at `full_scale_exposure_s` under nominal light.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from workcell_sim.world.camera import CameraModel

ImageU8 = npt.NDArray[np.uint8]


def expose(rendered: ImageU8, camera: CameraModel, exposure_s: float, light: float) -> ImageU8:
    """Returns an image as exposed, shape as rendered.

    Args:
        rendered: Gazebo's image.
        exposure_s: exposure time.
        light: illumination relative to nominal.
    """
    gain = max(exposure_s, 0.0) * max(light, 0.0) / camera.full_scale_exposure_s
    return np.asarray(cv2.convertScaleAbs(rendered, alpha=gain), dtype=np.uint8)
