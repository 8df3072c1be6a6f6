"""The tag table: which field quantity comes from where, in which unit, and when to distrust it."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError
from workcell_sensors.reading import NS_PER_S, FloatArray
from workcell_sensors.rows import build_options, build_row, is_key, shown
from workcell_sensors.sources.host_name import PORT_MAX, check_host
from workcell_sensors.sources.registry import PROTOCOLS, protocol
from workcell_sensors.units import Affine, UnitError, conversion

T = TypeVar("T")

STALE_PERIODS = 5.0
STALE_AFTER_S_MIN = 0.5
NUMBER_CHARACTERS_MAX = 64
"""A longer text is no number; a lying device may send megabytes."""
TIME_S_MAX = 1e9
"""A third of a century; nanoseconds of much more do not fit their 64 bits."""


@dataclass(frozen=True)
class SourceRow:
    """A field server that tags come from. The file's row holds these keys and the protocol's own options, flat."""

    name: str
    protocol: str
    host: str = ""
    """Empty: the gateway's `host` parameter."""
    port: int = 0
    """Zero: the gateway's port parameter for the protocol, or else the protocol's usual port."""
    credentials: str = ""
    """Name of the credentials it shows, see `sources.credentials`; empty: none."""
    timeout_s: float = 0.0
    """For a request or a connection, wall clock; zero: the gateway's parameter."""
    stall_s: float = 0.0
    """Silence after which it counts as down; zero: the gateway's parameter."""
    device_time: bool = True
    """False: values count as taken when they arrive, for a device whose clock is known to be wrong."""
    options: Any = field(default=None, hash=False, metadata={"hidden": True})
    """The protocol's own options, an instance of its schema."""

    def __post_init__(self) -> None:
        if self.options is None:
            object.__setattr__(self, "options", protocol(self.protocol).options())


@dataclass(frozen=True)
class TagRow:
    """One tag. On the wire `unit = scale * raw + offset`; everything below the line is in `si`."""

    tag: str
    source: str
    address: str
    unit: str
    si: str
    scale: float = 1.0
    offset: float = 0.0
    period_s: float = 1.0
    """How often the device takes it."""
    stale_after_s: float = 0.0
    """Silence after which the last value is STALE; zero: five periods, at least half a second."""
    states: Mapping[str, float] = field(default_factory=dict, hash=False)
    """Raw number per text that the device may say; any other text is BAD."""
    description: str = ""
    # ----
    low: float = -math.inf
    high: float = math.inf
    """Physically possible range; outside is BAD."""
    normal_low: float = -math.inf
    normal_high: float = math.inf
    """Range of ordinary operation; outside is UNCERTAIN."""
    deadband: float = 0.0
    """A smaller change is not published before half of `stale_after_s` has passed."""
    affine: Affine = field(default=Affine(1.0, 0.0), init=False)
    """raw -> SI."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "affine", conversion(self.unit, self.si).after(self.scale, self.offset))
        # What is impossible is not normal either.
        object.__setattr__(self, "normal_low", max(self.normal_low, self.low))
        object.__setattr__(self, "normal_high", min(self.normal_high, self.high))
        if self.stale_after_s == 0.0:
            object.__setattr__(self, "stale_after_s", max(STALE_AFTER_S_MIN, STALE_PERIODS * self.period_s))

    def to_si(self, raw: float) -> float:
        """Returns a raw device number in SI."""
        return self.affine.gain * raw + self.affine.bias

    def to_raw(self, value: float) -> float:
        """Returns an SI value as the device would show it, before its quantisation."""
        return (value - self.affine.bias) / self.affine.gain

    @property
    def deadband_raw(self) -> float:
        """The deadband in the device's own numbers, for servers that apply one."""
        return abs(self.deadband / self.affine.gain)

    def number_of(self, value: object) -> float:
        """Returns a device's value as its raw number, NaN where it is none that the row knows: the value is BAD.

        Numbers and booleans are themselves. A text is looked up in `states`; where the row has none, a text that
        spells a number is that number. Infinities are no numbers.

        >>> row = TagRow("cnc/execution", "cnc", "p2", "1", "1", states={"ACTIVE": 1.0, "READY": 0.0})
        >>> row.number_of("ACTIVE"), row.number_of("FEED_HOLD"), row.number_of(3)
        (1.0, nan, 3.0)
        """
        if isinstance(value, str):
            if self.states:
                return self.states.get(value, math.nan)
            if len(value) > NUMBER_CHARACTERS_MAX:
                return math.nan
        elif not isinstance(value, bool | int | float):
            return math.nan
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return math.nan
        return number if math.isfinite(number) else math.nan


