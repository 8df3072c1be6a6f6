"""Spans of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.constants import S_TO_NS

if TYPE_CHECKING:
    import builtin_interfaces.msg


class DurationHandle:
    """Plain holder of nanoseconds (``rcl_duration_t``)."""

    __slots__ = ("nanoseconds",)

    def __init__(self, nanoseconds: int) -> None:
        self.nanoseconds = nanoseconds


class Duration:
    """A span of time in nanoseconds, positive or negative; a signed 64 bit number.

    Raises:
        OverflowError: the span does not fit.
    """

    __slots__ = ("__weakref__", "_nanoseconds")

    def __init__(self, *, seconds: float = 0, nanoseconds: int = 0) -> None:
        total = int(seconds * S_TO_NS) + int(nanoseconds)
        if not -(2**63) <= total < 2**63:
            raise OverflowError("Total nanoseconds value is too large to store in C duration.")
        self._nanoseconds = total

    @property
    def nanoseconds(self) -> int:
        return self._nanoseconds

    @property
    def _duration_handle(self) -> DurationHandle:
        return DurationHandle(self._nanoseconds)

    def get_c_duration(self) -> DurationHandle:
        return DurationHandle(self._nanoseconds)

    def __repr__(self) -> str:
        return f"Duration(nanoseconds={self._nanoseconds})"

    def __str__(self) -> str:
        return "Infinite" if self == Infinite else f"{self._nanoseconds} nanoseconds"

    def __hash__(self) -> int:
        return hash(self._nanoseconds)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds == other._nanoseconds
        return NotImplemented

    def __lt__(self, other: Any) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds < other._nanoseconds
        return NotImplemented

    def __le__(self, other: Any) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds <= other._nanoseconds
        return NotImplemented

    def __gt__(self, other: Any) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds > other._nanoseconds
        return NotImplemented

    def __ge__(self, other: Any) -> bool:
        if isinstance(other, Duration):
            return self._nanoseconds >= other._nanoseconds
        return NotImplemented

    def __add__(self, other: Any) -> Duration:
        if isinstance(other, Duration):
            return Duration(nanoseconds=self._nanoseconds + other._nanoseconds)
        return NotImplemented

    def __sub__(self, other: Any) -> Duration:
        if isinstance(other, Duration):
            return Duration(nanoseconds=self._nanoseconds - other._nanoseconds)
        return NotImplemented

    def __mul__(self, factor: Any) -> Duration:
        if isinstance(factor, (int, float)):
            return Duration(nanoseconds=int(self._nanoseconds * factor))
        return NotImplemented

    def to_msg(self) -> builtin_interfaces.msg.Duration:
        from builtin_interfaces.msg import Duration as DurationMsg

        seconds, nanoseconds = divmod(self._nanoseconds, S_TO_NS)
        return DurationMsg(sec=seconds, nanosec=nanoseconds)

    @classmethod
    def from_msg(cls, msg: builtin_interfaces.msg.Duration) -> Duration:
        from builtin_interfaces.msg import Duration as DurationMsg

        if not isinstance(msg, DurationMsg):
            raise TypeError("Must pass a builtin_interfaces.msg.Duration object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec)


Infinite = Duration(nanoseconds=2**63 - 1)
