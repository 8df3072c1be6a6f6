"""The message of the topics `readings` and `readings/historical`, for the gateway."""

from __future__ import annotations

from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue

from workcell_ros import convert
from workcell_sensors.reading import NS_PER_S, Scan
from workcell_sensors.tags import TagTable

INTERFACES = ["value", "quality"]
AGED_INTERFACES = ["value", "quality", "age_s"]


class ReadingsMessage:
    """One message that is filled anew for each scan: publishing copies or serializes it.

    Per tag a group with the interfaces `value` [SI] and `quality`, and, where the values were taken at different times,
    `age_s`: how long before the header's stamp.
    """

    def __init__(self, table: TagTable) -> None:
        self._message = DynamicInterfaceGroupValues()
        self._cells = [InterfaceValue(interface_names=INTERFACES, values=[0.0, 0.0]) for _ in table.tags]
        self._aged: list[Any] = []

    def fill(self, scan: Scan, frame_id: str) -> Any:
        """Returns the message with this scan; it holds until the next call."""
        rows, values, qualities = scan.rows.tolist(), scan.values.tolist(), scan.quality.tolist()
        if scan.stamps_ns is None:
            groups = [self._cells[row] for row in rows]
            for cell, value, quality in zip(groups, values, qualities, strict=True):
                cell.values[0] = value
                cell.values[1] = float(quality)
        else:
            groups = [self._aged_cells()[row] for row in rows]
            ages_s = ((scan.stamp_ns - scan.stamps_ns) / NS_PER_S).tolist()
            for cell, value, quality, age_s in zip(groups, values, qualities, ages_s, strict=True):
                cell.values[0] = value
                cell.values[1] = float(quality)
                cell.values[2] = age_s
        message = self._message
        message.header.stamp = convert.ns_to_stamp(scan.stamp_ns)
        message.header.frame_id = frame_id
        message.interface_groups = list(scan.tags)
        message.interface_values = groups
        return message

    def _aged_cells(self) -> list[Any]:
        if not self._aged:
            # Only now: most cells never need them.
            zeros = [0.0, 0.0, 0.0]
            self._aged = [InterfaceValue(interface_names=AGED_INTERFACES, values=zeros) for _ in self._cells]
        return self._aged
