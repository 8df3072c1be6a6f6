r"""SHDR, the lines that an MTConnect adapter sends; pure.

    timestamp[@duration]|key|value|key|value ...
    timestamp|key|level|native code|native severity|qualifier|text      a condition
    timestamp|key|native code|text                                      a message
    timestamp|key|count|rate|value value ...                            a time series
    timestamp|@ASSET@|id|type|document   or   --multiline--TAG, lines, --multiline--TAG
    * key: value          * PONG milliseconds

How many fields a key takes is known only from the device description; without one, a line of one key whose first
field is a condition's level is a condition, and everything else is keys and values. A field in double quotes may hold
`\|`. A line without a time, or with a relative one, counts as of when it came.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from workcell_sensors.sources.mtconnect_model import DataItem, Model
from workcell_sensors.sources.mtconnect_time import parse_time_ns
from workcell_sensors.sources.mtconnect_values import UNAVAILABLE, Observation

LINE_BYTES_MAX = 1 << 20
ASSET_LINES_MAX = 100_000
_MULTILINE = "--multiline--"
_ASSET_MARKS = ("@ASSET@", "@UPDATE_ASSET@", "@REMOVE_ASSET@", "@REMOVE_ALL_ASSETS@")
_LEVELS = ("NORMAL", "WARNING", "FAULT", UNAVAILABLE)
_CONDITION_FIELDS, _MESSAGE_FIELDS, _ALARM_FIELDS, _SERIES_FIELDS = 5, 2, 5, 3
_FIELD = re.compile(r'(?:"((?:[^"\\]|\\.)*)"(?=\||$)|([^|]*))(\||$)')
_ENTRY = re.compile(r"""([^\s=]+)(?:=("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\{[^{}]*\}|\S*))?""")
_RELATIVE = re.compile(r"\d{1,18}(\.\d{0,9})?")
_PONG = re.compile(r"\*\s*PONG\s+(\d{1,9})", re.IGNORECASE)


class Kind(enum.Enum):
    """What a line is."""

    DATA = "data"
    ASSET = "asset"
    """Of an asset: its head, its document, its end. Assets are not readings; they are passed over."""
    COMMAND = "command"
    PONG = "pong"
    EMPTY = "empty"
    MALFORMED = "malformed"


@dataclass(frozen=True)
class Line:
    """One line, understood."""

    kind: Kind
    observations: tuple[Observation, ...] = ()
    malformed: int = 0
    """Fields of a data line that fit nothing."""
    heartbeat_s: float = 0.0
    """Of a PONG: how often the adapter wants to be asked."""


class LineReader:
    """Cuts a byte stream into lines, whatever pieces it comes in; an endless line is given up, not kept."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._skips = False
        self.overlong = 0
        """Lines that were given up."""

    def feed(self, data: bytes) -> Iterator[str]:
        """Takes bytes in and yields the lines that are complete, without their ends."""
        self._buffer += data
        *lines, rest = self._buffer.split(b"\n")
        self._buffer = rest
        for line in lines:
            if self._skips:
                self._skips = False
            elif len(line) > LINE_BYTES_MAX:
                self.overlong += 1
            else:
                yield line.decode("utf-8", "replace").rstrip("\r")
        if len(rest) > LINE_BYTES_MAX:
            self.overlong += not self._skips
            self._skips = True
            self._buffer = bytearray()


class ShdrParser:
    """Understands lines in their order: an asset may take several."""

    def __init__(self, model: Model | None = None) -> None:
        self._model = model
        self._asset_end = ""
        self._asset_lines = 0

    def parse(self, text: str, now_ns: int) -> Line:
        """Returns what a line says; `now_ns` is the time of what has none of its own."""
        if self._asset_end:
            return self._asset_line(text)
        text = text.strip()
        if not text:
            return Line(Kind.EMPTY)
        if text.startswith("*"):
            pong = _PONG.match(text)
            return Line(Kind.PONG, heartbeat_s=int(pong[1]) / 1000.0) if pong else Line(Kind.COMMAND)
        fields = split_fields(text)
        if len(fields) < 2:
            return Line(Kind.MALFORMED, malformed=1)
        if fields[1] in _ASSET_MARKS:
            if fields[-1].startswith(_MULTILINE):
                self._asset_end, self._asset_lines = fields[-1], 0
            return Line(Kind.ASSET)
        try:
            stamp_ns = _stamp(fields[0], now_ns)
        except ValueError:
            return Line(Kind.MALFORMED, malformed=1)
        return self._data(stamp_ns, fields)

    def _asset_line(self, text: str) -> Line:
        self._asset_lines += 1
        if text.strip() == self._asset_end or self._asset_lines >= ASSET_LINES_MAX:
            self._asset_end = ""
        return Line(Kind.ASSET)

    def _data(self, stamp_ns: int, fields: list[str]) -> Line:
        observations: list[Observation] = []
        malformed = 0
        at = 1
        while at < len(fields):
            key = fields[at].strip()
            rest = fields[at + 1 :]
            item = self._model.of_key(key) if self._model is not None else None
            taken = _fields_of(item, rest, is_alone=at == 1)
            if key and rest:
                observations.append(_observation(key, stamp_ns, item, rest[:taken], taken))
            elif key:
                malformed += 1
            at += 1 + taken
        kind = Kind.DATA if observations else Kind.MALFORMED
        return Line(kind, tuple(observations), malformed)


def split_fields(text: str) -> list[str]:
    r"""Returns a line's fields.

    >>> split_fields(r'T|msg|"a\|b"|x|"c')
    ['T', 'msg', 'a|b', 'x', '"c']
    """
    if '"' not in text:
        return text.split("|")
    fields = []
    for match in _FIELD.finditer(text):
        quoted, plain, end = match.groups()
        fields.append(plain if quoted is None else quoted.replace("\\|", "|").replace('\\"', '"'))
        if not end:
            break
    return fields


def entries_of(text: str) -> Mapping[str, str]:
    """Returns a data set's entries; one without a value has been removed.

    >>> entries_of("102=5.5 103='a b' 104")
    {'102': '5.5', '103': 'a b', '104': 'UNAVAILABLE'}
    """
    found = {}
    for match in _ENTRY.finditer(text):
        value = match[2]
        if value is None:
            found[match[1]] = UNAVAILABLE
        else:
            found[match[1]] = value[1:-1] if len(value) > 1 and value[0] in "\"'" and value[-1] == value[0] else value
    return found


def _stamp(field: str, now_ns: int) -> int:
    text = field.partition("@")[0].strip()
    return now_ns if not text or _RELATIVE.fullmatch(text) else parse_time_ns(text)


def _fields_of(item: DataItem | None, rest: list[str], is_alone: bool) -> int:
    """Returns how many fields belong to a key."""
    if item is None:
        is_condition = is_alone and len(rest) == _CONDITION_FIELDS and rest[0].strip().upper() in _LEVELS
        return _CONDITION_FIELDS if is_condition else 1
    if item.is_condition:
        return _CONDITION_FIELDS
    if item.kind == "ALARM":
        return _ALARM_FIELDS
    if item.is_message:
        return _MESSAGE_FIELDS
    return _SERIES_FIELDS if item.representation == "TIME_SERIES" else 1


def _observation(key: str, stamp_ns: int, item: DataItem | None, fields: list[str], taken: int) -> Observation:
    first = fields[0].strip()
    if (item is not None and item.is_condition) or (item is None and taken == _CONDITION_FIELDS):
        code = fields[1].strip() if len(fields) > 1 else ""
        return Observation(key, stamp_ns, first.upper(), 0, True, code)
    if item is not None and item.is_message:
        return Observation(key, stamp_ns, fields[-1].strip())
    if taken == _SERIES_FIELDS:
        return Observation(key, stamp_ns, fields[-1].strip().rpartition(" ")[2])
    if item is not None and item.representation in ("DATA_SET", "TABLE") and first.upper() != UNAVAILABLE:
        return Observation(key, stamp_ns, entries_of(first))
    return Observation(key, stamp_ns, first)
