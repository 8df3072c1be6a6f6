"""In which order a node heard what it decided from: told now and then, so that a replay can keep to it.

A recorder is another process: it hears the same messages in another order, and a little earlier or later.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

HEARD_MAX = 2000
"""Messages kept until they are told; of more the oldest are forgotten."""


def _reading(message: Any) -> str:
    return f"{_text(message.header.stamp)} {message.interface_groups[0] if message.interface_groups else ''}"


def _status(message: Any) -> str:
    return f"{_text(message.header.stamp)} {message.status[0].name if message.status else ''}"


def _metric(message: Any) -> str:
    return f"{_text(message.window_stop)} {message.measurement_source_name} {message.metrics_source}"


def _part(message: Any) -> str:
    return f"{_text(message.header.stamp)} {message.detections[0].id if message.detections else ''}"


def _text(stamp: Any) -> str:
    return f"{stamp.sec}.{stamp.nanosec:09d}"


KEYS: dict[str, Callable[[Any], str]] = {
    "readings": _reading,
    "diagnostics": _status,
    "cell/kpi": _metric,
    "cell/state": lambda message: str(message.data),
    "world/audit": _part,
}
"""What tells a message from the others of its topic."""


class HeardLog:
    """Notes what is heard until it is told."""

    def __init__(self) -> None:
        self._entries: list[tuple[int, str, str]] = []

    def note(self, now_ns: int, topic: str, message: Any) -> None:
        """Notes a message of one of the topics in `KEYS`."""
        self._entries.append((now_ns, topic, KEYS[topic](message)))
        del self._entries[:-HEARD_MAX]

    def take(self) -> str:
        """Returns what was noted since the last call as JSON, empty where there is nothing."""
        entries, self._entries = self._entries, []
        return json.dumps(entries, separators=(",", ":")) if entries else ""


def read_heard(text: str) -> list[tuple[int, str, str]]:
    """Returns time of the node's clock, topic and key of the messages that `HeardLog.take` told of, in order."""
    return [(int(now_ns), str(topic), str(key)) for now_ns, topic, key in json.loads(text or "[]")]
