"""Modbus addresses and how registers hold values; pure.

`[unit/]table:offset:type[:order]`, offsets counted from 0 as on the wire:

    coil:5   discrete:0                    one bit
    holding:10:int16   input:3:float32     a number
    7/holding:40:uint64:CDAB               of the unit 7 behind a gateway, the lower word first
    holding:12:bit3                        bit 3 of a register, bit 0 the lowest
    holding:100:string16                   sixteen bytes of text, up to the first NUL
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

BIT_TABLES = ("coil", "discrete")
REGISTER_TABLES = ("holding", "input")
TABLES = BIT_TABLES + REGISTER_TABLES
ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")
"""Of a four-byte value as the manuals write it; CDAB has the lower word first, BADC the bytes of each word swapped."""
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
OFFSETS = 1 << 16
UNIT_MAX = 255
STRING_BYTES_MAX = 2 * REGISTERS_MAX
_BIT = re.compile(r"bit(\d|1[0-5])")
_STRING = re.compile(r"string([1-9]\d{0,2})")


@dataclass(frozen=True)
class ModbusAddress:
    """Where a value lies in a device."""

    table: str
    offset: int
    kind: str = "bit"
    order: str = "ABCD"
    unit: int | None = None
    """None: the source's `device_id`."""

    @property
    def is_text(self) -> bool:
        """Whether it holds a text."""
        return self.kind.startswith("string")

    @property
    def bit(self) -> int | None:
        """Which bit of its register it is; None where it is the whole."""
        return int(self.kind[3:]) if self.kind.startswith("bit") and self.kind != "bit" else None

    @property
    def text_bytes(self) -> int:
        """Bytes that a text takes."""
        return int(self.kind.removeprefix("string"))

    @property
    def width(self) -> int:
        """Registers (or bits) it takes."""
        if self.kind in TYPES:
            return struct.calcsize(TYPES[self.kind]) // 2
        return (self.text_bytes + 1) // 2 if self.is_text else 1

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.width

    def decode(self, registers: Sequence[int]) -> float:
        """Returns the number that `width` registers hold.

        >>> parse_address("input:0:int32:CDAB").decode([0x0001, 0xFFFF])
        -65535.0
        >>> parse_address("input:0:bit3").decode([0b1000])
        1.0
        """
        if self.bit is not None:
            return float(registers[0] >> self.bit & 1)
        data = _reorder(struct.pack(f">{self.width}H", *registers), self.order)
        return float(struct.unpack(f">{TYPES[self.kind]}", data)[0])

    def decode_text(self, registers: Sequence[int]) -> str:
        """Returns the text that `width` registers hold, without what pads it.

        >>> parse_address("holding:0:string5").decode_text([0x4142, 0x4320, 0x2000])
        'ABC'
        """
        data = _reorder(struct.pack(f">{self.width}H", *registers), self.order)
        # Latin-1 has a character for every byte; devices' own alphabets agree with it at least in ASCII.
        return data[: self.text_bytes].partition(b"\0")[0].decode("latin-1").rstrip()

    def encode(self, value: float) -> list[int]:
        """Returns the registers that hold a number, rounded and held within the range of an integer type."""
        if self.bit is not None:
            return [1 << self.bit if value else 0]
        number: float = value
        if self.kind not in ("float32", "float64"):
            number = _held(round(value), self.kind)
        data = _reorder(struct.pack(f">{TYPES[self.kind]}", number), self.order)
        return list(struct.unpack(f">{self.width}H", data))


def _held(value: int, kind: str) -> int:
    bits = 8 * struct.calcsize(TYPES[kind])
    low, high = (0, (1 << bits) - 1) if kind.startswith("u") else (-(1 << bits - 1), (1 << bits - 1) - 1)
    return min(max(value, low), high)


def _reorder(data: bytes, order: str) -> bytes:
    """Returns big-endian bytes in an order, or back: each order is its own inverse."""
    words = [data[i : i + 2] for i in range(0, len(data), 2)]
    if order in ("CDAB", "DCBA"):
        words.reverse()
    if order in ("BADC", "DCBA"):
        words = [word[::-1] for word in words]
    return b"".join(words)


def parse_address(address: str) -> ModbusAddress:
    """Returns an address as its parts.

    Raises:
        ValueError: says which part is wrong and what would be valid.

    >>> parse_address("input:3:int16")
    ModbusAddress(table='input', offset=3, kind='int16', order='ABCD', unit=None)
    """
    before, slash, place = address.rpartition("/")
    unit = _number(before, UNIT_MAX) if slash else None
    if slash and unit is None:
        raise ValueError(f"{address!r}: unit {before!r}; valid: 0..{UNIT_MAX}")
    table, *rest = place.split(":")
    if table not in TABLES:
        raise ValueError(f"{address!r}: table {table!r}; valid: {', '.join(TABLES)}")
    offset = _number(rest[0] if rest else "", OFFSETS - 1)
    if offset is None:
        raise ValueError(f"{address!r}: offset {rest[0] if rest else ''!r}; valid: 0..{OFFSETS - 1}")
    if table in BIT_TABLES:
        if len(rest) > 1:
            raise ValueError(f"{address!r}: a {table} has no type; valid: {table}:{offset}")
        return ModbusAddress(table, offset, unit=unit)
    return _parse_register(address, ModbusAddress(table, offset, unit=unit), rest[1:])


def _parse_register(text: str, place: ModbusAddress, rest: list[str]) -> ModbusAddress:
    kind = rest[0] if rest else ""
    order = rest[1] if len(rest) > 1 else "ABCD"
    is_string = _STRING.fullmatch(kind)
    if kind not in TYPES and not _BIT.fullmatch(kind) and not is_string:
        raise ValueError(f"{text!r}: type {kind!r}; valid: {', '.join(TYPES)}, bit0..bit15, string1..string250")
    if is_string and int(is_string[1]) > STRING_BYTES_MAX:
        raise ValueError(f"{text!r}: {kind} is longer than one request reads; valid: string1..string{STRING_BYTES_MAX}")
    orders = ("ABCD", "BADC") if is_string else ("ABCD",) if kind not in TYPES else ORDERS
    if order not in orders or len(rest) > 2:
        raise ValueError(f"{text!r}: byte order {':'.join(rest[1:])!r}; valid: {', '.join(orders)}")
    found = ModbusAddress(place.table, place.offset, kind, order, place.unit)
    if found.end > OFFSETS:
        raise ValueError(f"{text!r}: ends behind the last register; valid: an offset up to {OFFSETS - found.width}")
    return found


def _number(text: str, high: int) -> int | None:
    is_number = text.isascii() and text.isdigit() and len(text) <= 5
    return int(text) if is_number and int(text) <= high else None
