"""Modbus addresses, byte orders and the merging of reads; pure."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

BIT_TABLES = ("coil", "discrete")
REGISTER_TABLES = ("holding", "input")
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
TYPES = {
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "float32": "f",
    "int64": "q",
    "uint64": "Q",
    "float64": "d",
}
REGISTERS_MAX = 125
"""Registers that one request may read (Modbus application protocol 1.1b3, 6.3)."""
BITS_MAX = 2000
GAP_MAX = 8
"""Unused registers read along rather than sending a second request."""


@dataclass(frozen=True)
class ModbusAddress:
    """Where a value lies in a device."""

    table: str
    offset: int
    kind: str = "bit"
    order: str = "ABCD"

    @property
    def width(self) -> int:
        """Registers (or bits) it takes."""
        return 1 if self.kind == "bit" else struct.calcsize(TYPES[self.kind]) // 2

    def decode(self, registers: Sequence[int]) -> float:
        """Returns the number that `width` registers hold.

        >>> parse_address("input:0:int32:CDAB").decode([0x0001, 0xFFFF])
        -65535.0
        """
        return float(
            struct.unpack(f">{TYPES[self.kind]}", _reorder(struct.pack(f">{self.width}H", *registers), self))[0]
        )

    def encode(self, value: float) -> list[int]:
        """Returns the registers that hold a number, rounded and held within the range of an integer type."""
        number: float = value
        if self.kind not in ("float32", "float64"):
            number = _held(round(value), self.kind)
        data = _reorder(struct.pack(f">{TYPES[self.kind]}", number), self)
        return list(struct.unpack(f">{self.width}H", data))


def _held(value: int, kind: str) -> int:
    bits = 8 * struct.calcsize(TYPES[kind])
    low, high = (0, (1 << bits) - 1) if kind.startswith("u") else (-(1 << bits - 1), (1 << bits - 1) - 1)
    return min(max(value, low), high)


def _reorder(data: bytes, address: ModbusAddress) -> bytes:
    """Returns big-endian bytes in the address' order, or back: each order is its own inverse."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if address.order in ("CDAB", "DCBA"):
        words.reverse()
    if address.order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def parse_address(address: str) -> ModbusAddress:
    """Returns `coil:5`, `input:3:int16` or `holding:10:int32:CDAB` as its parts.

    Raises:
        ValueError: says which part is wrong and what would be valid.

    >>> parse_address("input:3:int16")
    ModbusAddress(table='input', offset=3, kind='int16', order='ABCD')
    """
    table, *rest = address.split(":")
    if table not in BIT_TABLES + REGISTER_TABLES:
        raise ValueError(f"{address!r}: table {table!r}; valid: {', '.join(BIT_TABLES + REGISTER_TABLES)}")
    if not rest or not rest[0].isascii() or not rest[0].isdigit() or int(rest[0]) > 0xFFFF:
        raise ValueError(f"{address!r}: offset {rest[0] if rest else ''!r}; valid: 0..65535")
    offset = int(rest[0])
    if table in BIT_TABLES:
        if len(rest) > 1:
            raise ValueError(f"{address!r}: a {table} has no type; valid: {table}:{offset}")
        return ModbusAddress(table, offset)
    kind = rest[1] if len(rest) > 1 else ""
    order = rest[2] if len(rest) > 2 else "ABCD"
    if kind not in TYPES:
        raise ValueError(f"{address!r}: type {kind!r}; valid: {', '.join(TYPES)}")
    if order not in ORDERS or len(rest) > 3:
        raise ValueError(f"{address!r}: byte order {':'.join(rest[2:])!r}; valid: {', '.join(ORDERS)}")
    return ModbusAddress(table, offset, kind, order)


@dataclass(frozen=True)
class Block:
    """One read request and the tags it serves."""

    table: str
    offset: int
    count: int
    addresses: tuple[tuple[str, ModbusAddress], ...]


def plan(tags: Iterable[str]) -> tuple[Block, ...]:
    """Returns the fewest block reads that serve the addresses without reading over a gap above `GAP_MAX`.

    >>> [(b.offset, b.count) for b in plan(["input:0:int16", "input:2:int32", "input:40:int16"])]
    [(0, 4), (40, 1)]
    """
    parsed = sorted(((a, parse_address(a)) for a in tags), key=lambda item: (item[1].table, item[1].offset))
    blocks: list[Block] = []
    for item in parsed:
        address = item[1]
        last = blocks[-1] if blocks else None
        end = address.offset + address.width
        limit = BITS_MAX if address.table in BIT_TABLES else REGISTERS_MAX
        joins = (
            last is not None
            and last.table == address.table
            and address.offset - (last.offset + last.count) <= GAP_MAX
            and end - last.offset <= limit
        )
        if last is not None and joins:
            count = max(last.count, end - last.offset)
            blocks[-1] = Block(last.table, last.offset, count, (*last.addresses, item))
        else:
            blocks.append(Block(address.table, address.offset, address.width, (item,)))
    return tuple(blocks)
