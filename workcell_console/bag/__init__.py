"""Bags: recorded topics, as ROS 2's own tools write and read them. Pure: serialized messages in and out."""

from workcell_console.bag.errors import BagError
from workcell_console.bag.reader import BagMessage, BagReader, RecordedTopic
from workcell_console.bag.topics import QosRecord, Topic
from workcell_console.bag.writer import BagLimits, BagWriter

__all__ = [
    "BagError",
    "BagLimits",
    "BagMessage",
    "BagReader",
    "BagWriter",
    "QosRecord",
    "RecordedTopic",
    "Topic",
]
