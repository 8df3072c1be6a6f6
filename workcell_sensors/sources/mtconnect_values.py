"""From what an agent or an adapter says of a data item to the raw numbers of tags; pure.

An address is a data item, by its id (agent) or key (adapter), and may name a part of its value:

    Lx1actm             a number, or a text by the row's `states`
    Lpathpos#x          a component of a three-dimensional value: x y z, a b c, or 0 1 2
    cvars#102           an entry of a data set
    Lsystem             a condition: 0 normal, 1 warning, 2 fault, the worst that is active
    Lsystem#E204        a condition's level for one native code
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from workcell_sensors.reading import Quality
from workcell_sensors.sources.mtconnect_units import CONDITION_LEVELS
from workcell_sensors.tags import TagRow

UNAVAILABLE = "UNAVAILABLE"
ACTIVE_CODES_MAX = 1000
"""Conditions of one data item that are remembered; a device that invents codes must not fill the memory."""
_PLACES = {name: place for place, name in enumerate("xyz")} | {name: place for place, name in enumerate("abc")}


class Observation(NamedTuple):
    """One thing said of one data item."""

    item: str
    stamp_ns: int
    value: str | Mapping[str, str]
    """Text, or the entries of a data set; a condition's level."""
    sequence: int = 0
    is_condition: bool = False
    code: str = ""
    """A condition's native code."""

    @property
    def is_unavailable(self) -> bool:
        """Whether it says that there is no value."""
        return isinstance(self.value, str) and self.value.upper() == UNAVAILABLE


class Value(NamedTuple):
    """What an observation means for one tag."""

    address: str
    number: float
    quality: int


@dataclass(frozen=True)
class _Use:
    tag: TagRow
    part: str


def parse_address(address: str) -> tuple[str, str]:
    """Returns an address as data item and part; the part may be empty.

    Raises:
        ValueError: it has no data item or holds what none may.

    >>> parse_address("Lpathpos#x")
    ('Lpathpos', 'x')
    """
    item, hash_, part = address.partition("#")
    if not item or (hash_ and not part) or any(c in item for c in "|\r\n\t "):
        raise ValueError(f"{address!r} names no data item; valid: its id or key, with #part where it has parts")
    return item, part


class Interpreter:
    """Knows which tags use which data item, and which conditions are active."""

    def __init__(self, tags: Iterable[TagRow]) -> None:
        self._uses: dict[str, list[_Use]] = {}
        for tag in tags:
            item, part = parse_address(tag.address)
            self._uses.setdefault(item, []).append(_Use(tag, part))
        self._active: dict[str, dict[str, str]] = {}

    @property
    def items(self) -> tuple[str, ...]:
        """The data items that tags use."""
        return tuple(self._uses)

    def addresses_of(self, item: str) -> list[str]:
        """Returns the addresses that use a data item."""
        return [use.tag.address for use in self._uses.get(item, ())]

    def forget_conditions(self) -> None:
        """Forgets which conditions are active: the device starts anew."""
        self._active.clear()

    def values(self, seen: Observation) -> Iterator[Value]:
        """Yields what an observation means; nothing for a data item that no tag uses."""
        uses = self._uses.get(seen.item)
        if uses is None:
            return
        if seen.is_condition:
            active = self._note_condition(seen)
            for use in uses:
                yield _value(use, self._level(active, seen, use))
            return
        for use in uses:
            found = _part_of(seen.value, use.part)
            if found is not None:
                yield _value(use, math.nan if found.upper() == UNAVAILABLE else use.tag.number_of(found))

    def _note_condition(self, seen: Observation) -> Mapping[str, str]:
        """Returns the levels that are active now, by native code.

        Normal without a code ends all, with a code that one; a level with a code adds to the others (MTConnect
        Standard part 2, Condition).
        """
        active = self._active.setdefault(seen.item, {})
        level = str(seen.value).upper()
        if level == UNAVAILABLE or (level == "NORMAL" and not seen.code):
            active.clear()
        elif level == "NORMAL":
            active.pop(seen.code, None)
        elif len(active) < ACTIVE_CODES_MAX or seen.code in active:
            active[seen.code] = level
        return active

    def _level(self, active: Mapping[str, str], seen: Observation, use: _Use) -> float:
        said = str(seen.value).upper()
        if said != UNAVAILABLE and said not in CONDITION_LEVELS:
            return math.nan
        if said == UNAVAILABLE:
            return math.nan
        levels = [active[use.part]] if use.part in active else [] if use.part else list(active.values())
        worst = max(levels, key=lambda level: CONDITION_LEVELS.get(level, 0.0), default="NORMAL")
        return use.tag.number_of(worst) if use.tag.states else CONDITION_LEVELS.get(worst, math.nan)


def _value(use: _Use, number: float) -> Value:
    return Value(use.tag.address, number, Quality.BAD if math.isnan(number) else Quality.GOOD)


def _part_of(value: str | Mapping[str, str], part: str) -> str | None:
    """Returns the text that a tag is about; None where this observation says nothing of it."""
    if not isinstance(value, str):
        # Data sets come as changes: what is not in them stays what it was.
        return value.get(part)
    if not part or value.upper() == UNAVAILABLE:
        return value
    words = value.split()
    place = _PLACES.get(part, int(part) if part.isdecimal() and len(part) < 6 else -1)
    return words[place] if 0 <= place < len(words) else ""
