"""MQTT addresses and payloads; pure.

An address is a topic and, after `#`, where in its payload the value lies: a path into JSON (`data.sensors[2].value`,
names with dots in quotes), or `=` and a raw format (`=float32be@4`). `#` cannot stand in a topic, so this is never
ambiguous.
"""

from __future__ import annotations

import functools
import json
import math
import re
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from workcell_sensors.reading import NS_PER_S, Quality

VALUE_PATH = "v"
TIME_PATH = "t"
TEXT_CHARS_MAX = 256
STAMP_NS_MAX = (1 << 63) - 1
TIME_UNITS = {"s": NS_PER_S, "ms": 1_000_000, "us": 1000, "ns": 1}
ISO_8601 = "iso8601"

_STEP = re.compile(r'"(?P<quoted>[^"]+)"|\[(?P<index>\d{1,6})\]|(?P<name>[^."\[\]]+)')
_NUMBERS = {
    "int": {1: "b", 2: "h", 4: "i", 8: "q"},
    "uint": {1: "B", 2: "H", 4: "I", 8: "Q"},
    "float": {4: "f", 8: "d"},
}
_RAW = re.compile(r"(?P<kind>u?int|float)(?P<bits>8|16|32|64)(?P<order>le|be)?(?:@(?P<offset>\d{1,7}))?")
_TRUE = frozenset(("true", "on", "yes", "1", "open", "high"))
_FALSE = frozenset(("false", "off", "no", "0", "closed", "low"))

Path = tuple[str | int, ...]
Found = bool | int | float | str | None
"""What a payload holds at a place; None: the device says that it has no value."""


@dataclass(frozen=True)
class RawFormat:
    """A value in a payload that is no JSON.

    Attributes:
        kind: `text` (a number or word), `bool` (a word), or `binary`.
        layout: of a binary value, for `struct`.
        offset: bytes before it.
    """

    kind: str
    layout: str = ""
    offset: int = 0

    def read(self, payload: bytes) -> Found:
        """Returns the value.

        Raises:
            ValueError: the payload does not hold one; says why.
        """
        if self.kind == "binary":
            size = struct.calcsize(self.layout)
            if len(payload) < self.offset + size:
                raise ValueError(f"payload has {len(payload)} bytes, not the {self.offset + size} that it takes")
            found: Found = struct.unpack_from(self.layout, payload, self.offset)[0]
            return found
        text = _text(payload)
        if self.kind == "text":
            return text
        truth = word(text)
        if truth is None:
            raise ValueError(f"payload is {text!r:.40}, which is no word for true or false")
        return truth


@dataclass(frozen=True)
class MqttAddress:
    """A topic, and where in its payload the value lies: by default where the source's row says."""

    topic: str
    path: Path | None = None
    raw: RawFormat | None = None


class Mapping(NamedTuple):
    """Where the payloads of a source have value, time and quality. Paths are those of `parse_path`; (): nowhere."""

    value: Path = (VALUE_PATH,)
    time: Path = (TIME_PATH,)
    time_unit: str = "s"
    quality: Path = ()
    good: frozenset[str] = frozenset()
    uncertain: frozenset[str] = frozenset()


@functools.cache
def parse_address(address: str) -> MqttAddress:
    """Returns an address as its parts.

    Raises:
        ValueError: the topic is empty or has a wildcard, or what follows the `#` is neither path nor format.

    >>> parse_address("plant/line1#motors[0].power")
    MqttAddress(topic='plant/line1', path=('motors', 0, 'power'), raw=None)
    >>> parse_address("plant/line1#=int16be@2").raw
    RawFormat(kind='binary', layout='>h', offset=2)
    """
    topic, sign, place = address.partition("#")
    if not topic or "+" in topic or "\0" in topic or len(topic.encode(errors="replace")) > 65_535:
        raise ValueError(f"{address!r:.80} is no MQTT topic without wildcards; valid: plant/line1#data.value")
    if not sign:
        return MqttAddress(topic)
    if place.startswith("="):
        return MqttAddress(topic, raw=parse_raw(place[1:]))
    return MqttAddress(topic, parse_path(place))


def parse_path(text: str) -> Path:
    """Returns a path into JSON as its steps: names and indices.

    Raises:
        ValueError: it is no path.

    >>> parse_path('a."b.c"[3]')
    ('a', 'b.c', 3)
    """
    steps: list[str | int] = []
    place = 0
    while place < len(text):
        if steps and text[place] == ".":
            place += 1
        step = _STEP.match(text, place)
        if step is None or (steps and text[place - 1] != "." and text[place] != "["):
            break
        name = step["quoted"] or step["name"]
        steps.append(int(step["index"]) if name is None else name)
        place = step.end()
    if not steps or place < len(text) or text.endswith("."):
        raise ValueError(f'{text!r:.80} is no path into JSON; valid: data.sensors[2].value, data."name.with.dots"')
    return tuple(steps)


