"""Recordings as ROS bags: the cell's own topic of readings, MCAP or sqlite3, without ROS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rosbags.highlevel import AnyReader
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.replay_rows import RecordingError, Row

MSGTYPE = "control_msgs/msg/DynamicInterfaceGroupValues"
_DEFINITIONS = {
    "control_msgs/msg/InterfaceValue": "string[] interface_names\nfloat64[] values\n",
    MSGTYPE: "std_msgs/Header header\nstring[] interface_groups\nInterfaceValue[] interface_values\n",
}
"""For bags that carry none; public in ros-controls/control_msgs."""


class BagRows:
    """Reads the readings in a bag.

    Args:
        path: of the bag's folder or file.
        topic: of the readings, without a leading slash; namespaces in front of it do not matter.
    """

    def __init__(self, path: Path, topic: str) -> None:
        self._path = path
        self._topic = topic.strip("/")
        self.malformed = 0
        """Messages that could not be read, left out."""

    def __iter__(self) -> Iterator[Row]:
        """Yields one row per message, in the order of recording.

        Raises:
            RecordingError: it is no bag, or one without readings.
        """
        store = get_typestore(Stores.ROS2_JAZZY)
        for name, text in _DEFINITIONS.items():
            store.register(get_types_from_msg(text, name))
        try:
            with AnyReader([self._path], default_typestore=store) as reader:
                wanted = [c for c in reader.connections if c.msgtype == MSGTYPE and self._is_wanted(c.topic)]
                if not wanted:
                    topics = ", ".join(c.topic for c in reader.connections if c.msgtype == MSGTYPE) or "none"
                    raise RecordingError(f"no topic {self._topic} of {MSGTYPE}; valid: {topics}")
                for connection, _, data in reader.messages(wanted):
                    try:
                        message: Any = reader.deserialize(data, connection.msgtype)
                        yield from _rows(message)
                    except (KeyError, IndexError, ValueError, AssertionError):
                        self.malformed += 1
        except RecordingError:
            raise
        except Exception as error:  # a damaged file makes the readers of its formats raise whatever they come upon
            reason = str(error) or type(error).__name__
            raise RecordingError(f"no bag that can be read: {reason}") from None

    def _is_wanted(self, topic: str) -> bool:
        return f"/{topic.strip('/')}".endswith(f"/{self._topic}")


def _rows(message: Any) -> Iterator[Row]:
    """Yields the message's readings, those of one time together."""
    stamp_ns = int(message.header.stamp.sec) * NS_PER_S + int(message.header.stamp.nanosec)
    rows: dict[int, Row] = {}
    for tag, group in zip(message.interface_groups, message.interface_values, strict=True):
        values = dict(zip(group.interface_names, group.values.tolist(), strict=True))
        at_ns = stamp_ns - round(values.get("age_s", 0.0) * NS_PER_S)
        row = rows.setdefault(at_ns, Row(at_ns, {}, {}))
        row.cells[tag] = values["value"]  # type: ignore[index]
        if values.get("quality", 0.0):
            row.qualities[tag] = min(3, int(values["quality"]))  # type: ignore[index]
    for at_ns in sorted(rows):
        yield rows[at_ns]
