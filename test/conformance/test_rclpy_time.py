"""Clocks, times, durations, timers and rates, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from builtin_interfaces.msg import Duration as DurationMsg
from builtin_interfaces.msg import Time as TimeMsg
from hypothesis import given
from hypothesis import strategies as st
from rclpy.clock import Clock, ClockChange, ClockType, JumpThreshold, ROSClock
from rclpy.duration import Duration, Infinite
from rclpy.parameter import Parameter
from rclpy.time import Time
from rclpy_harness import Ros, running_ros
from rosgraph_msgs.msg import Clock as ClockMsg


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


SMALL_NS = st.integers(0, 2**40)


@given(SMALL_NS, SMALL_NS)
def test_time_arithmetic(start_ns: int, span_ns: int) -> None:
    start, span = Time(nanoseconds=start_ns), Duration(nanoseconds=span_ns)
    end = start + span
    assert (end - start) == span
    assert (end - span) == start
    assert (end > start) == (span_ns > 0)
    assert end.seconds_nanoseconds() == divmod(start_ns + span_ns, 10**9)


@given(st.integers(0, 2**31 - 1), st.integers(0, 10**9 - 1))
def test_time_and_message(seconds: int, nanoseconds: int) -> None:
    message = TimeMsg(sec=seconds, nanosec=nanoseconds)
    assert Time.from_msg(message).to_msg() == message
    span = DurationMsg(sec=seconds, nanosec=nanoseconds)
    assert Duration.from_msg(span).to_msg() == span


def test_negative_duration_in_a_message() -> None:
    assert Duration(nanoseconds=-1).to_msg() == DurationMsg(sec=-1, nanosec=999_999_999)


def test_errors_of_times() -> None:
    with pytest.raises(ValueError, match="negative"):
        Time(nanoseconds=-1)
    with pytest.raises(OverflowError):
        Time(nanoseconds=2**63)
    with pytest.raises(OverflowError):
        Duration(nanoseconds=2**63)
    with pytest.raises(TypeError):
        Time(clock_type="steady")
    with pytest.raises(TypeError, match="different clock types"):
        _ = Time(clock_type=ClockType.ROS_TIME) < Time(clock_type=ClockType.STEADY_TIME)
    with pytest.raises(ValueError, match="negative time"):
        _ = Time() - Duration(nanoseconds=1)
    assert str(Infinite) == "Infinite"


def test_clocks_run(ros: Ros) -> None:
    for kind in (ClockType.SYSTEM_TIME, ClockType.STEADY_TIME, ClockType.ROS_TIME):
        clock = Clock(clock_type=kind)
        before = clock.now()
        ros.spin_for(0.05)
        assert clock.now() - before >= Duration(seconds=0.05)
        assert clock.now().clock_type == kind
    assert isinstance(Clock(clock_type=ClockType.ROS_TIME), ROSClock)


def test_ros_time_can_be_set() -> None:
    clock = ROSClock()
    jumps: list[tuple[ClockChange, int]] = []
    threshold = JumpThreshold(min_forward=Duration(seconds=1), min_backward=Duration(seconds=-1), on_clock_change=True)
    handle = clock.create_jump_callback(
        threshold, post_callback=lambda jump: jumps.append((jump.clock_change, jump.delta.nanoseconds))
    )
    clock._set_ros_time_is_active(True)
    for seconds in (1, 1.5, 5, 3):
        clock.set_ros_time_override(Time(seconds=seconds, clock_type=ClockType.ROS_TIME))
    assert clock.now().nanoseconds == 3 * 10**9
    handle.unregister()
    clock._set_ros_time_is_active(False)
    deltas = [delta for change, delta in jumps if change == ClockChange.ROS_TIME_NO_CHANGE]
    assert jumps[0][0] == ClockChange.ROS_TIME_ACTIVATED
    assert deltas == [10**9, 3_500_000_000, -2 * 10**9]


def test_jump_thresholds_are_checked() -> None:
    with pytest.raises(ValueError, match="min_forward"):
        JumpThreshold(min_forward=Duration(seconds=-1), min_backward=None)
    with pytest.raises(ValueError, match="min_backward"):
        JumpThreshold(min_forward=None, min_backward=Duration(seconds=1))
    with pytest.raises(ValueError, match="At least one"):
        JumpThreshold(min_forward=None, min_backward=None, on_clock_change=False)


@pytest.mark.parametrize("kind", [ClockType.SYSTEM_TIME, ClockType.STEADY_TIME, ClockType.ROS_TIME])
def test_sleeping(ros: Ros, kind: ClockType) -> None:
    clock = Clock(clock_type=kind)
    before = clock.now()
    assert clock.sleep_for(Duration(seconds=0.1))
    assert clock.now() - before >= Duration(seconds=0.1)
    assert clock.sleep_until(before)
    other = ClockType.SYSTEM_TIME if kind != ClockType.SYSTEM_TIME else ClockType.STEADY_TIME
    with pytest.raises(ValueError, match="clock type"):
        clock.sleep_until(Time(clock_type=other))


def test_timer_keeps_its_period(ros: Ros) -> None:
    node = ros.node()
    times: list[int] = []
    timer = node.create_timer(0.1, lambda: times.append(node.get_clock().now().nanoseconds))
    assert ros.until(lambda: len(times) == 5)
    assert times[-1] - times[0] == pytest.approx(0.4e9, abs=0.08e9)
    timer.cancel()
    assert timer.is_canceled()
    ros.spin_for(0.3)
    assert len(times) == 5
    timer.reset()
    assert not timer.is_canceled()
    assert ros.until(lambda: len(times) == 6)


def test_timer_tells_its_state(ros: Ros) -> None:
    node = ros.node()
    timer = node.create_timer(10.0, lambda: None)
    assert not timer.is_ready()
    assert timer.timer_period_ns == 10**10
    assert 0 < timer.time_until_next_call() <= 10**10
    assert timer.time_since_last_call() >= 0
    timer.timer_period_ns = 5 * 10**9
    assert timer.timer_period_ns == 5 * 10**9
    timer.cancel()
    assert timer.time_until_next_call() is None
    assert node.destroy_timer(timer)


def test_timer_without_autostart(ros: Ros) -> None:
    node = ros.node()
    calls: list[int] = []
    timer = node.create_timer(0.05, lambda: calls.append(1), autostart=False)
    ros.spin_for(0.2)
    assert calls == []
    timer.reset()
    assert ros.until(lambda: calls)


def test_missed_calls_are_skipped(ros: Ros) -> None:
    node = ros.node()
    calls: list[int] = []
    node.create_timer(0.1, lambda: calls.append(1))
    Clock(clock_type=ClockType.STEADY_TIME).sleep_for(Duration(seconds=0.55))
    ros.spin_for(0.08)
    assert len(calls) <= 2


def test_timer_on_a_clock_that_is_set(ros: Ros) -> None:
    clock = ROSClock()
    clock.set_ros_time_override(Time(seconds=1, clock_type=ClockType.ROS_TIME))
    clock._set_ros_time_is_active(True)
    node = ros.node()
    calls: list[int] = []
    node.create_timer(1.0, lambda: calls.append(clock.now().nanoseconds), clock=clock)
    ros.spin_for(0.1)
    assert calls == []
    clock.set_ros_time_override(Time(seconds=2, nanoseconds=1, clock_type=ClockType.ROS_TIME))
    assert ros.until(lambda: calls)
    ros.spin_for(0.1)
    assert calls == [2_000_000_001]


def test_simulated_time_is_a_parameter(ros: Ros, kernel: Any) -> None:
    node = ros.node(parameter_overrides=[Parameter("use_sim_time", value=True)])
    assert node.get_clock().ros_time_is_active
    assert node.get_parameter("use_sim_time").value
    if kernel is None:
        publisher = ros.node("simulator").create_publisher(ClockMsg, "/clock", 1)
        message = ClockMsg()
        message.clock.sec = 77

        def arrived() -> bool:
            publisher.publish(message)
            return node.get_clock().now().nanoseconds == 77 * 10**9

        assert ros.until(arrived)
    else:
        assert node.get_clock().now().nanoseconds == kernel.now_ns()
    assert node.set_parameters([Parameter("use_sim_time", value=False)])[0].successful
    assert not node.get_clock().ros_time_is_active
    assert not node.set_parameters([Parameter("use_sim_time", value="yes")])[0].successful


def test_rate_of_nothing(ros: Ros) -> None:
    with pytest.raises(ValueError, match="frequency"):
        ros.node().create_rate(0.0)


def test_shutdown_ends_a_sleep(ros: Ros) -> None:
    clock = Clock(clock_type=ClockType.STEADY_TIME)
    rclpy.shutdown()
    with pytest.raises(rclpy.exceptions.NotInitializedException):
        clock.sleep_for(Duration(seconds=1))
