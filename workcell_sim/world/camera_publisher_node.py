"""The camera's topics: frames of the part in view, a slow dark frame otherwise."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CameraInfo, Image

from workcell_ros import qos
from workcell_ros.convert import NS_PER_S, ns_to_stamp
from workcell_sim.embedded import is_active
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.cell_world import CellWorld

FRAME = "camera_optical_frame"


class CameraPublisher:
    """Publishes `camera/image_raw` and `camera/camera_info`; renders only what somebody listens to."""

    def __init__(self, node: Any, world: CellWorld) -> None:
        self._node = node
        self._world = world
        self._image_pub = node.create_publisher(Image, "camera/image_raw", qos.SENSOR_DATA)
        self._info_pub = node.create_publisher(CameraInfo, "camera/camera_info", qos.SENSOR_DATA)
        self._next_idle_ns = 0
        self._timer: Any = None

    def open(self) -> None:
        """Starts the frame clock."""
        self._next_idle_ns = 0
        self._timer = self._node.create_timer(1.0 / self._node.values.camera_active_rate_hz, self._on_frame)

    def close(self) -> None:
        """Stops the frame clock."""
        if self._timer is not None:
            self._node.destroy_timer(self._timer)
            self._timer = None

    def destroy(self) -> None:
        """Takes the topics off the graph."""
        self._node.destroy_publisher(self._image_pub)
        self._node.destroy_publisher(self._info_pub)

    def _on_frame(self) -> None:
        if not self._image_pub.get_subscription_count() and not self._info_pub.get_subscription_count():
            return
        now_ns = self._node.now_ns()
        if not self._world.is_part_in_view() and now_ns < self._next_idle_ns:
            return
        self._next_idle_ns = now_ns + round(NS_PER_S / self._node.values.camera_rate_hz)
        exposure_s = self._node.values.camera_exposure_s
        # A frame is stamped with the start of its exposure, which ends now.
        stamp_ns = max(now_ns - round(exposure_s * NS_PER_S), 0)
        if self._image_pub.get_subscription_count():
            self._image_pub.publish(_image(self._world.expose(exposure_s), self._world.camera.model, stamp_ns))
        self._info_pub.publish(info_of(self._world.camera.model, stamp_ns))


def info_of(model: CameraModel, stamp_ns: int) -> Any:
    """The camera's intrinsics as a message."""
    k = model.intrinsics
    info = CameraInfo(
        height=model.height_px,
        width=model.width_px,
        distortion_model="plumb_bob",
        d=model.distortion.tolist(),
        k=k.ravel().tolist(),
        r=np.eye(3).ravel().tolist(),
        p=np.hstack([k, np.zeros((3, 1))]).ravel().tolist(),
    )
    info.header.stamp = ns_to_stamp(stamp_ns)
    info.header.frame_id = FRAME
    return info


def _image(develop: Callable[[], npt.NDArray[np.uint8]], model: CameraModel, stamp_ns: int) -> Any:
    """The frame as a message; on the embedded runtime it is developed when its first receiver reads its pixels."""

    def pixels() -> array.array[int]:
        return array.array("B", develop().tobytes())

    size = {"height": model.height_px, "width": model.width_px, "step": model.width_px}
    if is_active():
        from workcell_sim.embedded._interfaces.deferred import defer

        message = defer(Image, "data", pixels, encoding="mono8", **size)
    else:
        message = Image(data=pixels(), encoding="mono8", **size)
    message.header.stamp = ns_to_stamp(stamp_ns)
    message.header.frame_id = FRAME
    return message
