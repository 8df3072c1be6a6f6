"""What is known, while code is generated, about the alignment of the next byte of a CDR stream.

XCDR version 1 aligns every primitive to its own size, counted from the first byte after the 4 byte encapsulation header
(DDS-XTypes 1.3, 7.4.1). After a string the position is only known at run time; after an aligned value it is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

STRUCT_CODES: Final = {
    "boolean": "?",
    "octet": "c",
    "int8": "b",
    "uint8": "B",
    "int16": "h",
    "uint16": "H",
    "int32": "i",
    "uint32": "I",
    "int64": "q",
    "uint64": "Q",
    "float": "f",
    "double": "d",
}
SIZES: Final = {"?": 1, "c": 1, "b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}


@dataclass(frozen=True, slots=True)
class Position:
    """A stream position known to be ``remainder`` modulo ``modulus``, a power of two up to 8."""

    modulus: int
    remainder: int

    def padding(self, size: int) -> int | None:
        """Return the bytes to the next multiple of ``size``, or None where only run time can tell."""
        return -self.remainder % size if self.modulus >= size else None

    def after(self, count: int) -> Position:
        """Return the position ``count`` bytes on."""
        return Position(self.modulus, (self.remainder + count) % self.modulus)

    def meet(self, other: Position) -> Position:
        """Return what holds whichever of the two positions is the real one."""
        modulus = min(self.modulus, other.modulus)
        while (self.remainder - other.remainder) % modulus:
            modulus //= 2
        return Position(modulus, self.remainder % modulus)


START: Final = Position(8, 0)
UNKNOWN: Final = Position(1, 0)


def aligned(size: int) -> Position:
    """Return the position just after aligning to ``size``."""
    return Position(size, 0)
