"""Watches a running cell from outside until it has made a number of parts: `cell_probe.py FILE PARTS`.

What it saw goes to FILE after every part, so that nothing is lost whoever ends it. Run by measured_cell_launch.py.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, deque
from pathlib import Path
from typing import Any

import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy.node import Node
from rclpy.qos import QoSDurabilityPolicy, QoSProfile, QoSReliabilityPolicy
from statistics_msgs.msg import MetricsMessage
from vision_msgs.msg import Detection2DArray

RELIABLE = QoSProfile(depth=200, reliability=QoSReliabilityPolicy.RELIABLE)
LATCHED = QoSProfile(
    depth=500, reliability=QoSReliabilityPolicy.RELIABLE, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL
)
NS_PER_MS = 1e6
OPEN_MAX = 50
GOOD = "good"
"""What the audit calls a part without a defect."""
VERDICTS = ("accept", "rework", "reject", "none")


class CellProbe(Node):
    """Counts parts and times what follows from what, by the stamps that nodes gave."""

    def __init__(self, file: Path, parts: int) -> None:
        super().__init__("cell_probe")
        self._file = file
        self._parts = parts
        self._verdicts: Counter[str] = Counter()
        self._audited: Counter[str] = Counter()
        self._wrong: Counter[str] = Counter()
        self._cycle_s: list[float] = []
        self._first_ns = self._last_ns = 0
        self._reading_ns = 0
        self._holds: Counter[str] = Counter()
        self._proposed: deque[tuple[str, set[str], int]] = deque(maxlen=OPEN_MAX)
        self._image_ms: list[float] = []
        self._change_ms: list[float] = []
        subscribe = self.create_subscription
        subscribe(MetricsMessage, "cell/kpi", self._on_kpi, LATCHED)
        subscribe(Detection2DArray, "world/audit", self._on_audit, LATCHED)
        subscribe(Detection2DArray, "inspection/detections", self._on_verdict, RELIABLE)
        subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, RELIABLE)
        subscribe(ParameterEvent, "policy/proposals", self._on_proposal, RELIABLE)
        subscribe(ParameterEvent, "/parameter_events", self._on_parameters, RELIABLE)
        subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, RELIABLE)

    @property
    def is_done(self) -> bool:
        """Whether enough parts were made."""
        return sum(self._verdicts.values()) >= self._parts

    def write(self) -> None:
        """Leaves what was seen."""
        seen = {
            "parts": sum(self._verdicts.values()),
            "verdicts": self._verdicts,
            "audited": self._audited,
            "wrong": self._wrong,
            "duration_s": (self._last_ns - self._first_ns) / 1e9,
            "cycle_s": self._cycle_s,
            "image_to_verdict_ms": self._image_ms,
            "reading_to_parameter_ms": self._change_ms,
            "holds": self._holds,
        }
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(seen), encoding="utf-8")
        partial.replace(self._file)

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_kpi(self, message: Any) -> None:
        if message.measurement_source_name != "cycle":
            return
        value = message.statistics[0].data
        if message.metrics_source == "verdict":
            self._verdicts[VERDICTS[int(value)]] += 1
            self._last_ns = self._now_ns()
            self._first_ns = self._first_ns or self._last_ns
            self.write()
        elif message.metrics_source == "cycle_time":
            self._cycle_s.append(value)

    def _on_audit(self, message: Any) -> None:
        place = message.header.frame_id
        is_good = message.detections[0].results[0].hypothesis.class_id == GOOD
        self._audited[place] += 1
        if (place == "accept" and not is_good) or (place == "reject" and is_good):
            self._wrong[f"{place}ed {'good' if is_good else 'defective'}"] += 1

    def _on_verdict(self, message: Any) -> None:
        self._image_ms.append((self._now_ns() - _ns(message.header.stamp)) / NS_PER_MS)

    def _on_readings(self, message: Any) -> None:
        self._reading_ns = _ns(message.header.stamp)

    def _on_proposal(self, message: Any) -> None:
        names = {parameter.name for parameter in message.changed_parameters}
        self._proposed.append((message.node, names, self._reading_ns))

    def _on_parameters(self, message: Any) -> None:
        changed = {parameter.name for parameter in message.changed_parameters}
        for proposal in list(self._proposed):
            node, names, reading_ns = proposal
            if node == message.node and names & changed:
                self._proposed.remove(proposal)
                self._change_ms.append((_ns(message.stamp) - reading_ns) / NS_PER_MS)

    def _on_diagnostics(self, message: Any) -> None:
        for status in message.status:
            if status.name == "cell: safety" and any(v.key == "action" and v.value == "hold" for v in status.values):
                self._holds[status.message] += 1


def _ns(stamp: Any) -> int:
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def main() -> None:
    """Runs until enough parts were made."""
    rclpy.init()
    probe = CellProbe(Path(sys.argv[1]), int(sys.argv[2]))
    while not probe.is_done:
        rclpy.spin_once(probe, timeout_sec=0.5)
    probe.write()
    probe.destroy_node()
    rclpy.try_shutdown()


if __name__ == "__main__":
    main()
