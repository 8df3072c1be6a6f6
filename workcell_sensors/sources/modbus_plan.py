"""Which block reads serve which addresses, and the values out of what a block read brings; pure."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_sensors.reading import FloatArray, IndexArray
from workcell_sensors.sources.modbus_codec import BIT_TABLES, BITS_MAX, REGISTERS_MAX, TYPES, ModbusAddress

GAP_MAX = 8
"""Unused registers (or bits) read along rather than sending a second request."""

NumberOf = Callable[[str, str], float]
"""(address, text) -> the raw number that the text stands for, NaN where it stands for none."""
Registers = npt.NDArray[np.uint16]

_WIRE: dict[str, str] = {kind: f">{code}{size}" for kind, code, size in (
    ("int16", "i", 2), ("uint16", "u", 2), ("int32", "i", 4), ("uint32", "u", 4), ("float32", "f", 4),
    ("int64", "i", 8), ("uint64", "u", 8), ("float64", "f", 8),
)}  # fmt: skip


@dataclass(frozen=True)
class Limits:
    """How much one request may read.

    Attributes:
        registers: at most 125.
        bits: at most 2000.
        gap: unused ones in between that are read along.
    """

    registers: int = REGISTERS_MAX
    bits: int = BITS_MAX
    gap: int = GAP_MAX

    def of(self, table: str) -> int:
        """Returns how many items of a table one request may read."""
        return self.bits if table in BIT_TABLES else self.registers


@dataclass(frozen=True)
class _Group:
    """The addresses of a block that are decoded by one array operation."""

    places: IndexArray  # (n,) indices into the block's addresses
    registers: IndexArray  # (n, width) of the block, the highest word first
    dtype: np.dtype[np.generic]
    swap: bool


@dataclass(frozen=True, eq=False)
class Block:
    """One read request and the addresses it serves."""

    table: str
    offset: int
    count: int
    addresses: tuple[tuple[str, ModbusAddress], ...]

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.count

    def values(self, data: bytes, number_of: NumberOf) -> FloatArray:
        """Returns the addresses' numbers (n,) in order, NaN where there is none.

        Args:
            data: the answer's payload: two bytes per register, or eight bits per byte, the first the lowest.
            number_of: what texts stand for.
        """
        if self.table in BIT_TABLES:
            bits = np.unpackbits(np.frombuffer(data, dtype=np.uint8), bitorder="little")
            return bits[self._bit_places].astype(np.float64)
        registers = np.frombuffer(data, dtype=">u2")
        values = np.full(len(self.addresses), np.nan)
        for group in self._groups:
            words = registers[group.registers]
            data_of_group = (words.byteswap() if group.swap else words).tobytes()
            values[group.places] = np.frombuffer(data_of_group, dtype=group.dtype).astype(np.float64)
        for place in self._single:
            text, address = self.addresses[place]
            part = registers[address.offset - self.offset : address.end - self.offset].tolist()
            value = number_of(text, address.decode_text(part)) if address.is_text else address.decode(part)
            values[place] = value
        return values

    def halves(self) -> tuple[Block, ...]:
        """Returns two blocks that together serve the same addresses, or nothing where there is but one."""
        if len(self.addresses) < 2:
            return ()
        middle = len(self.addresses) // 2
        return tuple(_tight(self.table, part) for part in (self.addresses[:middle], self.addresses[middle:]))

    @functools.cached_property
    def _bit_places(self) -> IndexArray:
        return np.array([address.offset - self.offset for _, address in self.addresses], dtype=np.intp)

    @functools.cached_property
    def _groups(self) -> tuple[_Group, ...]:
        found: dict[tuple[str, str], list[int]] = {}
        for place, (_, address) in enumerate(self.addresses):
            if address.kind in TYPES:
                found.setdefault((address.kind, address.order), []).append(place)
        return tuple(self._group(kind, order, places) for (kind, order), places in found.items())

    def _group(self, kind: str, order: str, places: list[int]) -> _Group:
        width = self.addresses[places[0]][1].width
        words = np.arange(width)
        if order in ("CDAB", "DCBA"):
            words = words[::-1]
        starts = np.array([self.addresses[place][1].offset - self.offset for place in places], dtype=np.intp)
        return _Group(
            np.array(places, dtype=np.intp),
            starts[:, np.newaxis] + words[np.newaxis, :],
            np.dtype(_WIRE[kind]),
            order in ("BADC", "DCBA"),
        )

    @functools.cached_property
    def _single(self) -> tuple[int, ...]:
        return tuple(place for place, (_, address) in enumerate(self.addresses) if address.kind not in TYPES)


def plan(addresses: Iterable[ModbusAddress], texts: Iterable[str], limits: Limits) -> tuple[Block, ...]:
    """Returns the fewest block reads that serve addresses of one unit without reading over a gap above `limits.gap`.

    Args:
        addresses, texts: parsed and as the tag table has them, in the same order.
        limits: how much one request may read.
    """
    pairs = sorted(zip(texts, addresses, strict=True), key=lambda pair: (pair[1].table, pair[1].offset))
    blocks: list[list[tuple[str, ModbusAddress]]] = []
    end = 0
    for text, address in pairs:
        joins = (
            bool(blocks)
            and blocks[-1][0][1].table == address.table
            and address.offset - end <= limits.gap
            and max(end, address.end) - blocks[-1][0][1].offset <= limits.of(address.table)
        )
        if joins:
            blocks[-1].append((text, address))
            end = max(end, address.end)
        else:
            blocks.append([(text, address)])
            end = address.end
    return tuple(_tight(block[0][1].table, block) for block in blocks)


def _tight(table: str, addresses: Sequence[tuple[str, ModbusAddress]]) -> Block:
    """Returns the block that reads from the first to the end of the last of its addresses."""
    offset = min(address.offset for _, address in addresses)
    end = max(address.end for _, address in addresses)
    return Block(table, offset, end - offset, tuple(addresses))
