"""MTConnectStreams and MTConnectError documents of versions 1.2 to 2.x; pure."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from workcell_sensors.sources.mtconnect_time import parse_time_ns
from workcell_sensors.sources.mtconnect_values import Observation
from workcell_sensors.sources.mtconnect_xml import local_name, parse_xml

OUT_OF_RANGE = "OUT_OF_RANGE"
_SEQUENCE = operator.attrgetter("sequence")


@dataclass(frozen=True)
class Header:
    """Where an agent stands."""

    instance_id: int
    first_sequence: int
    next_sequence: int


@dataclass(frozen=True)
class Streams:
    """Observations, oldest first."""

    header: Header
    observations: tuple[Observation, ...]
    malformed: int
    """Observations that could not be read, left out."""


class AgentError(Exception):
    """The agent refuses; `code` is MTConnect's, such as OUT_OF_RANGE."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(f"{code}: {' '.join(text.split())[:200]}")


def parse_streams(data: bytes) -> Streams:
    """Returns the observations of a document, sorted by sequence.

    Raises:
        AgentError: it is an MTConnectError document.
        ValueError: it is neither.
    """
    root = parse_xml(data)
    name = local_name(root.tag)
    if name == "MTConnectError":
        raise _error(root)
    if name != "MTConnectStreams":
        raise ValueError(f"a document {name[:40]}; valid: MTConnectStreams, MTConnectError")
    header: Header | None = None
    observations: list[Observation] = []
    malformed = 0
    for child in root:
        if local_name(child.tag) == "Header":
            header = _header(child)
        elif local_name(child.tag) == "Streams":
            malformed += _read_streams(child, observations)
    if header is None:
        raise ValueError("a document without a header")
    observations.sort(key=_SEQUENCE)
    return Streams(header, tuple(observations), malformed)


def _read_streams(streams: ElementTree.Element, into: list[Observation]) -> int:
    malformed = 0
    for device in streams:
        for component in device:
            for group in component:
                is_condition = local_name(group.tag) == "Condition"
                for element in group:
                    try:
                        into.append(_observation(element, is_condition))
                    except (KeyError, ValueError):
                        malformed += 1
    return malformed


def _observation(element: ElementTree.Element, is_condition: bool) -> Observation:
    attributes = element.attrib
    stamp_ns = parse_time_ns(attributes["timestamp"])
    sequence = int(attributes["sequence"])
    if is_condition:
        level, code = local_name(element.tag), attributes.get("nativeCode", "")
        return Observation(attributes["dataItemId"], stamp_ns, level, sequence, True, code)
    text = (element.text or "").strip()
    value: str | Mapping[str, str] = text
    if len(element):
        value = {entry.get("key", ""): _entry(entry) for entry in element}
    elif "sampleCount" in attributes:
        # A time series: the last of its values is the one of the observation's time.
        value = text.rpartition(" ")[2]
    return Observation(attributes["dataItemId"], stamp_ns, value, sequence)


def _entry(entry: ElementTree.Element) -> str:
    return "UNAVAILABLE" if entry.get("removed") == "true" else (entry.text or "").strip()


def _header(element: ElementTree.Element) -> Header:
    get = element.attrib
    try:
        return Header(
            int(get["instanceId"]),
            int(get["firstSequence"]),
            int(get["nextSequence"]),
        )
    except KeyError as error:
        raise ValueError(f"a header without {error.args[0]}") from None


def _error(root: ElementTree.Element) -> AgentError:
    for element in root.iter():
        code = element.get("errorCode")
        if code:
            return AgentError(code[:40], element.text or "")
    return AgentError("UNKNOWN", "the agent gives no reason")
