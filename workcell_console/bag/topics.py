"""A recorded topic: its type, and how it was offered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

NS_PER_S: Final = 1_000_000_000
INFINITE_NS: Final = 9_223_372_036_854_775_807
"""How ROS 2 writes a duration without limit."""


@dataclass(frozen=True)
class QosRecord:
    """A publisher's quality of service in rosbag2's words.

    Attributes:
        history: ``keep_last`` or ``keep_all``.
        depth: Messages kept.
        reliability: ``reliable`` or ``best_effort``.
        durability: ``volatile`` or ``transient_local``.
        deadline_ns: Longest gap promised.
        lifespan_ns: Age at which a message no longer counts.
        liveliness: ``automatic`` or ``manual_by_topic``.
        lease_ns: Longest silence before a publisher counts as dead.
    """

    history: str = "keep_last"
    depth: int = 10
    reliability: str = "reliable"
    durability: str = "volatile"
    deadline_ns: int = INFINITE_NS
    lifespan_ns: int = INFINITE_NS
    liveliness: str = "automatic"
    lease_ns: int = INFINITE_NS

    def as_metadata(self) -> dict[str, Any]:
        """Returns the profile as metadata version 9 lists it."""
        return {
            "history": self.history,
            "depth": self.depth,
            "reliability": self.reliability,
            "durability": self.durability,
            "deadline": _duration(self.deadline_ns),
            "lifespan": _duration(self.lifespan_ns),
            "liveliness": self.liveliness,
            "liveliness_lease_duration": _duration(self.lease_ns),
            "avoid_ros_namespace_conventions": False,
        }


def _duration(nanoseconds: int) -> dict[str, int]:
    return {"sec": nanoseconds // NS_PER_S, "nsec": nanoseconds % NS_PER_S}


@dataclass(frozen=True)
class Topic:
    """A topic to record.

    Attributes:
        name: Fully qualified name.
        type: For example ``std_msgs/msg/String``.
        definition: Message definition with those of the types it refers to, see `definitions.full_definition`.
        type_hash: ``RIHS01_...`` of REP 2011; empty where it is not known.
        qos: What its publishers offered.
    """

    name: str
    type: str
    definition: str = ""
    type_hash: str = ""
    qos: Sequence[QosRecord] = ()