class TagTable:
    """All tags, with their numbers as read-only columns so that a scan is one array operation."""

    def __init__(self, rows: Sequence[TagRow], sources: Sequence[SourceRow]) -> None:
        self.rows: tuple[TagRow, ...] = tuple(rows)
        self.sources: dict[str, SourceRow] = {source.name: source for source in sources}
        self.tags: tuple[str, ...] = tuple(row.tag for row in self.rows)
        self.units: tuple[str, ...] = tuple(row.si for row in self.rows)
        self.index: dict[str, int] = {tag: i for i, tag in enumerate(self.tags)}
        self.by_address: dict[tuple[str, str], int] = {(row.source, row.address): i for i, row in enumerate(rows)}
        self.gain = self._column([row.affine.gain for row in self.rows])
        self.bias = self._column([row.affine.bias for row in self.rows])
        self.low = self._column([row.low for row in self.rows])
        self.high = self._column([row.high for row in self.rows])
        self.normal_low = self._column([row.normal_low for row in self.rows])
        self.normal_high = self._column([row.normal_high for row in self.rows])
        self.deadband = self._column([row.deadband for row in self.rows])
        self.stale_ns = _frozen(np.array([round(row.stale_after_s * NS_PER_S) for row in self.rows], dtype=np.int64))

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, tag: str) -> TagRow:
        """Returns a tag's row.

        Raises:
            KeyError: no such tag; names the tags there are.
        """
        if tag not in self.index:
            raise KeyError(f"unknown tag {tag}; valid: {', '.join(self.tags)}")
        return self.rows[self.index[tag]]

    def of_source(self, source: str) -> tuple[TagRow, ...]:
        """Returns the rows that `source` serves, in table order."""
        return tuple(row for row in self.rows if row.source == source)

    @staticmethod
    def _column(values: Sequence[float]) -> FloatArray:
        column: FloatArray = np.array(values, dtype=np.float64)
        return _frozen(column)


def _frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    array.setflags(write=False)
    return array


def load_tags(path: str | Path) -> TagTable:
    """Reads a tag file.

    The table is immutable, and a file that has not changed is not read again: a twin forks the cell often.

    Raises:
        ConfigError: names the file, the row by its tag, the key, the value and what would be valid.
    """
    file = Path(path)
    try:
        stat = file.stat()
    except OSError:
        return _load(file, 0, 0)
    return _load(file, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=8)
def _load(file: Path, _mtime_ns: int, _size: int) -> TagTable:
    return parse_tags(file, load_yaml(file))


def parse_tags(file: str | Path, data: Mapping[str, Any]) -> TagTable:
    """Returns the tag table that a tag file's content describes; `file` is named in errors.

    Raises:
        ConfigError: as `load_tags`.
    """
    file = Path(file)
    check_keys(file, "", data, ("sources", "tags"))
    sources = parse_sources(file, data.get("sources"))
    rows = _rows(file, data.get("tags"), sources)
    _check_unique(file, rows)
    return TagTable(rows, list(sources.values()))


