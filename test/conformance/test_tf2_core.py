"""Frames over time: the same file runs against both runtimes."""

from __future__ import annotations

import math

import pytest
import tf2_py
from builtin_interfaces.msg import Duration, Time
from geometry_msgs.msg import TransformStamped

HALF = math.sqrt(0.5)
LATEST = Time()


def transform(
    parent: str,
    child: str,
    at: float = 1.0,
    xyz: tuple[float, float, float] = (0.0, 0.0, 0.0),
    turn: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
) -> TransformStamped:
    message = TransformStamped()
    message.header.frame_id, message.child_frame_id = parent, child
    message.header.stamp = time(at)
    move, rotation = message.transform.translation, message.transform.rotation
    move.x, move.y, move.z = xyz
    rotation.x, rotation.y, rotation.z, rotation.w = turn
    return message


def time(seconds: float) -> Time:
    return Time(sec=int(seconds), nanosec=round((seconds - int(seconds)) * 1e9))


def place(message: TransformStamped) -> list[float]:
    move = message.transform.translation
    return [move.x, move.y, move.z]


def turn(message: TransformStamped) -> list[float]:
    rotation = message.transform.rotation
    return [rotation.x, rotation.y, rotation.z, rotation.w]


def core(*transforms: TransformStamped, keep_s: int = 10) -> tf2_py.BufferCore:
    buffer = tf2_py.BufferCore(Duration(sec=keep_s))
    for message in transforms:
        buffer.set_transform(message, "test")
    return buffer


def test_a_chain_is_followed_both_ways() -> None:
    quarter = (0.0, 0.0, HALF, HALF)
    buffer = core(
        transform("world", "base", xyz=(1.0, 0.0, 0.0), turn=quarter), transform("base", "tool", xyz=(2.0, 0.0, 0.0))
    )
    there = buffer.lookup_transform_core("world", "tool", time(1))
    assert place(there) == pytest.approx([1.0, 2.0, 0.0])
    assert turn(there) == pytest.approx(quarter)
    assert (there.header.frame_id, there.child_frame_id, there.header.stamp) == ("world", "tool", time(1))
    back = buffer.lookup_transform_core("tool", "world", time(1))
    assert place(back) == pytest.approx([-2.0, 1.0, 0.0])
    assert turn(back) == pytest.approx([0.0, 0.0, -HALF, HALF])


def test_siblings_meet_at_their_common_parent() -> None:
    buffer = core(transform("root", "a", xyz=(1.0, 0.0, 0.0)), transform("root", "b", xyz=(0.0, 1.0, 0.0)))
    assert place(buffer.lookup_transform_core("a", "b", time(1))) == pytest.approx([-1.0, 1.0, 0.0])


def test_between_two_times_is_interpolated() -> None:
    half_turn = (0.0, 0.0, 1.0, 0.0)
    buffer = core(transform("a", "b", 1.0), transform("a", "b", 3.0, (4.0, 0.0, 2.0), half_turn))
    middle = buffer.lookup_transform_core("a", "b", time(2.0))
    assert place(middle) == pytest.approx([2.0, 0.0, 1.0])
    assert turn(middle) == pytest.approx([0.0, 0.0, HALF, HALF])
    assert middle.header.stamp == time(2.0)


def test_zero_asks_for_the_newest_common_time() -> None:
    buffer = core(
        transform("a", "b", 1.0),
        transform("a", "b", 3.0, (2.0, 0.0, 0.0)),
        transform("b", "c", 1.0),
        transform("b", "c", 2.0),
    )
    newest = buffer.lookup_transform_core("a", "c", LATEST)
    assert newest.header.stamp == time(2.0)
    assert place(newest) == pytest.approx([1.0, 0.0, 0.0])


def test_a_static_frame_holds_at_all_times() -> None:
    buffer = core(transform("a", "b", 5.0), transform("a", "b", 6.0))
    buffer.set_transform_static(transform("b", "c", 1.0, (0.0, 0.0, 1.0)), "test")
    assert place(buffer.lookup_transform_core("a", "c", time(5.5))) == pytest.approx([0.0, 0.0, 1.0])
    assert buffer.lookup_transform_core("b", "c", LATEST).header.stamp == LATEST


def test_time_travel_with_a_fixed_frame() -> None:
    buffer = core(
        transform("world", "car", 1.0),
        transform("world", "car", 2.0, (5.0, 0.0, 0.0)),
        transform("car", "lamp", 1.0, (1.0, 0.0, 0.0)),
        transform("car", "lamp", 2.0, (1.0, 0.0, 0.0)),
    )
    seen = buffer.lookup_transform_full_core("car", time(2), "lamp", time(1), "world")
    assert place(seen) == pytest.approx([-4.0, 0.0, 0.0])
    assert buffer.can_transform_full_core("car", time(2), "lamp", time(1), "world")[0]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (0.5, "into the past.  Requested time 0.500000 but the earliest data is at time 1.000000"),
        (4.0, "into the future.  Requested time 4.000000 but the latest data is at time 3.000000"),
    ],
)
def test_outside_of_what_is_known_is_extrapolation(at: float, text: str) -> None:
    buffer = core(transform("a", "b", 1.0), transform("a", "b", 3.0))
    full = f"Lookup would require extrapolation {text}, when looking up transform from frame [b] to frame [a]"
    with pytest.raises(tf2_py.ExtrapolationException) as caught:
        buffer.lookup_transform_core("a", "b", time(at))
    assert str(caught.value) == full
    possible, reason = buffer.can_transform_core("a", "b", time(at))
    assert (bool(possible), reason) == (False, full)


