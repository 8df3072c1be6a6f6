"""Messages in a SQLite file, in the tables of rosbag2's sqlite3 plugin (schema version 4)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from workcell_console.bag.metadata import ROS_DISTRO, VERSION, qos_text
from workcell_console.bag.topics import Topic

SCHEMA_VERSION: Final = 4
_TABLES: Final = """
CREATE TABLE schema(schema_version INTEGER PRIMARY KEY, ros_distro TEXT NOT NULL);
CREATE TABLE metadata(id INTEGER PRIMARY KEY, metadata_version INTEGER NOT NULL, metadata TEXT NOT NULL);
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL,
  serialization_format TEXT NOT NULL, offered_qos_profiles TEXT NOT NULL, type_description_hash TEXT NOT NULL);
CREATE TABLE message_definitions(id INTEGER PRIMARY KEY, topic_type TEXT NOT NULL, encoding TEXT NOT NULL,
  encoded_message_definition TEXT NOT NULL, type_description_hash TEXT NOT NULL);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER NOT NULL, timestamp INTEGER NOT NULL,
  data BLOB NOT NULL);
CREATE INDEX timestamp_idx ON messages (timestamp ASC);
"""


class SqliteFile:
    """A file being written; one transaction, so that it is whole or empty."""

    def __init__(self, path: Path) -> None:
        path.touch(exist_ok=False)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=MEMORY")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")
        self._database.execute("INSERT INTO schema VALUES (?, ?)", (SCHEMA_VERSION, ROS_DISTRO))
        self._topics: dict[str, int] = {}
        self._types: set[str] = set()
        self._bytes = 0

    def add_topic(self, topic: Topic) -> None:
        """Announces a topic."""
        row = self._database.execute(
            "INSERT INTO topics(name, type, serialization_format, offered_qos_profiles, type_description_hash) "
            "VALUES (?, ?, 'cdr', ?, ?)",
            (topic.name, topic.type, qos_text(topic.qos), topic.type_hash),
        )
        assert row.lastrowid is not None
        self._topics[topic.name] = row.lastrowid
        if topic.type not in self._types:
            self._types.add(topic.type)
            self._database.execute(
                "INSERT INTO message_definitions"
                "(topic_type, encoding, encoded_message_definition, type_description_hash) VALUES (?, 'ros2msg', ?, ?)",
                (topic.type, topic.definition, topic.type_hash),
            )

    def write(self, topic: str, stamp_ns: int, data: bytes) -> None:
        """Appends a message."""
        self._database.execute(
            "INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)", (self._topics[topic], stamp_ns, data)
        )
        self._bytes += len(data)

    def size_bytes(self) -> int:
        """Returns the bytes of messages so far."""
        return self._bytes

    def close(self, metadata: str) -> None:
        """Completes the file."""
        self._database.execute("INSERT INTO metadata(metadata_version, metadata) VALUES (?, ?)", (VERSION, metadata))
        self._database.execute("COMMIT")
        self._database.close()
