"""Sparkplug's topics: spBv1.0/group_id/message_type/edge_node_id[/device_id], and spBv1.0/STATE/host_id."""

from __future__ import annotations

import enum
from dataclasses import dataclass

NAMESPACE = "spBv1.0"
STATE = "STATE"
_RESERVED = "+/#"
ID_BYTES_MAX = 1024
"""An MQTT topic ends at 65,535 bytes; no identifier comes near this."""


class MessageType(enum.Enum):
    """What a message of an edge node, a device or to them is."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"
    DCMD = "DCMD"

    @property
    def is_device(self) -> bool:
        """Whether it concerns one device, so that its topic ends with the device's id."""
        return self.value[0] == "D"


_TYPES = {kind.value: kind for kind in MessageType}


@dataclass(frozen=True, slots=True)
class EdgeNodeId:
    """The edge node descriptor: unique in the whole infrastructure."""

    group: str
    edge_node: str

    def __post_init__(self) -> None:
        check_id("group id", self.group)
        check_id("edge node id", self.edge_node)

    def __str__(self) -> str:
        return f"{self.group}/{self.edge_node}"


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic of an edge node, or with a device of one of its devices."""

    kind: MessageType
    node: EdgeNodeId
    device: str = ""

    def __post_init__(self) -> None:
        if self.kind.is_device:
            check_id("device id", self.device)
        elif self.device:
            raise ValueError(f"a topic of {self.kind.value} has no device id, not {self.device!r}")

    def __str__(self) -> str:
        end = f"/{self.device}" if self.device else ""
        return f"{NAMESPACE}/{self.node.group}/{self.kind.value}/{self.node.edge_node}{end}"


def check_id(what: str, text: str) -> None:
    """Checks a group, edge node, device or host id.

    Raises:
        ValueError: it is empty, too long, or has a character that MQTT topics or Sparkplug reserve.
    """
    if not text or any(c in _RESERVED or c == "\0" for c in text):
        raise ValueError(f"{what} {text!r:.60} is empty or has one of + / # or a null character")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{what} {text!r:.60} is no UTF-8 text") from None
    if size > ID_BYTES_MAX:
        raise ValueError(f"{what} has {size} bytes, more than {ID_BYTES_MAX}")


def parse_topic(text: str) -> Topic:
    """Returns a topic's parts.

    Raises:
        ValueError: it is no topic of an edge node or a device.

    >>> parse_topic("spBv1.0/plant/DDATA/line1/press")
    Topic(kind=<MessageType.DDATA: 'DDATA'>, node=EdgeNodeId(group='plant', edge_node='line1'), device='press')
    """
    parts = text.split("/")
    if len(parts) not in (4, 5) or parts[0] != NAMESPACE or parts[2] not in _TYPES:
        raise ValueError(f"{text!r:.200} is no topic of a Sparkplug edge node")
    kind = _TYPES[parts[2]]
    if kind.is_device != (len(parts) == 5):
        raise ValueError(f"{text!r:.200}: {kind.value} has {'a' if kind.is_device else 'no'} device id")
    return Topic(kind, EdgeNodeId(parts[1], parts[3]), parts[4] if kind.is_device else "")


def state_topic(host_id: str) -> str:
    """Returns the topic of a host application's birth and death.

    Raises:
        ValueError: the host id is invalid.

    >>> state_topic("scada1")
    'spBv1.0/STATE/scada1'
    """
    check_id("host id", host_id)
    return f"{NAMESPACE}/{STATE}/{host_id}"


def parse_state_topic(text: str) -> str | None:
    """Returns the host id of a STATE topic, None where the topic is another.

    >>> parse_state_topic("spBv1.0/STATE/scada1")
    'scada1'
    """
    parts = text.split("/")
    return parts[2] if len(parts) == 3 and parts[:2] == [NAMESPACE, STATE] and parts[2] else None


def node_subscription(group: str = "+", edge_node: str = "+") -> tuple[str, ...]:
    """Returns the filters for everything that edge nodes say, without commands.

    >>> node_subscription("plant")[0]
    'spBv1.0/plant/NBIRTH/+'
    """
    kinds = (kind for kind in MessageType if not kind.value.endswith("CMD"))
    return tuple(f"{NAMESPACE}/{group}/{kind.value}/{edge_node}{'/+' if kind.is_device else ''}" for kind in kinds)