def problems(path: str | Path) -> list[ConfigError]:
    """Returns everything that is wrong with a tag file, not the first thing alone; empty where it is fine."""
    file = Path(path)
    try:
        data = load_yaml(file)
        check_keys(file, "", data, ("sources", "tags"))
    except ConfigError as error:
        return [error]
    found: list[ConfigError] = []
    sources = data.get("sources")
    for name, given in sources.items() if isinstance(sources, dict) else ():
        _try(found, parse_sources, file, {name: given})
    if found:
        # Without its source a tag cannot be judged.
        return found
    rows: list[TagRow] = []
    blocks = data.get("tags")
    for number, given in enumerate(blocks if isinstance(blocks, list) else (), start=1):
        rows += _try(found, _rows_of, file, f"tags[{number}]", given, parse_sources(file, sources)) or []
    _try(found, _check_unique, file, rows)
    if not found:
        _try(found, parse_tags, file, data)
    return found


def _try(found: list[ConfigError], work: Callable[..., T], *arguments: Any) -> T | None:
    try:
        return work(*arguments)
    except ConfigError as error:
        found.append(error)
        return None


def parse_sources(file: Path, block: Any) -> dict[str, SourceRow]:
    """Returns the source rows of a tag file by name.

    Raises:
        ConfigError: names the file, the source, the key, the value and what would be valid.
    """
    if not isinstance(block, dict) or not block:
        raise ConfigError(file, "sources", f"is {shown(block)}", "a mapping of source name to {protocol: ...}")
    rows = {}
    for name, values in block.items():
        given = values if isinstance(values, dict) else {"protocol": values}
        rows[str(name)] = _source(file, f"sources.{name}", {**given, "name": str(name)})
    return rows


def _source(file: Path, where: str, given: dict[str, Any]) -> SourceRow:
    name = given.get("protocol")
    if not isinstance(name, str) or name not in PROTOCOLS:
        # A whole URL put here may hold a password.
        is_shown = isinstance(name, str) and "@" not in name
        raise ConfigError(file, f"{where}.protocol", f"is {name!r}" if is_shown else "is no protocol", PROTOCOLS)
    told = protocol(name)
    own = [column.name for column in dataclasses.fields(told.options)]
    common = [column.name for column in dataclasses.fields(SourceRow) if is_key(column)]
    check_keys(file, where, [key for key in given if key != "name"], [key for key in common if key != "name"] + own)
    options: Any = build_options(file, where, told.options, {key: given[key] for key in own if key in given})
    wrong = told.check_options(options) if told.check_options is not None else None
    if wrong is not None:
        key, problem, valid = wrong
        raise ConfigError(file, f"{where}.{key}", problem, valid)
    row = build_row(file, where, SourceRow, {key: value for key, value in given.items() if key not in own})
    _check_place(file, where, row)
    for key in ("timeout_s", "stall_s"):
        if not 0.0 <= getattr(row, key) < math.inf:
            raise ConfigError(
                file, f"{where}.{key}", f"is {getattr(row, key)}", "a number of seconds, 0: the gateway's"
            )
    return dataclasses.replace(row, options=options)


def _check_place(file: Path, where: str, row: SourceRow) -> None:
    try:
        if row.host:
            check_host(row.host)
    except ValueError as error:
        problem, _, valid = str(error).partition("; valid: ")
        raise ConfigError(file, f"{where}.host", problem, valid) from None
    if row.port > PORT_MAX:
        raise ConfigError(file, f"{where}.port", f"is {row.port}", f"1 to {PORT_MAX}, 0: the usual one")


def _rows(file: Path, block: Any, sources: Mapping[str, SourceRow]) -> list[TagRow]:
    if not isinstance(block, list) or not block:
        raise ConfigError(file, "tags", f"is a {type(block).__name__}", "a list of tags")
    rows = []
    for number, given in enumerate(block, start=1):
        rows += _rows_of(file, f"tags[{number}]", given, sources)
    return rows


