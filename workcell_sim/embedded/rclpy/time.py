"""Points in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.clock_type import ClockType
from rclpy.constants import S_TO_NS
from rclpy.duration import Duration

if TYPE_CHECKING:
    import builtin_interfaces.msg


_new = object.__new__


class TimeHandle:
    """Plain holder of a time point (``rcl_time_point_t``)."""

    __slots__ = ("clock_type", "nanoseconds")

    def __init__(self, nanoseconds: int, clock_type: ClockType) -> None:
        self.nanoseconds = nanoseconds
        self.clock_type = clock_type


class Time:
    """A point in time of one kind of clock, not before zero and within a signed 64 bit number of nanoseconds.

    Raises:
        TypeError: ``clock_type`` is not a :class:`ClockType`.
        ValueError: negative.
        OverflowError: too large.
    """

    __slots__ = ("__weakref__", "_clock_type", "_nanoseconds")

    def __init__(
        self, *, seconds: float = 0, nanoseconds: int = 0, clock_type: ClockType = ClockType.SYSTEM_TIME
    ) -> None:
        if not isinstance(clock_type, ClockType):
            raise TypeError("Clock type must be a ClockType enum")
        if seconds < 0:
            raise ValueError("Seconds value must not be negative")
        if nanoseconds < 0:
            raise ValueError("Nanoseconds value must not be negative")
        total = int(seconds * S_TO_NS) + int(nanoseconds)
        if total >= 2**63:
            raise OverflowError("Total nanoseconds value is too large to store in C time point.")
        self._nanoseconds = total
        self._clock_type = clock_type

    @classmethod
    def _of(cls, nanoseconds: int, clock_type: ClockType) -> Time:
        """A time that needs no checks, because a clock shows it."""
        time = _new(cls)
        time._nanoseconds = nanoseconds
        time._clock_type = clock_type
        return time

    @property
    def nanoseconds(self) -> int:
        return self._nanoseconds

    @property
    def clock_type(self) -> ClockType:
        return self._clock_type

    @property
    def _time_handle(self) -> TimeHandle:
        return TimeHandle(self._nanoseconds, self._clock_type)

    def seconds_nanoseconds(self) -> tuple[int, int]:
        """Whole seconds and the rest in nanoseconds."""
        return self._nanoseconds // S_TO_NS, self._nanoseconds % S_TO_NS

    def __repr__(self) -> str:
        return f"Time(nanoseconds={self._nanoseconds}, clock_type={self._clock_type.name})"

    def __add__(self, other: Any) -> Time:
        if not isinstance(other, Duration):
            return NotImplemented
        try:
            return Time(nanoseconds=self._nanoseconds + other.nanoseconds, clock_type=self._clock_type)
        except OverflowError as error:
            raise OverflowError("Addition leads to overflow in C storage.") from error

    def __radd__(self, other: Any) -> Time:
        return self.__add__(other)

    def __sub__(self, other: Any) -> Any:
        if isinstance(other, Time):
            if self._clock_type != other._clock_type:
                raise TypeError("Can't subtract times with different clock types")
            try:
                return Duration(nanoseconds=self._nanoseconds - other._nanoseconds)
            except ValueError as error:
                raise ValueError("Subtraction leads to negative duration.") from error
        if isinstance(other, Duration):
            try:
                return Time(nanoseconds=self._nanoseconds - other.nanoseconds, clock_type=self._clock_type)
            except ValueError as error:
                raise ValueError("Subtraction leads to negative time.") from error
        return NotImplemented

    def _comparable(self, other: Any) -> bool:
        if not isinstance(other, Time):
            return False
        if self._clock_type != other._clock_type:
            raise TypeError("Can't compare times with different clock types")
        return True

    def __hash__(self) -> int:
        return hash((self._nanoseconds, self._clock_type))

    def __eq__(self, other: object) -> bool:
        if self._comparable(other):
            return self._nanoseconds == other._nanoseconds  # type: ignore[attr-defined]
        return NotImplemented

    def __lt__(self, other: Any) -> bool:
        if self._comparable(other):
            return self._nanoseconds < other._nanoseconds
        return NotImplemented

    def __le__(self, other: Any) -> bool:
        if self._comparable(other):
            return self._nanoseconds <= other._nanoseconds
        return NotImplemented

    def __gt__(self, other: Any) -> bool:
        if self._comparable(other):
            return self._nanoseconds > other._nanoseconds
        return NotImplemented

    def __ge__(self, other: Any) -> bool:
        if self._comparable(other):
            return self._nanoseconds >= other._nanoseconds
        return NotImplemented

    def to_msg(self) -> builtin_interfaces.msg.Time:
        from builtin_interfaces.msg import Time as TimeMsg

        return TimeMsg(sec=self._nanoseconds // S_TO_NS, nanosec=self._nanoseconds % S_TO_NS)

    @classmethod
    def from_msg(cls, msg: builtin_interfaces.msg.Time, clock_type: ClockType = ClockType.ROS_TIME) -> Time:
        from builtin_interfaces.msg import Time as TimeMsg

        if not isinstance(msg, TimeMsg):
            raise TypeError("Must pass a builtin_interfaces.msg.Time object")
        return cls(seconds=msg.sec, nanoseconds=msg.nanosec, clock_type=clock_type)
