"""Source of the functions that read a message from CDR, of either byte order."""

from __future__ import annotations

import array
import struct
from collections.abc import Callable
from typing import Any

import numpy

from . import store
from .cdr_source import CdrSource
from .checks import DTYPES, TYPECODES
from .layout import SIZES, STRUCT_CODES, UNKNOWN, aligned
from .model import Field, FieldType, MessageSpec, Shape


class CdrError(ValueError):
    """Bytes are no CDR form of the message they are said to be."""


def build_reader(
    spec: MessageSpec, find_class: Callable[[str], Any], check_fields: bool, big_endian: bool
) -> Callable[[bytes], tuple[Any, int]]:
    """Return the function that makes a message from bytes including the encapsulation header.

    It returns the message and the position after its last byte, and raises `CdrError`, ``struct.error`` or
    ``OverflowError`` where the bytes end early.
    """
    reader = _Reader(find_class, ">" if big_endian else "<")
    variable = reader.message(spec)
    reader.flush()
    source = "\n".join(
        [
            "def read(data):",
            "    position = 4",
            "    end = len(data)",
            *reader.lines,
            f"    return {variable}, position",
        ]
    )
    namespace = {**reader.namespace, "CHECK": check_fields}
    exec(compile(source, f"<generated CDR reader of {spec.name}>", "exec"), namespace)
    return namespace["read"]


def short(position: int, end: int) -> None:
    """Refuse data that end before what they announce."""
    raise CdrError(f"the data end at byte {end}, but byte {position} is needed")


def too_many(count: int, bound: int) -> None:
    """Refuse more elements than the type allows."""
    raise CdrError(f"{count} elements or characters where the type allows at most {bound}")


class _Reader(CdrSource):
    def __init__(self, find_class: Callable[[str], Any], order: str) -> None:
        used = {"array": array.array, "numpy": numpy, "new": object.__new__, "short": short, "too_many": too_many}
        super().__init__(used)
        self._find_class = find_class
        self._order = order

    def message(self, spec: MessageSpec) -> str:
        """Emit the reading of a message and return the variable that holds it."""
        variable = self._name()
        cls = f"class_{spec.name.replace('/', '_')}"
        self.namespace[cls] = self._find_class(spec.name)
        self._line(f"{variable} = new({cls})")
        self._line(f"{variable}._check_fields = CHECK")
        if not spec.fields:
            self._number("B", self._name())
        for field in spec.fields:
            target = f"{variable}._{field.name}"
            if field.type.shape is Shape.SCALAR:
                self._scalar(target, field.type)
            elif field.type.is_numeric_array:
                self._numeric(target, field)
            else:
                self._elements(target, field)
        return variable

    def flush(self) -> None:
        """Read the numbers collected so far."""
        if not self._run:
            return
        targets = [target for code, target in self._run if code != "x"]
        layout = self._order + "".join(code for code, _ in self._run)
        name = f"unpack_{layout[1:].replace('?', 'o')}"
        packer = struct.Struct(layout)
        self.namespace[name] = packer.unpack_from
        self._run = []
        if targets:
            self._line(f"{', '.join(targets)}, = {name}(data, position)")
        self._line(f"position += {packer.size}")

    def _aligning(self, size: int) -> str:
        # The header's 4 bytes do not count.
        return "position = (position + 3 & -8) + 4" if size == 8 else f"position = position + {size - 1} & -{size}"

    def _number(self, code: str, target: str) -> None:
        size = SIZES[code]
        self._align(size)
        self._run.append((code, target))
        self._position = self._position.after(size)

    def _scalar(self, target: str, kind: FieldType) -> None:
        if kind.is_message:
            self._line(f"{target} = {self.message(store.load_any(kind.base))}")
        elif kind.base == "string":
            self._string(target, kind)
        elif kind.base == "wstring":
            self._wide_string(target, kind)
        elif kind.base == "char":
            code = self._name()
            self._number("B", code)
            self.flush()
            self._line(f"{target} = chr({code})")
        else:
            self._number(STRUCT_CODES[kind.base], target)

    def _count(self, bound: int) -> str:
        count = self._name()
        self._number("I", count)
        self.flush()
        if bound:
            self._line(f"if {count} > {bound}: too_many({count}, {bound})")
        return count

    def _string(self, target: str, kind: FieldType) -> None:
        count = self._count(0)
        start = self._name()
        self._line(f"{start} = position")
        self._line(f"position += {count}")
        self._line("if position > end: short(position, end)")
        # The length counts the terminator; some writers give 0 for an empty string.
        self._line(f"{target} = str(data[{start}:position - 1], 'utf-8', 'replace') if {count} else ''")
        if kind.string_bound:
            self._line(f"if len({target}) > {kind.string_bound}: too_many(len({target}), {kind.string_bound})")
        self._position = UNKNOWN

    def _wide_string(self, target: str, kind: FieldType) -> None:
        count = self._count(kind.string_bound)
        start = self._name()
        self.namespace["narrow"] = narrow
        self._line(f"{start} = position")
        self._line(f"position += 4 * {count}")
        self._line("if position > end: short(position, end)")
        self._line(f"{target} = narrow(data[{start}:position], {self._order == '>'})")
        self._position = aligned(4)

    def _numeric(self, target: str, field: Field) -> None:
        kind = field.type
        code = TYPECODES[kind.base]
        size = SIZES[code]
        if kind.shape is Shape.ARRAY:
            self._align(size)
            self.flush()
            raw = f"numpy.frombuffer(data, '{self._order}{code}', {kind.size}, position)"
            self._line(f"{target} = {raw}.astype({DTYPES[kind.base]})")
            self._line(f"position += {size * kind.size}")
            self._position = self._position.after(size * kind.size)
            return
        count = self._count(kind.size)
        values, start = self._name(), self._name()
        if size == 8:
            self._line(f"if {count}: position = (position + 3 & -8) + 4")
        self._line(f"{start} = position")
        self._line(f"position += {size} * {count}")
        self._line("if position > end: short(position, end)")
        self._line(f"{values} = array('{code}')")
        self._line(f"{values}.frombytes(data[{start}:position])")
        if self._order == ">" and size > 1:
            self._line(f"{values}.byteswap()")
        self._line(f"{target} = {values}")
        self._position = aligned(min(size, 4))

    def _elements(self, target: str, field: Field) -> None:
        kind = field.type
        rounds = str(kind.size) if kind.shape is Shape.ARRAY else self._count(kind.size)
        self.flush()
        values, item = self._name(), self._name()
        self._line(f"{values} = []")
        entry = self._loop_entry(item, kind.element)
        self._line(f"for _ in range({rounds}):")
        self._body(item, kind.element, entry, f"{values}.append({item})")
        self._line(f"{target} = {values}")
        self._position = entry

    def _fresh(self) -> _Reader:
        return _Reader(self._find_class, self._order)


def narrow(units: bytes, big_endian: bool) -> str:
    """Return the text of UTF-16 code units written as 32 bit numbers."""
    codes = array.array("I", units)
    if big_endian:
        codes.byteswap()
    if codes and max(codes) > 0xFFFF:
        raise CdrError(f"a wstring holds {max(codes):#x}, which is no UTF-16 code unit")
    return array.array("H", codes).tobytes().decode("utf-16-le", "replace")
