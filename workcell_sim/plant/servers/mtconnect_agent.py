"""The inside of a simulated MTConnect agent: its buffer of observations and the documents it answers with; pure.

MTConnect Standard part 1: observations are numbered in one sequence, the newest `buffer_size` are kept, and the newest
of each data item, with all active conditions, is the current state.
"""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable, Mapping
from xml.sax.saxutils import escape, quoteattr

from workcell_sensors.sources.mtconnect_model import DataItem, Model
from workcell_sensors.sources.mtconnect_values import UNAVAILABLE, Observation

NAMESPACE = "urn:mtconnect.org:MTConnect{kind}:{version}"
_GROUPS = {"SAMPLE": "Samples", "EVENT": "Events", "CONDITION": "Condition"}


class OutOfRangeError(Exception):
    """Asked for what is no longer, or not yet, in the buffer."""


class AgentBuffer:
    """Numbers observations, keeps them, and writes them as documents."""

    def __init__(self, model: Model, instance_id: int, now_ns: int, buffer_size: int, version: str = "2.0") -> None:
        self.instance_id = instance_id
        self._model = model
        self._size = buffer_size
        self._version = version
        self._names = {item.id: _names(item) for item in model.items}
        self._buffer: dict[int, tuple[DataItem, str]] = {}
        self._first = self._next = 1
        self._current: dict[str, tuple[int, str]] = {}
        self._active: dict[str, dict[str, tuple[int, str]]] = {}
        for item in model.items:
            self.add(Observation(item.id, now_ns, UNAVAILABLE, is_condition=item.is_condition))

    @property
    def first_sequence(self) -> int:
        """The oldest observation in the buffer."""
        return self._first

    @property
    def next_sequence(self) -> int:
        """The number that the next observation gets."""
        return self._next

    def add(self, seen: Observation) -> bool:
        """Takes an observation in, by the id or the key of its data item; returns whether there is such an item."""
        item = self._model.by_id.get(seen.item) or self._model.of_key(seen.item)
        if item is None:
            return False
        sequence = self._next
        self._next += 1
        text = _element(item, self._names[item.id], seen, sequence)
        self._buffer[sequence] = (item, text)
        if len(self._buffer) > self._size:
            del self._buffer[self._first]
            self._first += 1
        self._note(item, seen, sequence, text)
        return True

    def give_up(self, count: int) -> None:
        """Numbers `count` observations that nobody gets to see, and gives up what it has, as if they had filled it."""
        self._next += count
        self._first = self._next
        self._buffer.clear()

    def current(self, now_ns: int) -> str:
        """Returns the document of the newest observations."""
        found = []
        for item in self._model.items:
            active = self._active.get(item.id)
            texts = active.values() if active else (self._current[item.id],)
            found += [(item, text) for _, text in texts]
        return self._document(found, now_ns, self._next)

    def sample(self, from_sequence: int, count: int, now_ns: int) -> tuple[str, int]:
        """Returns the document of up to `count` observations from a sequence on, and the sequence after them.

        Raises:
            OutOfRangeError: the buffer does not reach to there.
        """
        if not self._first <= from_sequence <= self._next:
            raise OutOfRangeError(f"'from' must be from {self._first} to {self._next}")
        after = min(from_sequence + count, self._next)
        return self._document([self._buffer[number] for number in range(from_sequence, after)], now_ns, after), after

    def error(self, code: str, text: str, now_ns: int) -> str:
        """Returns an error document."""
        header = f'<Header instanceId="{self.instance_id}" creationTime="{time_text(now_ns)}" sender="sim" />'
        body = f'<Errors><Error errorCode="{code}">{escape(text)}</Error></Errors>'
        return self._root("Error", header + body)

    def _note(self, item: DataItem, seen: Observation, sequence: int, text: str) -> None:
        self._current[item.id] = (sequence, text)
        if not item.is_condition:
            return
        active = self._active.setdefault(item.id, {})
        level = str(seen.value).upper()
        if level in (UNAVAILABLE, "NORMAL") and not seen.code:
            active.clear()
        elif level == "NORMAL":
            active.pop(seen.code, None)
        else:
            active[seen.code] = (sequence, text)

    def _document(self, rows: Iterable[tuple[DataItem, str]], now_ns: int, after: int) -> str:
        devices: dict[str, dict[str, dict[str, list[str]]]] = {}
        for item, text in rows:
            groups = devices.setdefault(item.device, {}).setdefault(item.component, {})
            groups.setdefault(_GROUPS.get(item.category, "Events"), []).append(text)
        streams = "".join(_device(*pair) for pair in devices.items())
        header = (
            f'<Header instanceId="{self.instance_id}" creationTime="{time_text(now_ns)}" sender="sim"'
            f' bufferSize="{self._size}" firstSequence="{self.first_sequence}" lastSequence="{self._next - 1}"'
            f' nextSequence="{after}" version="{self._version}.0" />'
        )
        return self._root("Streams", f"{header}<Streams>{streams}</Streams>")

    def _root(self, kind: str, content: str) -> str:
        space = NAMESPACE.format(kind=kind, version=self._version)
        return f'<?xml version="1.0" encoding="UTF-8"?><MTConnect{kind} xmlns="{space}">{content}</MTConnect{kind}>'


def _device(name: str, components: Mapping[str, Mapping[str, list[str]]]) -> str:
    inner = "".join(_component(*pair) for pair in components.items())
    return f"<DeviceStream name={quoteattr(name)}>{inner}</DeviceStream>"


def _component(name: str, groups: Mapping[str, list[str]]) -> str:
    inner = "".join(f"<{group}>{''.join(texts)}</{group}>" for group, texts in groups.items())
    return f"<ComponentStream component={quoteattr(name or 'Device')}>{inner}</ComponentStream>"


def _element(item: DataItem, names: tuple[str, str], seen: Observation, sequence: int) -> str:
    value = seen.value
    name, identity = names
    attributes = f'{identity} timestamp="{time_text(seen.stamp_ns)}" sequence="{sequence}"'
    if item.is_condition:
        level = str(value).capitalize()
        code = f" nativeCode={quoteattr(seen.code)}" if seen.code else ""
        return f"<{level} {attributes} type={quoteattr(item.kind)}{code} />"
    if not isinstance(value, str):
        entries = "".join(f"<Entry key={quoteattr(key)}>{escape(text)}</Entry>" for key, text in value.items())
        return f'<{name}DataSet {attributes} count="{len(value)}">{entries}</{name}DataSet>'
    return f"<{name} {attributes}>{escape(value)}</{name}>"


def _names(item: DataItem) -> tuple[str, str]:
    """Returns the element's name and its first attribute."""
    name = "".join(part.capitalize() for part in item.kind.rpartition(":")[2].split("_")) or "Data"
    return name, f"dataItemId={quoteattr(item.id)}"


@functools.lru_cache(maxsize=16)
def time_text(stamp_ns: int) -> str:
    """Returns a time as MTConnect writes it, to the nanosecond.

    >>> time_text(1_000_000_001)
    '1970-01-01T00:00:01.000000001Z'
    """
    seconds, ns = divmod(stamp_ns, 1_000_000_000)
    return f"{datetime.datetime.fromtimestamp(seconds, datetime.UTC):%Y-%m-%dT%H:%M:%S}.{ns:09d}Z"