def parse_raw(text: str) -> RawFormat:
    """Returns a raw format.

    Raises:
        ValueError: there is no such format.
    """
    if text in ("text", "bool"):
        return RawFormat(text)
    match = _RAW.fullmatch(text)
    code = _NUMBERS[match["kind"]].get(int(match["bits"]) // 8) if match else None
    if match is None or code is None or (match["order"] is None) != (match["bits"] == "8"):
        valid = "text, bool, int8, uint16be, int32le, float32be@4, float64le"
        raise ValueError(f"{text!r:.80} is no raw format; valid: {valid}")
    return RawFormat("binary", {"be": ">", "le": "<", None: "="}[match["order"]] + code, int(match["offset"] or 0))


def load_payload(payload: bytes) -> Any:
    """Returns a payload's JSON, or its text where it is none.

    Raises:
        ValueError: it is neither.

    >>> load_payload(b'{"v": 21.5}'), load_payload(b"ON")
    ({'v': 21.5}, 'ON')
    """
    try:
        return json.loads(payload)
    except RecursionError:
        raise ValueError("payload is nested too deep") from None
    except ValueError:
        return _text(payload)


def find(data: Any, path: Path) -> Any:
    """Returns what lies at a path.

    Raises:
        ValueError: nothing does; says what there is instead.

    >>> find({"a": [1, {"b": 2}]}, ("a", 1, "b"))
    2
    """
    for number, step in enumerate(path):
        if isinstance(step, str) and isinstance(data, dict) and step in data:
            data = data[step]
            continue
        if isinstance(step, int) and isinstance(data, list) and step < len(data):
            data = data[step]
            continue
        raise ValueError(f"payload has no {step!r} in {_shape(data)} at step {number + 1} of its path")
    return data


def value_at(data: Any, path: Path, mapping: Mapping) -> Found:
    """Returns the value at a path; a payload that is a bare value is that value, where the path is the mapping's own.

    Raises:
        ValueError: there is none, or it is a structure.
    """
    found = data if path == mapping.value and not isinstance(data, dict | list) else find(data, path)
    if isinstance(found, str):
        if len(found) > TEXT_CHARS_MAX:
            raise ValueError(f"value is a text of {len(found)} characters")
        return found
    if found is None or isinstance(found, bool | int | float):
        return found
    raise ValueError(f"value is {_shape(found)}, which is no number")


def stamp_at(data: Any, mapping: Mapping) -> int | None:
    """Returns the source time in nanoseconds, None where the payload has none.

    Raises:
        ValueError: there is something that is no time.

    >>> stamp_at({"t": 2.000001}, Mapping())
    2000001000
    """
    if not mapping.time or not isinstance(data, dict | list):
        return None
    try:
        found = find(data, mapping.time)
    except ValueError:
        return None
    if found is None:
        return None
    if mapping.time_unit == ISO_8601:
        return _iso_ns(found)
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < math.inf:
        raise ValueError(f"time is {found!r:.40}; it is a number of {mapping.time_unit} since the epoch")
    unit_ns = TIME_UNITS[mapping.time_unit]
    # A double holds a present-day time in seconds to a quarter of a microsecond; what stands below that is noise.
    stamp_ns = found * unit_ns if isinstance(found, int) else round(found * (unit_ns / 1000)) * 1000
    if stamp_ns > STAMP_NS_MAX:
        raise ValueError(f"time {found!r:.40} is beyond 64 bits of nanoseconds; is its unit {mapping.time_unit}?")
    return stamp_ns


def quality_at(data: Any, mapping: Mapping) -> Quality:
    """Returns the quality that a payload states; GOOD where it is not to state any.

    >>> quality_at({"q": "Bad"}, Mapping(quality=("q",), good=frozenset(["good"])))
    <Quality.BAD: 2>
    """
    if not mapping.quality:
        return Quality.GOOD
    try:
        said = str(find(data, mapping.quality)).lower()
    except ValueError:
        # Where it is to say how good the value is and does not, the value may be anything.
        return Quality.UNCERTAIN
    if said in mapping.good:
        return Quality.GOOD
    return Quality.UNCERTAIN if said in mapping.uncertain else Quality.BAD


def word(text: str) -> bool | None:
    """Returns the truth that a word says, None where it is no such word.

    >>> word("ON"), word("ajar")
    (True, None)
    """
    low = text.strip().lower()
    return True if low in _TRUE else False if low in _FALSE else None


def make_payload(value: float, stamp_ns: int, key: str = VALUE_PATH) -> bytes:
    """Returns the JSON payload that a device publishes; NaN goes out as null.

    >>> make_payload(21.5, 2_000_000_000)
    b'{"v":21.5,"t":2.000000}'
    """
    number = "null" if math.isnan(value) else json.dumps(value)
    seconds, rest_ns = divmod(stamp_ns, NS_PER_S)
    return f'{{"{key}":{number},"{TIME_PATH}":{seconds}.{rest_ns // 1000:06d}}}'.encode()


def _text(payload: bytes) -> str:
    if len(payload) > 4 * TEXT_CHARS_MAX:
        raise ValueError(f"payload of {len(payload)} bytes is no JSON")
    try:
        return payload.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"payload {payload!r:.40} is neither JSON nor text") from None


def _iso_ns(found: Any) -> int:
    try:
        moment = datetime.fromisoformat(found)
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        stamp_ns = round(aware.timestamp() * 1e6) * 1000
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"time is {found!r:.40}; it is a text like 2026-01-31T12:00:00.5Z") from None
    if not 0 <= stamp_ns <= STAMP_NS_MAX:
        raise ValueError(f"time {found!r:.40} is before the epoch or beyond 64 bits of nanoseconds")
    return stamp_ns


def _shape(data: Any) -> str:
    if isinstance(data, dict):
        return f"an object of {', '.join(list(map(str, data))[:8]) or 'nothing'}"[:120]
    return f"a list of {len(data)}" if isinstance(data, list) else f"{data!r:.40}"
