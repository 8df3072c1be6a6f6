"""What every buffer offers, and the registry of the types it can transform."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from rclpy.duration import Duration
from rclpy.time import Time
from std_msgs.msg import Header


class TypeException(Exception):
    """A type is not registered for transformation or conversion."""

    def __init__(self, errstr: str) -> None:
        super().__init__(errstr)
        self.errstr = errstr


class NotImplementedException(Exception):
    """A subclass of `BufferInterface` lacks a lookup."""

    def __init__(self) -> None:
        self.errstr = "CanTransform or LookupTransform not implemented"
        super().__init__(self.errstr)


class BufferInterface:
    """Transforms stamped objects by the lookups that a subclass implements."""

    def __init__(self) -> None:
        self.registration = TransformRegistration()

    def transform(
        self, object_stamped: Any, target_frame: str, timeout: Duration = Duration(), new_type: Any = None
    ) -> Any:
        """Return an object in another frame, converted to another type where one is named.

        Raises:
            TypeException: The object's type is not registered; import a package such as tf2_geometry_msgs.
            TransformException: The transform is not known.
        """
        do_transform = self.registration.get(type(object_stamped))
        header = object_stamped.header
        result = do_transform(
            object_stamped, self.lookup_transform(target_frame, header.frame_id, header.stamp, timeout)
        )
        return result if new_type is None else convert(result, new_type)

    def transform_full(
        self,
        object_stamped: Any,
        target_frame: str,
        target_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
        new_type: Any = None,
    ) -> Any:
        """Return an object in another frame at another time, relative to a frame fixed meanwhile.

        Raises:
            TypeException: The object's type is not registered; import a package such as tf2_geometry_msgs.
            TransformException: The transform is not known.
        """
        do_transform = self.registration.get(type(object_stamped))
        header = object_stamped.header
        result = do_transform(
            object_stamped,
            self.lookup_transform_full(target_frame, target_time, header.frame_id, header.stamp, fixed_frame, timeout),
        )
        return result if new_type is None else convert(result, new_type)

    def lookup_transform(self, target_frame: str, source_frame: str, time: Time, timeout: Duration = Duration()) -> Any:
        """Return where the source frame lies in the target frame."""
        raise NotImplementedException

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
    ) -> Any:
        """Return where the source frame was at one time in the target frame at another."""
        raise NotImplementedException

    def can_transform(self, target_frame: str, source_frame: str, time: Time, timeout: Duration = Duration()) -> Any:
        """Return whether `lookup_transform` would give an answer."""
        raise NotImplementedException

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
    ) -> Any:
        """Return whether `lookup_transform_full` would give an answer."""
        raise NotImplementedException


def Stamped(obj: Any, stamp: Any, frame_id: str) -> Any:
    """Give an object a header."""
    obj.header = Header(frame_id=frame_id, stamp=stamp)
    return obj


class TransformRegistration:
    """How types are transformed; one registry for all buffers."""

    _callbacks: dict[Any, Callable[[Any, Any], Any]] = {}

    def print_me(self) -> None:
        """Print the registry."""
        print(self._callbacks)

    def add(self, key: Any, callback: Callable[[Any, Any], Any]) -> None:
        """Register ``callback(object, transform)`` for a type."""
        self._callbacks[key] = callback

    def get(self, key: Any) -> Callable[[Any, Any], Any]:
        """Return how a type is transformed."""
        return _registered(self._callbacks, key)


class ConvertRegistration:
    """How types are converted into messages, from messages and into each other; one registry for all."""

    _to_msg: dict[Any, Callable[[Any], Any]] = {}
    _from_msg: dict[Any, Callable[[Any], Any]] = {}
    _direct: dict[tuple[Any, Any], Callable[[Any], Any]] = {}

    def add_from_msg(self, key: Any, callback: Callable[[Any], Any]) -> None:
        """Register how a type is made from its message."""
        self._from_msg[key] = callback

    def add_to_msg(self, key: Any, callback: Callable[[Any], Any]) -> None:
        """Register how a type becomes its message."""
        self._to_msg[key] = callback

    def add_convert(self, key: tuple[Any, Any], callback: Callable[[Any], Any]) -> None:
        """Register how the first of two types becomes the second."""
        self._direct[key] = callback

    def get_from_msg(self, key: Any) -> Callable[[Any], Any]:
        """Return how a type is made from its message."""
        return _registered(self._from_msg, key)

    def get_to_msg(self, key: Any) -> Callable[[Any], Any]:
        """Return how a type becomes its message."""
        return _registered(self._to_msg, key)

    def get_convert(self, key: tuple[Any, Any]) -> Callable[[Any], Any]:
        """Return how the first of two types becomes the second."""
        return _registered(self._direct, key)


def _registered(registry: dict[Any, Any], key: Any) -> Any:
    if key not in registry:
        raise TypeException(f"Type {key} is not loaded or supported")
    return registry[key]


def convert(a: Any, b_type: Any) -> Any:
    """Return an object as another type: directly where that is registered, else by way of its message."""
    registration = ConvertRegistration()
    try:
        direct = registration.get_convert((type(a), b_type))
    except TypeException:
        if type(a) is b_type:
            return deepcopy(a)
        return registration.get_from_msg(b_type)(registration.get_to_msg(type(a))(a))
    return direct(a)
