"""Reads the cycles of a recording: what was in force and what came of it, beside what a replay would have had."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workcell_console.off_policy.cycles import RawCycle
from workcell_console.recording_node import EVENTS, Recording
from workcell_console.replay import Change
from workcell_control.policy.cycles import CycleAssembler, CycleConditions
from workcell_control.policy.pace import WATCHED
from workcell_ros import convert

COMPLAINTS = (1, 2)
"""Levels of a status: warning and alarm."""
AUDIT_LATE_NS = 500_000_000
"""The audit station tells of a part about when its cycle ends."""


class CycleReader:
    """Goes through a recording as its policy did, and puts its cycles together.

    Args:
        recording: what was recorded.
        changes: governed values as they came into force in a replay of it.
    """

    def __init__(self, recording: Recording, changes: list[Change]) -> None:
        self._recording = recording
        self._changes = changes
        self._conditions = CycleConditions()
        self._assembler = CycleAssembler(self._conditions)
        self._tried: dict[str, dict[str, float]] = {}
        self._taken = 0
        self._audited = 0
        self._complaints: dict[str, int] = {}
        self._has_complaint = False
        self._found: list[RawCycle] = []

    def read(self) -> list[RawCycle]:
        """Returns the cycles, in order."""
        for node, values in self._recording.parameters.items():
            self._note_parameters(node, values, self._recording.start_ns)
        for index, (stamp_ns, topic, message) in enumerate(self._recording.inputs):
            if topic == "readings":
                self._note_readings(message)
            elif topic == EVENTS:
                node = message.node.rpartition("/")[2]
                for changed in (message.new_parameters, message.changed_parameters):
                    self._note_parameters(node, convert.parameters_to_dict(changed), stamp_ns)
            elif topic == "diagnostics":
                self._note_complaints(message)
            elif topic == "cell/kpi" and message.measurement_source_name == "cycle":
                self._note_metric(index, message)
        return self._found

    def _note_parameters(self, node: str, values: Mapping[str, Any], stamp_ns: int) -> None:
        for name, value in values.items():
            if isinstance(value, float):
                self._conditions.note_parameter(node, name, value, stamp_ns)

    def _note_readings(self, message: Any) -> None:
        for tag, interfaces in zip(message.interface_groups, message.interface_values, strict=True):
            value, quality = interfaces.values[:2]  # a third is its age
            if quality <= convert.QUALITY_USABLE_MAX:
                self._conditions.note_reading(tag, value)
            else:
                self._conditions.note_unusable(tag)

    def _note_complaints(self, message: Any) -> None:
        for status in message.status:
            node, _, tag = status.name.partition(": ")
            if node == "monitor" and tag.endswith(WATCHED):
                self._complaints[tag] = convert.level_of(status)
        self._has_complaint |= any(level in COMPLAINTS for level in self._complaints.values())

    def _note_metric(self, index: int, message: Any) -> None:
        stop_ns = convert.stamp_to_ns(message.window_stop)
        value = message.statistics[0].data
        cycle = self._assembler.add(stop_ns, message.metrics_source, value)
        if cycle is not None:
            is_defective, tried = self._is_defective(stop_ns), self._tried_before(index)
            self._found.append(RawCycle(stop_ns, cycle, is_defective, tried, self._has_complaint))
            self._has_complaint = False

    def _is_defective(self, stop_ns: int) -> bool | None:
        """Returns the audit's word on the part of a cycle that ended; None where it said nothing."""
        found, audits = None, self._recording.audits
        while self._audited < len(audits) and audits[self._audited][0] <= stop_ns + AUDIT_LATE_NS:
            found = audits[self._audited][1]
            self._audited += 1
        return found

    def _tried_before(self, index: int) -> dict[str, dict[str, float]]:
        """Returns what was in force in the replay until it heard of the cycle."""
        while self._taken < len(self._changes) and self._changes[self._taken].after < index:
            change = self._changes[self._taken]
            self._tried.setdefault(change.node, {})[change.name] = change.value
            self._taken += 1
        return {node: dict(values) for node, values in self._tried.items()}
