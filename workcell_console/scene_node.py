"""What the page's 3D view shows: the robot description that is published, and the joints' newest positions."""

from __future__ import annotations

import math
from typing import Any

from sensor_msgs.msg import JointState
from std_msgs.msg import String

from workcell_console.page.json_text import to_json
from workcell_console.page.scene import SceneError, scene_json
from workcell_ros import qos


class SceneFeed:
    """Follows `robot_description` and `joint_states`."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._scene = b""
        self._positions: dict[str, float] = {}
        self._inputs: list[Any] = []

    def subscribe(self) -> None:
        """Opens the inputs."""
        subscribe = self._node.create_subscription
        self._inputs = [
            subscribe(String, "robot_description", self._on_description, qos.latched(1)),
            subscribe(JointState, "joint_states", self._on_joints, qos.SENSOR_DATA),
        ]

    def destroy(self) -> None:
        """Closes the inputs."""
        for subscription in self._inputs:
            self._node.destroy_subscription(subscription)
        self._inputs = []

    def scene(self) -> bytes:
        """Returns the description as JSON, empty before there is one; any thread."""
        return self._scene

    def joints(self) -> bytes:
        """Returns the positions by joint as JSON, in rad or m; any thread."""
        return to_json(dict(self._positions))

    def _on_description(self, message: Any) -> None:
        try:
            self._scene = scene_json(message.data)
        except SceneError as error:
            self._node.get_logger().warning(f"no 3D view: {error}")

    def _on_joints(self, message: Any) -> None:
        positions = zip(message.name, message.position, strict=False)
        # Another mapping in place of the old one: the server's thread may be reading that.
        self._positions = {**self._positions, **{name: value for name, value in positions if math.isfinite(value)}}