def _rows_of(file: Path, where: str, given: Any, sources: Mapping[str, SourceRow]) -> list[TagRow]:
    if not isinstance(given, dict):
        raise ConfigError(file, where, f"is {shown(given)}", "a mapping with at least tag, source, address, unit, si")
    return [_row(file, where, each, sources) for each in _expand(file, where, given)]


def _expand(file: Path, where: str, given: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns one mapping per item of `each`, with {n} put in for the item in tag and address."""
    values = {key: value for key, value in given.items() if key != "each"}
    if "each" not in given:
        return [values]
    items = given["each"]
    if not isinstance(items, list) or not items:
        raise ConfigError(file, f"{where}.each", f"is {items!r}", "a list, each item of which replaces {n}")
    return [
        {key: _fill(value, item) if key in ("tag", "address") else value for key, value in values.items()}
        for item in items
    ]


def _fill(value: Any, item: Any) -> Any:
    return value.replace("{n}", str(item)) if isinstance(value, str) else value


def _row(file: Path, where: str, given: dict[str, Any], sources: Mapping[str, SourceRow]) -> TagRow:
    where = f"tags.{given['tag']}" if isinstance(given.get("tag"), str) else where
    try:
        row = build_row(file, where, TagRow, given)
    except UnitError as error:
        units = f"unit {given.get('unit')!r} to si {given.get('si')!r}: {error}"
        raise ConfigError(file, f"{where}.unit", units, "units of one dimension that pint knows, or bool") from None
    if row.source not in sources:
        raise ConfigError(file, f"{where}.source", f"is {row.source!r}", sources)
    try:
        protocol(sources[row.source].protocol).check_address(row.address)
    except ValueError as error:
        problem, _, valid = str(error).partition("; valid: ")
        raise ConfigError(file, f"{where}.address", problem, valid or "see the head of config/tags.yaml") from None
    _check_numbers(file, where, row)
    return row


def _check_numbers(file: Path, where: str, row: TagRow) -> None:
    for key in ("scale", "offset", "deadband"):
        if not math.isfinite(getattr(row, key)):
            raise ConfigError(file, f"{where}.{key}", f"is {getattr(row, key)}", "a finite number")
    for key in ("period_s", "stale_after_s"):
        if not getattr(row, key) <= TIME_S_MAX:
            raise ConfigError(file, f"{where}.{key}", f"is {getattr(row, key)}", f"up to {TIME_S_MAX:g} s")
    if row.scale == 0.0:
        raise ConfigError(file, f"{where}.scale", "is 0", "any number but 0")
    if row.period_s <= 0.0:
        raise ConfigError(file, f"{where}.period_s", f"is {row.period_s}", "a positive number of seconds")
    if row.stale_after_s < row.period_s:
        problem = f"is {row.stale_after_s}, shorter than period_s"
        raise ConfigError(file, f"{where}.stale_after_s", problem, f"at least {row.period_s} s")
    if row.deadband < 0.0:
        raise ConfigError(file, f"{where}.deadband", f"is {row.deadband}", "0 or more")
    for low, high in (("low", "high"), ("normal_low", "normal_high")):
        if not getattr(row, low) < getattr(row, high):
            problem = f"is {getattr(row, low)}, not below {high} {getattr(row, high)}"
            raise ConfigError(file, f"{where}.{low}", problem, f"a number below {high}")


def _check_unique(file: Path, rows: Sequence[TagRow]) -> None:
    tags: set[str] = set()
    addresses: dict[tuple[str, str], str] = {}
    for row in rows:
        if row.tag in tags:
            raise ConfigError(file, f"tags.{row.tag}", "stands twice", "every tag once")
        place = (row.source, row.address)
        if place in addresses:
            problem = f"{row.address!r} is already the address of {addresses[place]}"
            raise ConfigError(file, f"tags.{row.tag}.address", problem, "every address of a source once")
        tags.add(row.tag)
        addresses[place] = row.tag
