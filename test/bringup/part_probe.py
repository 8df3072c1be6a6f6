"""Waits until the lifecycle manager of a part says that it is active: `part_probe.py FILE MANAGER`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import rclpy
from rclpy.node import Node
from std_srvs.srv import Trigger

PATIENCE_S = 120.0
PERIOD_S = 0.25


class PartProbe(Node):
    """Asks the manager again and again."""

    def __init__(self, manager: str) -> None:
        super().__init__("part_probe")
        self.is_active = False
        self._client = self.create_client(Trigger, f"{manager}/is_active")
        self._timer = self.create_timer(PERIOD_S, self._ask)

    def _ask(self) -> None:
        if self._client.service_is_ready():
            self._client.call_async(Trigger.Request()).add_done_callback(self._on_answer)

    def _on_answer(self, future: Any) -> None:
        self.is_active = future.result().success


def main() -> None:
    rclpy.init()
    probe = PartProbe(sys.argv[2])
    start = probe.get_clock().now()
    while not probe.is_active and (probe.get_clock().now() - start).nanoseconds < PATIENCE_S * 1e9:
        rclpy.spin_once(probe, timeout_sec=PERIOD_S)
    seen = {"is_active": probe.is_active, "nodes": sorted(probe.get_node_names())}
    Path(sys.argv[1]).write_text(json.dumps(seen), encoding="utf-8")
    probe.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
