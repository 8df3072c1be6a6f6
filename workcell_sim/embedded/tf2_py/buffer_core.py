"""The buffer of transforms behind ``tf2_ros.Buffer``."""

from __future__ import annotations

import math
import threading
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.logging import get_logger
from rclpy.time import Time

from .exceptions import InvalidArgumentException, LookupException, TransformException
from .frame_tree import FrameTree, Motion
from .rotation import ZERO, Quaternion, Vector, add, canonical, multiply, rotate
from .time_cache import LATEST_NS, Sample, show_time
from .velocity import velocity

DEFAULT_CACHE_NS = 10_000_000_000
NS_PER_S = 1_000_000_000


class BufferCore:
    """Keeps what was said of frames for a while and tells where one lies in another.

    Args:
        cache_time: How long moving frames are kept, 10 s where not given; anything with ``nanoseconds``, or with
            ``sec`` and ``nanosec``.
    """

    def __init__(self, cache_time: Any = None) -> None:
        cache_ns = DEFAULT_CACHE_NS if cache_time is None else _nanoseconds(cache_time, "duration")
        self._tree = FrameTree(cache_ns)
        self._lock = threading.RLock()

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        """Take in a moving frame's place; what is not valid is logged and dropped."""
        self._set(transform, authority, is_static=False)

    def set_transform_static(self, transform: TransformStamped, authority: str) -> None:
        """Take in a fixed frame's place; what is not valid is logged and dropped."""
        self._set(transform, authority, is_static=True)

    def _set(self, message: TransformStamped, authority: str, is_static: bool) -> None:
        parent = message.header.frame_id.removeprefix("/")
        child = message.child_frame_id.removeprefix("/")
        move, turn = message.transform.translation, message.transform.rotation
        translation: Vector = (move.x, move.y, move.z)
        # As in tf2, any length will do: only the direction counts.
        rotation = canonical((turn.x, turn.y, turn.z, turn.w))
        complaint = _complaint(parent, child, translation, rotation, authority)
        if complaint:
            get_logger("tf2_buffer").error(complaint)
            return
        stamp_ns = _nanoseconds(message.header.stamp, "time")
        sample = Sample(stamp_ns, translation, rotation, parent)
        with self._lock:
            cache = self._tree.cache_for(child, is_static)
            self._tree.caches.setdefault(parent, None)
            if cache.insert(sample):
                self._tree.authorities[child] = authority
                return
        get_logger("tf2_buffer").warning(
            f"TF_OLD_DATA ignoring data from the past for frame {child} at time {show_time(stamp_ns)} "
            f"according to authority {authority}\n"
            "Possible reasons are listed at http://wiki.ros.org/tf/Errors%20explained"
        )

    def lookup_transform_core(self, target_frame: str, source_frame: str, time: Any) -> TransformStamped:
        """Return where the source frame lies in the target frame at a time (0: the newest common time).

        Raises:
            InvalidArgumentException: A frame's name is empty or starts with a slash.
            LookupException: A frame does not exist.
            ConnectivityException: The frames are in different trees.
            ExtrapolationException: The time lies outside of what is known.
        """
        with self._lock:
            motion = self._motion(target_frame, source_frame, _nanoseconds(time, "time"))
        return _message(target_frame, source_frame, motion)

    def lookup_transform_full_core(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> TransformStamped:
        """Return where the source frame was at one time in the target frame at another, the fixed frame at rest.

        Raises:
            TransformException: As `lookup_transform_core`.
        """
        with self._lock:
            for label, frame in (("target", target_frame), ("source", source_frame), ("fixed", fixed_frame)):
                self._validate(f"lookupTransform argument {label}_frame", frame)
            first = self._motion(fixed_frame, source_frame, _nanoseconds(source_time, "time"))
            second = self._motion(target_frame, fixed_frame, _nanoseconds(target_time, "time"))
        translation = add(rotate(second.rotation, first.translation), second.translation)
        both = Motion(translation, multiply(second.rotation, first.rotation), second.time_ns)
        return _message(target_frame, source_frame, both)

    def _motion(self, target: str, source: str, time_ns: int) -> Motion:
        if target == source:
            # Also for a frame nobody has heard of.
            if time_ns == LATEST_NS:
                time_ns = self._tree.latest_common_time(target, source)
        else:
            self._validate("lookupTransform argument target_frame", target)
            self._validate("lookupTransform argument source_frame", source)
        return self._tree.motion(target, source, time_ns)

    def _validate(self, where: str, frame: str) -> None:
        reason = _name_complaint(frame)
        if reason:
            raise InvalidArgumentException(f'Invalid argument "{frame}" passed to {where} - {reason}')
        if frame not in self._tree.caches:
            raise LookupException(f'"{frame}" passed to {where} does not exist. ')

    def can_transform_core(self, target_frame: str, source_frame: str, time: Any) -> tuple[bool, str]:
        """Return whether a lookup would give an answer, and why not."""
        if target_frame == source_frame:
            return True, ""
        with self._lock:
            for label, frame in (("target", target_frame), ("source", source_frame)):
                complaint = self._unknown(f"canTransform argument {label}_frame", frame)
                if complaint:
                    return False, complaint
            return self._possible(target_frame, source_frame, _nanoseconds(time, "time"))

    def can_transform_full_core(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> tuple[bool, str]:
        """Return whether a lookup over two times would give an answer, and why not."""
        with self._lock:
            for label, frame in (("target", target_frame), ("source", source_frame), ("fixed", fixed_frame)):
                complaint = self._unknown(f"canTransform argument {label}_frame", frame)
                if complaint:
                    return False, complaint
            possible, reason = self._possible(target_frame, fixed_frame, _nanoseconds(target_time, "time"))
            if not possible:
                return False, reason
            return self._possible(fixed_frame, source_frame, _nanoseconds(source_time, "time"))

    def _unknown(self, where: str, frame: str) -> str:
        reason = _name_complaint(frame) or ("" if frame in self._tree.caches else "frame does not exist")
        return f'Invalid frame ID "{frame}" passed to {where} - {reason}' if reason else ""

    def _possible(self, target: str, source: str, time_ns: int) -> tuple[bool, str]:
        try:
            self._tree.motion(target, source, time_ns)
        except TransformException as error:
            return False, str(error)
        return True, ""

    def get_latest_common_time(self, target_frame: str, source_frame: str) -> Any:
        """Return the newest time at which both frames and all between them are known, as ``rclpy.time.Time``.

        Raises:
            TransformException: A frame does not exist, or the frames are in different trees.
        """
        with self._lock:
            for frame in (target_frame, source_frame):
                self._validate("get_latest_common_time", frame)
            return Time(nanoseconds=self._tree.latest_common_time(target_frame, source_frame))

    def all_frames_as_yaml(self) -> str:
        """Return rate, age and origin of every frame as YAML."""
        with self._lock:
            return self._tree.as_yaml()

    def all_frames_as_string(self) -> str:
        """Return one line per frame that has a parent."""
        with self._lock:
            return self._tree.as_text()

    def clear(self) -> None:
        """Forget everything that moves."""
        with self._lock:
            self._tree.clear()

    def _chain(
        self, target_frame: str, target_time: Any, source_frame: str, source_time: Any, fixed_frame: str
    ) -> list[str]:
        """Return the frames on the way from source to fixed to target frame."""
        with self._lock:
            first = self._tree.motion(fixed_frame, source_frame, _nanoseconds(source_time, "time"))
            second = self._tree.motion(target_frame, fixed_frame, _nanoseconds(target_time, "time"))
        return [*first.chain, *second.chain[1:]]

    def lookupVelocityCore(
        self, tracking_frame: str, observation_frame: str, time: Any, averaging_interval: Any
    ) -> tuple[Vector, Vector]:
        """Return linear [m/s] and angular [rad/s] velocity of a frame seen from another, in the latter's axes.

        Raises:
            TransformException: A place is not known.
        """
        return self.lookupVelocityFullCore(
            tracking_frame, observation_frame, observation_frame, ZERO, tracking_frame, time, averaging_interval
        )

    def lookupVelocityFullCore(
        self,
        tracking_frame: str,
        observation_frame: str,
        reference_frame: str,
        reference_point: Vector,
        reference_point_frame: str,
        time: Any,
        averaging_interval: Any,
    ) -> tuple[Vector, Vector]:
        """Return linear [m/s] and angular [rad/s] velocity of a frame, referred to a point.

        Raises:
            TransformException: A place is not known.
        """
        with self._lock:
            for frame in (tracking_frame, observation_frame, reference_frame, reference_point_frame):
                self._validate("lookupTransform argument source_frame", frame)
            twist = velocity(
                self._tree,
                tracking_frame,
                observation_frame,
                reference_frame,
                reference_point,
                reference_point_frame,
                _nanoseconds(time, "time"),
                _nanoseconds(averaging_interval, "duration"),
            )
        return twist.linear, twist.angular

    def _frameExists(self, frame_id: str) -> bool:
        return frame_id in self._tree.caches

    def _getFrameStrings(self) -> list[str]:
        return list(self._tree.caches)


def _nanoseconds(value: Any, what: str) -> int:
    if hasattr(value, "sec") and hasattr(value, "nanosec"):
        return value.sec * NS_PER_S + value.nanosec
    if hasattr(value, "nanoseconds"):
        return int(value.nanoseconds)
    raise TypeError(f"{what} must have sec and nanosec, or nanoseconds.")


def _name_complaint(frame: str) -> str:
    if not frame:
        return "in tf2 frame_ids cannot be empty"
    return "in tf2 frame_ids cannot start with a '/'" if frame.startswith("/") else ""


def _complaint(parent: str, child: str, translation: Vector, rotation: Quaternion, authority: str) -> str:
    """Return why a transform cannot be taken in, or nothing."""
    if child == parent:
        return (
            f'TF_SELF_TRANSFORM: Ignoring transform from authority "{authority}" with frame_id and  '
            f'child_frame_id "{child}" because they are the same'
        )
    if not child:
        return f'TF_NO_CHILD_FRAME_ID: Ignoring transform from authority "{authority}" because child_frame_id not set '
    if not parent:
        return (
            f'TF_NO_FRAME_ID: Ignoring transform with child_frame_id "{child}"  from authority "{authority}" '
            "because frame_id not set"
        )
    place, turn = (" ".join(f"{value:f}" for value in values) for values in (translation, rotation))
    if any(math.isnan(value) for value in (*translation, *rotation)):
        return (
            f'TF_NAN_INPUT: Ignoring transform for child_frame_id "{child}" from authority "{authority}" because of '
            f"a nan value in the transform ({place}) ({turn})"
        )
    return ""


def _message(target: str, source: str, motion: Motion) -> TransformStamped:
    message = TransformStamped()
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(motion.time_ns, NS_PER_S)
    message.header.frame_id = target
    message.child_frame_id = source
    move, turn = message.transform.translation, message.transform.rotation
    move.x, move.y, move.z = motion.translation
    turn.x, turn.y, turn.z, turn.w = canonical(motion.rotation)
    return message