def test_one_sample_is_no_course() -> None:
    with pytest.raises(tf2_py.ExtrapolationException, match=r"but only time 1\.000000 is in the buffer"):
        core(transform("a", "b", 1.0)).lookup_transform_core("a", "b", time(2))


def test_unknown_frames_and_bad_names() -> None:
    buffer = core(transform("a", "b"))
    with pytest.raises(tf2_py.LookupException) as caught:
        buffer.lookup_transform_core("a", "nowhere", LATEST)
    assert str(caught.value) == '"nowhere" passed to lookupTransform argument source_frame does not exist. '
    for name, reason in (("", "in tf2 frame_ids cannot be empty"), ("/a", "in tf2 frame_ids cannot start with a '/'")):
        with pytest.raises(tf2_py.InvalidArgumentException, match=reason):
            buffer.lookup_transform_core(name, "b", LATEST)
    assert buffer.can_transform_core("a", "nowhere", LATEST)[1] == (
        'Invalid frame ID "nowhere" passed to canTransform argument source_frame - frame does not exist'
    )


def test_two_trees_are_not_connected() -> None:
    buffer = core(transform("a", "b"), transform("c", "d"))
    with pytest.raises(tf2_py.ConnectivityException) as caught:
        buffer.lookup_transform_core("b", "d", time(1))
    assert str(caught.value) == (
        "Could not find a connection between 'b' and 'd' because they are not part of the same tree."
        "Tf has two or more unconnected trees."
    )


def test_a_loop_is_told() -> None:
    buffer = core(transform("a", "b"), transform("b", "a"), transform("x", "y"))
    with pytest.raises(tf2_py.LookupException, match="contains a loop"):
        buffer.lookup_transform_core("x", "b", time(1))


def test_every_exception_is_a_transform_exception() -> None:
    for name in ("Connectivity", "Lookup", "Extrapolation", "InvalidArgument", "Timeout"):
        assert issubclass(getattr(tf2_py, f"{name}Exception"), tf2_py.TransformException)


def test_what_is_old_is_forgotten() -> None:
    buffer = core(*(transform("a", "b", float(at)) for at in range(1, 8)), keep_s=2)
    buffer.set_transform(transform("a", "b", 1.0), "late")
    with pytest.raises(tf2_py.ExtrapolationException, match="into the past"):
        buffer.lookup_transform_core("a", "b", time(2))
    assert buffer.can_transform_core("a", "b", time(5))[0]


@pytest.mark.parametrize(
    "bad",
    [
        transform("a", "a"),
        transform("a", ""),
        transform("", "b"),
        transform("a", "b", xyz=(math.nan, 0.0, 0.0)),
        transform("a", "b", turn=(0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_what_is_no_transform_is_dropped(bad: TransformStamped) -> None:
    buffer = core(bad)
    assert buffer.all_frames_as_string() == ""


def test_rotations_are_brought_to_length_one() -> None:
    buffer = core(transform("a", "b", turn=(0.0, 0.0, 3.0, 3.0)))
    assert turn(buffer.lookup_transform_core("a", "b", time(1))) == pytest.approx([0.0, 0.0, HALF, HALF])


def test_a_frame_in_itself_needs_no_data() -> None:
    assert place(core().lookup_transform_core("any", "any", time(3))) == [0.0, 0.0, 0.0]


def test_clear_keeps_what_is_static() -> None:
    buffer = core(transform("a", "b"))
    buffer.set_transform_static(transform("b", "c"), "test")
    buffer.clear()
    assert not buffer.can_transform_core("a", "b", LATEST)[0]
    assert buffer.can_transform_core("b", "c", LATEST)[0]


def test_overviews() -> None:
    buffer = core(transform("world", "base", 1.0), transform("world", "base", 2.0))
    assert buffer.all_frames_as_string() == "Frame base exists with parent world.\n"
    assert buffer.all_frames_as_yaml() == (
        "base: \n  parent: 'world'\n  broadcaster: 'test'\n  rate: 2.000\n  most_recent_transform: 2.000000\n"
        "  oldest_transform: 1.000000\n  buffer_length: 1.000\n"
    )
    assert core().all_frames_as_yaml() == "[]"


def test_times_may_be_durations_of_any_kind_and_nothing_else() -> None:
    buffer = core(transform("a", "b"))
    with pytest.raises(TypeError, match="time must have sec and nanosec, or nanoseconds"):
        buffer.lookup_transform_core("a", "b", 1.0)
