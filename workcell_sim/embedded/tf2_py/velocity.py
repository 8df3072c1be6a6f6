"""How fast one frame moves against another, from two of its places."""

from __future__ import annotations

import math
import sys
from typing import NamedTuple

from .exceptions import TransformException
from .frame_tree import FrameTree, Motion
from .rotation import Quaternion, Vector, add, canonical, inverse, multiply, negative, rotate
from .time_cache import LATEST_NS

NS_PER_S = 1e9
EARLIEST_S = 1e-5
"""Times before this would mean 'the newest'."""


class Twist(NamedTuple):
    """Velocity in m/s and turning rate in rad/s."""

    linear: Vector
    angular: Vector


def velocity(
    tree: FrameTree,
    tracking: str,
    observation: str,
    reference: str,
    point: Vector,
    point_frame: str,
    time_ns: int,
    interval_ns: int,
) -> Twist:
    """Return the mean velocity of a frame over an interval about a time, as tf2 computes it.

    Args:
        tree: What is known of the frames.
        tracking: Frame that moves.
        observation: Frame it is seen from.
        reference: Frame the result is expressed in.
        point: Point of ``point_frame`` that the result refers to.
        point_frame: Frame of that point.
        time_ns: Middle of the interval.
        interval_ns: Its length.

    Raises:
        TransformException: A place is not known.
    """
    start_s, end_s = _interval(tree, tracking, observation, time_ns / NS_PER_S, interval_ns / NS_PER_S)
    start = tree.motion(observation, tracking, int(start_s * NS_PER_S))
    end = tree.motion(observation, tracking, int(end_s * NS_PER_S))
    seen = _mean_twist(start, end, end_s - start_s)
    place = tree.motion(reference, tracking, time_ns)
    angular = rotate(place.rotation, seen.angular)
    linear = add(rotate(place.rotation, seen.linear), _cross(place.translation, angular))
    to_point = tree.motion(reference, point_frame, time_ns)
    wanted = add(rotate(to_point.rotation, point), to_point.translation)
    offset = add(wanted, negative(place.translation))
    # tf2 multiplies the two component by component here; programs see its figures, so this one follows.
    shift = (angular[0] * offset[0], angular[1] * offset[1], angular[2] * offset[2])
    return Twist(add(linear, shift), angular)


def _interval(tree: FrameTree, tracking: str, observation: str, time_s: float, length_s: float) -> tuple[float, float]:
    try:
        newest_s = tree.latest_common_time(observation, tracking) / NS_PER_S
    except TransformException:
        newest_s = LATEST_NS
    end_s = min(time_s + length_s * 0.5, newest_s)
    return max(EARLIEST_S + length_s, end_s) - length_s, end_s


def _mean_twist(start: Motion, end: Motion, length_s: float) -> Twist:
    moved = add(end.translation, negative(start.translation))
    linear = (moved[0] / length_s, moved[1] / length_s, moved[2] / length_s)
    axis, angle = _axis_and_angle(canonical(multiply(inverse(start.rotation), end.rotation)))
    x, y, z = rotate(start.rotation, axis)
    rate = angle / length_s
    return Twist(linear, (x * rate, y * rate, z * rate))


def _axis_and_angle(q: Quaternion) -> tuple[Vector, float]:
    sine_squared = 1.0 - q[3] * q[3]
    angle = 2.0 * math.acos(max(-1.0, min(1.0, q[3])))
    if sine_squared < 10.0 * sys.float_info.epsilon:
        return (1.0, 0.0, 0.0), angle
    sine = math.sqrt(sine_squared)
    return (q[0] / sine, q[1] / sine, q[2] / sine), angle


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]
