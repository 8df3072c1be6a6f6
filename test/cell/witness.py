"""A node of its own in the cell's graph that writes down what the cell shows to everybody."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import Any

NS_PER_S = 1_000_000_000
LEVELS = ("OK", "WARN", "ERROR", "STALE")


@dataclass(frozen=True)
class Told:
    """One status as `diagnostics` carried it."""

    at_s: float
    name: str
    level: str
    message: str
    values: dict[str, str]


@dataclass
class Witness:
    """What was seen, by shift time."""

    start_ns: int = 0
    told: list[Told] = field(default_factory=list)
    states: list[tuple[float, str]] = field(default_factory=list)
    speeds: list[tuple[float, float]] = field(default_factory=list)
    """Largest joint speed of each joint state heard, [rad/s]."""

    def attend(self, kernel: Any) -> None:
        """Spawns the node on a kernel; what `run_shift` takes."""
        self.start_ns = kernel.now_ns()
        kernel.spawn(self._main, ["witness"], name="witness")

    def complaints(self, name: str, from_s: float, to_s: float) -> list[str]:
        """What a status said while it was not OK."""
        return [
            item.message
            for item in self.told
            if item.name == name and item.level != "OK" and from_s <= item.at_s <= to_s
        ]

    def heard(self, name: str, from_s: float, to_s: float) -> bool:
        """Whether a status was told at all in a time."""
        return any(item.name == name and from_s <= item.at_s <= to_s for item in self.told)

    def state_at(self, at_s: float) -> str:
        """State of the cell, with its reason, as last published before a time."""
        return next((text for seen_s, text in reversed(self.states) if seen_s <= at_s), "")

    def speed_max(self, from_s: float, to_s: float) -> float:
        """Largest joint speed seen in a time, 0 where no joint state was heard."""
        return max((speed for at_s, speed in self.speeds if from_s <= at_s <= to_s), default=0.0)

    def _main(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from rclpy.executors import ExternalShutdownException
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import JointState
        from std_msgs.msg import String

        from workcell_ros import qos

        rclpy.init()
        node = rclpy.create_node("witness")

        def now_s() -> float:
            return float((node.get_clock().now().nanoseconds - self.start_ns) / NS_PER_S)

        def on_diagnostics(message: Any) -> None:
            for status in message.status:
                level = LEVELS[status.level[0]]
                values = {pair.key: pair.value for pair in status.values}
                self.told.append(Told(now_s(), status.name, level, status.message, values))

        def on_state(message: Any) -> None:
            self.states.append((now_s(), message.data))

        def on_joints(message: Any) -> None:
            self.speeds.append((now_s(), max(map(abs, message.velocity), default=0.0)))

        node.create_subscription(DiagnosticArray, "diagnostics", on_diagnostics, qos.DIAGNOSTICS)
        node.create_subscription(String, "cell/state", on_state, qos.STATE)
        node.create_subscription(JointState, "joint_states", on_joints, qos_profile_sensor_data)
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            rclpy.spin(node)
        node.destroy_node()
        rclpy.try_shutdown()
