"""The text of ``metadata.yaml``, version 9 as ROS 2 Jazzy writes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from workcell_console.bag.topics import QosRecord, Topic

VERSION: Final = 9
ROOT_KEY: Final = "rosbag2_bagfile_information"
ROS_DISTRO: Final = "jazzy"
"""Distribution whose interface definitions and file layout a bag follows."""


@dataclass
class FileSummary:
    """What one storage file holds so far."""

    path: str
    start_ns: int = 0
    end_ns: int = 0
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def message_count(self) -> int:
        """Messages in the file."""
        return sum(self.counts.values())

    def note(self, topic: str, stamp_ns: int) -> None:
        """Counts a message in."""
        if not self.counts:
            self.start_ns = self.end_ns = stamp_ns
        self.start_ns = min(self.start_ns, stamp_ns)
        self.end_ns = max(self.end_ns, stamp_ns)
        self.counts[topic] = self.counts.get(topic, 0) + 1


def qos_text(profiles: Sequence[QosRecord]) -> str:
    """Returns profiles as the text that storage files carry."""
    if not profiles:
        return ""
    return _dump([profile.as_metadata() for profile in profiles]).strip()


def bag_information(storage_id: str, files: Sequence[FileSummary], topics: Sequence[Topic]) -> dict[str, Any]:
    """Returns the content of ``metadata.yaml`` below its root key."""
    filled = [item for item in files if item.message_count]
    start_ns = min((item.start_ns for item in filled), default=0)
    end_ns = max((item.end_ns for item in filled), default=0)
    return {
        "version": VERSION,
        "storage_identifier": storage_id,
        "duration": {"nanoseconds": end_ns - start_ns},
        "starting_time": {"nanoseconds_since_epoch": start_ns},
        "message_count": sum(item.message_count for item in files),
        "topics_with_message_count": [
            {
                "topic_metadata": _topic_metadata(topic),
                "message_count": sum(item.counts.get(topic.name, 0) for item in files),
            }
            for topic in topics
        ],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": [item.path for item in files],
        "files": [
            {
                "path": item.path,
                "starting_time": {"nanoseconds_since_epoch": item.start_ns},
                "duration": {"nanoseconds": item.end_ns - item.start_ns},
                "message_count": item.message_count,
            }
            for item in files
        ],
        "custom_data": None,
        "ros_distro": ROS_DISTRO,
    }


def _topic_metadata(topic: Topic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "type": topic.type,
        "serialization_format": "cdr",
        "offered_qos_profiles": [profile.as_metadata() for profile in topic.qos],
        "type_description_hash": topic.type_hash,
    }


def metadata_text(information: Mapping[str, Any]) -> str:
    """Returns the whole file."""
    return _dump({ROOT_KEY: information})


def storage_metadata_text(information: Mapping[str, Any]) -> str:
    """Returns the text that a storage file carries of its own bag, without the root key."""
    return _dump(information)


def _dump(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=4096))
