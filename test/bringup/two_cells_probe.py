"""Looks at two cells side by side, stops one of them, and writes down what it saw: `two_cells_probe.py FILE A B`."""

from __future__ import annotations

import json
import sys
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import rclpy
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from statistics_msgs.msg import MetricsMessage
from std_srvs.srv import Trigger

PATIENCE_S = 120.0
GOOD_PARTS = 2
LATCHED = QoSProfile(
    depth=500, reliability=QoSReliabilityPolicy.RELIABLE, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL
)


class Probe(Node):
    """Counts the parts of each cell."""

    def __init__(self, cells: list[str]) -> None:
        super().__init__("probe")
        self.parts: Counter[str] = Counter()
        for cell in cells:
            self.create_subscription(MetricsMessage, f"/{cell}/cell/kpi", partial(self._on_kpi, cell), LATCHED)

    def until(self, cell: str, parts: int) -> None:
        end_ns = self.get_clock().now().nanoseconds + PATIENCE_S * 1e9
        while self.parts[cell] < parts and self.get_clock().now().nanoseconds < end_ns:
            rclpy.spin_once(self, timeout_sec=0.1)

    def stop(self, cell: str) -> bool:
        client = self.create_client(Trigger, f"/{cell}/cell/stop")
        assert client.wait_for_service(timeout_sec=10.0)
        future = client.call_async(Trigger.Request())
        rclpy.spin_until_future_complete(self, future, timeout_sec=10.0)
        return bool(future.result().success)

    def ends(self) -> dict[str, list[str]]:
        """Namespaces of those who publish or hear each topic, but the probe's own."""
        found = {}
        for name, _ in self.get_topic_names_and_types():
            infos = [*self.get_publishers_info_by_topic(name), *self.get_subscriptions_info_by_topic(name)]
            found[name] = sorted({info.node_namespace for info in infos if info.node_name != "probe"})
        return found

    def _on_kpi(self, cell: str, message: Any) -> None:
        if message.measurement_source_name == "cycle" and message.metrics_source == "verdict":
            self.parts[cell] += 1


def main() -> None:
    rclpy.init()
    stopped, other = cells = sys.argv[2:4]
    probe = Probe(cells)
    for cell in cells:
        probe.until(cell, 1)
    seen: dict[str, Any] = {"ends": probe.ends(), "stopped": probe.stop(stopped), "before": dict(probe.parts)}
    probe.until(other, probe.parts[other] + GOOD_PARTS)
    seen["after"] = dict(probe.parts)
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")
    probe.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
