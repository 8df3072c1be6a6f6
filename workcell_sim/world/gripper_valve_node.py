"""The gripper's circuit behind a valve that others switch: a vacuum set point in, physics out."""

from __future__ import annotations

from typing import Any

from std_msgs.msg import Float64

from workcell_ros import qos
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.gripper import GripEnd

TOPIC = "gripper_controller/valve"


class GripperValve:
    """Follows the valve's set point in [Pa] below ambient; 0 lets go."""

    def __init__(self, node: Any, world: CellWorld) -> None:
        self._node = node
        self._world = world
        self._subscription: Any = None

    def open(self) -> None:
        """Starts to follow."""
        self._subscription = self._node.create_subscription(Float64, TOPIC, self._on_set_point, qos.STATE)

    def close(self) -> None:
        """The valve stays as it is."""
        self._node.destroy_subscription(self._subscription)

    def destroy(self) -> None:
        """Nothing is left on the graph."""

    def report(self, ends: list[GripEnd]) -> None:
        """Nothing: whoever switches the valve judges by what the vacuum sensor tells."""

    def _on_set_point(self, message: Any) -> None:
        self._world.command_gripper("", message.data > 0.0, message.data)
