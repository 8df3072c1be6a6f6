"""Waits until a cell works, and writes down its graph: `look_at_cell_node FILE`, in the cell's namespace."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import rclpy
from rclpy.node import Node
from statistics_msgs.msg import MetricsMessage

from workcell_console.graph.observer_node import observe
from workcell_ros import qos


def main() -> None:
    """Looks once the first part was made: by then every node has all that it uses."""
    rclpy.init()
    node = Node("observer")
    heard: list[str] = []
    node.create_subscription(MetricsMessage, "cell/kpi", lambda m: heard.append(m.measurement_source_name), qos.KPI)
    while "cycle" not in heard:
        rclpy.spin_once(node, timeout_sec=0.5)
    Path(sys.argv[1]).write_text(json.dumps(observe(node)), encoding="utf-8")
    node.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
