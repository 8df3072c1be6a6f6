"""Source of the functions that write a message as CDR.

Neighbouring numbers, also those of nested messages, are packed by one ``struct`` call with their padding in its format;
numeric sequences are appended as blocks of memory.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from . import store
from .cdr_source import CdrSource
from .layout import SIZES, STRUCT_CODES, UNKNOWN, aligned
from .model import Field, FieldType, MessageSpec, Shape

# The buffer starts with the 4 byte header, so that alignment to 8 counts from 4.
PADDING = {
    2: tuple(bytes(-length % 2) for length in range(8)),
    4: tuple(bytes(-length % 4) for length in range(8)),
    8: tuple(bytes((4 - length) % 8) for length in range(8)),
}


def build_writer(spec: MessageSpec) -> Callable[[Any, bytearray], None]:
    """Return the function that appends a message to a buffer holding the encapsulation header.

    The function raises ``struct.error``, ``TypeError``, ``ValueError``, ``AttributeError`` or ``OverflowError`` where a
    field holds what its type cannot.
    """
    writer = _Writer()
    writer.message("message", spec)
    writer.flush()
    source = "\n".join(["def write(message, buffer):", *writer.lines])
    namespace = writer.namespace
    exec(compile(source, f"<generated CDR writer of {spec.name}>", "exec"), namespace)
    return namespace["write"]


def refuse(what: str) -> None:
    """Refuse a value that breaks a bound."""
    raise ValueError(what)


class _Writer(CdrSource):
    def __init__(self) -> None:
        super().__init__({"refuse": refuse, **{f"PAD{n}": table for n, table in PADDING.items()}})

    def message(self, variable: str, spec: MessageSpec) -> None:
        for field in spec.wire_fields:
            if not spec.fields:
                self._number("B", "0")
            elif field.type.shape is Shape.SCALAR:
                self._scalar(f"{variable}._{field.name}", field.type)
            elif field.type.is_numeric_array:
                self._numeric(f"{variable}._{field.name}", field)
            else:
                self._elements(f"{variable}._{field.name}", field)

    def flush(self) -> None:
        """Write the numbers collected so far."""
        if not self._run:
            return
        values = [expression for code, expression in self._run if code != "x"]
        layout = "<" + "".join(code for code, _ in self._run)
        name = f"pack_{layout[1:].replace('?', 'o')}"
        self.namespace[name] = struct.Struct(layout).pack
        self._run = []
        self._line(f"buffer += {name}({', '.join(values)})")

    def _aligning(self, size: int) -> str:
        return f"buffer += PAD{size}[len(buffer) & 7]"

    def _number(self, code: str, expression: str) -> None:
        size = SIZES[code]
        self._align(size)
        self._run.append((code, expression))
        self._position = self._position.after(size)

    def _scalar(self, expression: str, kind: FieldType) -> None:
        if kind.is_message:
            variable = self._name()
            self._line(f"{variable} = {expression}")
            self.message(variable, store.load_any(kind.base))
        elif kind.base == "string":
            self._string(expression, kind)
        elif kind.base == "wstring":
            self._wide_string(expression, kind)
        elif kind.base == "char":
            self._number("B", f"ord({expression})")
        else:
            self._number(STRUCT_CODES[kind.base], expression)

    def _string(self, expression: str, kind: FieldType) -> None:
        variable = self._name()
        self._line(f"{variable} = {expression}.encode()")
        self._refuse_longer(f"len({expression})", kind.string_bound)
        self._number("I", f"len({variable}) + 1")
        self.flush()
        self._line(f"buffer += {variable}")
        self._line("buffer += b'\\x00'")
        self._position = UNKNOWN

    def _wide_string(self, expression: str, kind: FieldType) -> None:
        """ROS 2 widens each UTF-16 code unit to 4 bytes and writes no terminator."""
        variable = self._name()
        self._line(f"{variable} = {expression}.encode('utf-16-le')")
        self._refuse_longer(f"len({variable}) // 2", kind.string_bound)
        self._number("I", f"len({variable}) // 2")
        self.flush()
        self.namespace["widen"] = widen
        self._line(f"buffer += widen({variable})")
        self._position = aligned(4)

    def _refuse_longer(self, length: str, bound: int) -> None:
        if bound:
            self._line(f"if {length} > {bound}: refuse('longer than {bound}')")

    def _numeric(self, expression: str, field: Field) -> None:
        kind, variable = field.type, self._name()
        size = SIZES[STRUCT_CODES[kind.base]]
        self._line(f"{variable} = {expression}")
        if kind.shape is Shape.ARRAY:
            self._line(f"if {variable}.size != {kind.size}: refuse('size')")
            self._align(size)
            self.flush()
            self._line(f"buffer += {variable}.tobytes()")
            self._position = self._position.after(size * kind.size)
            return
        if kind.shape is Shape.BOUNDED:
            self._refuse_longer(f"len({variable})", kind.size)
        self._number("I", f"len({variable})")
        self.flush()
        if size == 8:
            # An empty sequence is not followed by the padding of its elements.
            self._line(f"if {variable}: buffer += PAD8[len(buffer) & 7]")
        self._line(f"buffer += {variable}")
        self._position = aligned(min(size, 4))

    def _elements(self, expression: str, field: Field) -> None:
        kind, variable = field.type, self._name()
        self._line(f"{variable} = {expression}")
        if kind.shape is Shape.ARRAY:
            self._line(f"if len({variable}) != {kind.size}: refuse('size')")
        else:
            if kind.shape is Shape.BOUNDED:
                self._refuse_longer(f"len({variable})", kind.size)
            self._number("I", f"len({variable})")
        self.flush()
        item = self._name()
        entry = self._loop_entry(item, kind.element)
        self._line(f"for {item} in {variable}:")
        self._body(item, kind.element, entry)
        self._position = entry

    def _fresh(self) -> _Writer:
        return _Writer()


def widen(units: bytes) -> bytes:
    """Return UTF-16 code units as 32 bit little endian numbers."""
    result = bytearray(2 * len(units))
    result[0::4] = units[0::2]
    result[1::4] = units[1::2]
    return bytes(result)
