"""The clock's offset: right to the shortest delay, whatever the rest of the way does."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.clock_offset import WINDOW_NS, WINDOWS_MAX, ClockOffset, at_device

MS = NS_PER_S // 1000
S = NS_PER_S


@given(
    offset_ms=st.integers(-(10**9), 10**9),
    delays_ms=st.lists(st.integers(0, 60_000), min_size=1, max_size=50),
)
def test_it_errs_by_the_delays_alone(offset_ms: int, delays_ms: list[int]) -> None:
    clock = ClockOffset()
    for step, delay_ms in enumerate(delays_ms):
        received_ns = step * 100 * MS
        clock.note(received_ns - delay_ms * MS + offset_ms * MS, received_ns)
    # All within one window: the quickest decides.
    error_s = offset_ms / 1000.0 - clock.offset_s
    assert abs(error_s - min(delays_ms) / 1000.0) < 1e-6


def test_one_wild_stamp_does_not_decide_and_a_drift_is_followed() -> None:
    clock = ClockOffset()
    for step in range(60 * 10):
        received_ns = step * NS_PER_S // 10
        clock.note(received_ns + 2 * NS_PER_S - MS, received_ns)
    clock.note(10**18, 60 * NS_PER_S)
    assert abs(clock.offset_s - 2.0) < 0.01
    start_ns = 61 * NS_PER_S
    for step in range(10 * WINDOWS_MAX * WINDOW_NS // NS_PER_S):
        received_ns = start_ns + step * NS_PER_S // 10
        clock.note(received_ns + 3 * NS_PER_S - MS, received_ns)
    assert abs(clock.offset_s - 3.0) < 0.01


def test_before_the_first_value_nothing_is_known() -> None:
    assert math.isnan(ClockOffset().offset_s)


def told(offset_s: float) -> ClockOffset:
    clock = ClockOffset()
    clock.note(100 * S + round(offset_s * S), 100 * S)
    return clock


def test_a_time_of_the_servers_clock_is_told_by_the_devices() -> None:
    assert at_device(107 * S, told(7.0), told(2.0), 101 * S) == 102 * S
    assert at_device(101 * S, ClockOffset(), told(2.0), 101 * S) == 101 * S


def test_a_servers_time_is_never_ahead_of_now_however_slow_our_clock_runs() -> None:
    # Of 10 s at the server ours showed 2: the estimate of a while ago is 30 s behind.
    server, device = told(0.0), told(-0.003)
    assert at_device(142 * S, server, device, 112 * S) == 112 * S - S * 3 // 1000
