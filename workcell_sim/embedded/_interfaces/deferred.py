"""Messages one field of which is only made when somebody looks at it: pictures that few of their receivers read.

A deferred message passes for one of its class everywhere: it is copied, compared, printed and serialized alike. Only
the runtime's own publishers know that a copy need not make the field.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


def defer(cls: Any, field: str, make: Callable[[], object], **values: object) -> Any:
    """Return a message of class `cls` whose `field` is what `make()` returns, called once at most.

    Args:
        cls: a message class of the embedded runtime; its other fields hold numbers, strings or messages.
        field: the field to make late.
        make: called when the field is first read, in this message or in a copy. It must not depend on when.
        values: the other fields.
    """
    message = _deferred_class(cls, field)(**values)
    message._once = _Once(make)
    return message


class _Once:
    """Makes a value once, for all copies of a message."""

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], object]) -> None:
        self._make: Callable[[], object] | None = make
        self._value: object = None

    def value(self) -> object:
        if self._make is not None:
            self._value, self._make = self._make(), None
        return self._value


@cache
def _deferred_class(cls: Any, field: str) -> Any:
    slot = f"_{field}"
    others = [name for name in cls.__slots__ if name != slot]

    def read(self: Any) -> Any:
        if self._once is not None:
            # Each copy has its own field, as it would have of a message that is not deferred.
            self._own, self._once = self._once.value()[:], None
        return self._own

    def write(self: Any, value: object) -> None:
        self._own, self._once = value, None

    def copy(message: Any) -> Any:
        if message._once is None:
            return cls._COPY(message)
        result = object.__new__(deferred)
        for name in others:
            value = getattr(message, name)
            setattr(result, name, type(value)._COPY(value) if hasattr(value, "_COPY") else value)
        result._own, result._once = None, message._once
        return result

    def equal(message: Any, other: object) -> bool:
        return isinstance(other, cls) and cls.__eq__(other, message)

    namespace = {
        "__slots__": ("_once", "_own"),
        "__module__": cls.__module__,
        "__doc__": cls.__doc__,
        slot: property(read, write),
        "__eq__": equal,
        "_COPY": staticmethod(copy),
    }
    deferred = type(cls)(cls.__name__, (cls,), namespace)
    return deferred
