"""The camera's topics in Gazebo: its rendered frames, exposed as the parameter asks."""

from __future__ import annotations

import array
from typing import Any

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from workcell_ros import qos
from workcell_ros.convert import NS_PER_S, stamp_to_ns
from workcell_sim.gazebo.cell import GazeboCell, is_in_view
from workcell_sim.gazebo.exposure import expose
from workcell_sim.world.camera_publisher_node import FRAME, info_of
from workcell_sim.world.camera_station import camera_model_of


class GazeboCamera:
    """Publishes `camera/image_raw` and `camera/camera_info`; frames without a part in view come seldom."""

    def __init__(self, node: Any, cell: GazeboCell) -> None:
        self._node = node
        self._cell = cell
        self._model = camera_model_of(cell.config.station.camera)
        self._next_idle_ns = 0
        self._image_pub = node.create_publisher(Image, "camera/image_raw", qos.SENSOR_DATA)
        self._info_pub = node.create_publisher(CameraInfo, "camera/camera_info", qos.SENSOR_DATA)
        self._subscription: Any = None

    def open(self) -> None:
        """Starts to hear Gazebo's camera, which renders only while somebody does."""
        self._subscription = self._node.create_subscription(Image, "gazebo/camera/image_raw", self._on_frame, 2)

    def close(self) -> None:
        """Hears it no more."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def destroy(self) -> None:
        """Takes the topics off the graph."""
        self._node.destroy_publisher(self._image_pub)
        self._node.destroy_publisher(self._info_pub)

    def _on_frame(self, frame: Any) -> None:
        stamp_ns = stamp_to_ns(frame.header.stamp)
        is_seen = is_in_view(self._cell.held, self._cell.config)
        if not is_seen and stamp_ns < self._next_idle_ns:
            return
        self._next_idle_ns = stamp_ns + round(NS_PER_S / self._node.values.camera_rate_hz)
        rendered = np.frombuffer(frame.data, dtype=np.uint8).reshape(frame.height, frame.step)[:, : frame.width]
        image = expose(rendered, self._model, self._node.values.camera_exposure_s, self._cell.conditions.light)
        frame.header.frame_id = FRAME
        frame.encoding, frame.step = "mono8", frame.width
        frame.data = array.array("B", image.tobytes())
        self._image_pub.publish(frame)
        self._info_pub.publish(info_of(self._model, stamp_ns))
