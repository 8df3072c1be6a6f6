"""Messages in an MCAP file, laid out as rosbag2's MCAP plugin does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from mcap.writer import CompressionType, Writer

from workcell_console.bag.metadata import ROS_DISTRO, qos_text
from workcell_console.bag.topics import Topic

CHUNK_BYTES: Final = 1_000_000
LIBRARY: Final = "workcell"


class McapFile:
    """A file being written; uncompressed, so that equal messages give equal bytes on every machine.

    Args:
        path: File to make.
        compression: Of chunks; small files that are kept for good may have it.
    """

    def __init__(self, path: Path, compression: CompressionType = CompressionType.NONE) -> None:
        self._stream = path.open("xb")
        self._writer = Writer(self._stream, chunk_size=CHUNK_BYTES, compression=compression)
        self._writer.start(profile="ros2", library=LIBRARY)
        self._schemas: dict[str, int] = {}
        self._channels: dict[str, int] = {}
        self._sequences: dict[str, int] = {}
        self._pending_bytes = 0

    def add_topic(self, topic: Topic) -> None:
        """Announces a topic."""
        schema = self._schemas.get(topic.type)
        if schema is None:
            schema = self._writer.register_schema(topic.type, "ros2msg", topic.definition.encode())
            self._schemas[topic.type] = schema
        details = {"offered_qos_profiles": qos_text(topic.qos), "topic_type_hash": topic.type_hash}
        self._channels[topic.name] = self._writer.register_channel(topic.name, "cdr", schema, details)
        self._sequences[topic.name] = 0

    def write(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Appends a message."""
        self._sequences[topic] += 1
        self._writer.add_message(self._channels[topic], stamp_ns, data, stamp_ns, self._sequences[topic])
        self._pending_bytes += len(data)

    def size_bytes(self) -> int:
        """Returns the bytes of messages so far: the current chunk is not on disk yet."""
        return max(self._stream.tell(), self._pending_bytes)

    def close(self, metadata: str) -> None:
        """Completes the file."""
        self._writer.add_metadata("rosbag2", {"serialized_metadata": metadata, "ROS_DISTRO": ROS_DISTRO})
        self._writer.finish()  # type: ignore[no-untyped-call]
        self._stream.close()
