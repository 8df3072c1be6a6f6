"""Hashes of type descriptions (REP-2011)."""

from __future__ import annotations

from typing import Any


class TypeHash:
    """Version and value of a hash; a version below one means that there is none."""

    _TYPE_HASH_SIZE = 32
    __slots__ = ("_value", "_version")

    def __init__(self, version: int = -1, value: bytes = bytes(_TYPE_HASH_SIZE)) -> None:
        self.version = version
        self.value = value

    @property
    def version(self) -> int:
        return self._version

    @version.setter
    def version(self, value: int) -> None:
        assert isinstance(value, int)
        self._version = value

    @property
    def value(self) -> bytes:
        return self._value

    @value.setter
    def value(self, value: bytes) -> None:
        assert isinstance(value, bytes)
        self._value = value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, TypeHash):
            return False
        return self._version == other._version and self._value == other._value

    def __hash__(self) -> int:
        return hash((self._version, self._value))

    def __str__(self) -> str:
        if self._version <= 0 or len(self._value) != self._TYPE_HASH_SIZE:
            return "INVALID"
        return f"RIHS{self._version:02}_{self._value.hex()}"


def type_hash_of(interface: Any) -> TypeHash:
    """Hash of an interface class, if its package brings one."""
    text = getattr(interface, "_TYPE_HASH", None)
    if not text:
        return TypeHash()
    version, _, digits = text.removeprefix("RIHS").partition("_")
    return TypeHash(int(version), bytes.fromhex(digits))
