"""What the cell hears: readings, heartbeats, verdicts and the audit, from messages to the core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from vision_msgs.msg import Detection2DArray

from workcell_control.cell.cell import POWER, VACUUM, Cell
from workcell_control.cell.steps import Command, Event, VerdictCame
from workcell_control.execution.margins import MarginWatch
from workcell_control.execution.record import MoveRecorder
from workcell_ros import convert, qos

JOINTS_MAX = 7
"""Joints whose currents and vibrations are looked for among the readings."""


class Hearing:
    """Subscribes for `cell`, recorder and margins of moves; `do` carries out commands, `feed` takes events."""

    def __init__(
        self,
        node: Any,
        cell: Cell,
        recorder: MoveRecorder,
        margins: MarginWatch,
        do: Callable[[list[Command]], None],
        feed: Callable[[Event], None],
    ) -> None:
        self._node = node
        self._recorder = recorder
        self._recorded: dict[str, Callable[[float, int], None]] = {
            POWER: recorder.on_power,
            VACUUM: margins.on_vacuum,
        }
        for joint in range(1, JOINTS_MAX + 1):
            self._recorded[f"arm/joint_{joint}/current"] = lambda value, _: recorder.on_current(value)
            self._recorded[f"arm/joint_{joint}/vibration"] = lambda value, _: recorder.on_vibration(value)
        self._cell = cell
        self._do = do
        self._feed = feed
        subscribe = node.create_subscription
        self._subscriptions = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
            subscribe(Detection2DArray, "inspection/detections", self._on_detections, qos.reliable()),
            subscribe(Detection2DArray, "world/audit", self._on_audit, qos.AUDIT),
        ]

    def destroy(self) -> None:
        """Close the inputs."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)

    def _on_readings(self, message: Any) -> None:
        now_ns = self._node.now_ns()
        self._node.activity.note(now_ns)
        cell = self._cell
        cell.on_readings_message(now_ns)
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        watched = cell.watched_tags
        for tag, group in zip(message.interface_groups, message.interface_values, strict=True):
            if self._recorder.is_open and tag in self._recorded:
                self._recorded[tag](group.values[0], stamp_ns)
            if tag in watched:
                value, quality = group.values[:2]  # a third is its age
                commands = cell.on_reading(tag, value, int(quality), stamp_ns, now_ns)
                if commands:
                    self._do(commands)

    def _on_diagnostics(self, message: Any) -> None:
        now_ns = self._node.now_ns()
        for status in message.status:
            node, _, thing = status.name.rpartition(": ")
            if thing == "node":
                self._cell.on_heartbeat(node, status.message, now_ns)

    def _on_detections(self, message: Any) -> None:
        if message.detections:
            verdict = message.detections[0].results[0].hypothesis.class_id
            self._feed(VerdictCame(verdict, convert.stamp_to_ns(message.header.stamp)))

    def _on_audit(self, message: Any) -> None:
        self._cell.on_audit(message.detections[0].id, message.header.frame_id, convert.is_defective(message))
