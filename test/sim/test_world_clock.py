"""Time of the world on the node's clock: what is made up for, what is lost, and what stamps mean before and after."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_sim.world.world_clock import CATCH_UP_MAX_S, WorldClock

S = 1_000_000_000
TICK_S = 0.02
BEGUN_NS = 1_700_000_000 * S


def test_a_clock_begins_where_the_world_is() -> None:
    clock = WorldClock(BEGUN_NS, 12.0, TICK_S)
    assert clock.time_of(BEGUN_NS) == pytest.approx(12.0)
    assert clock.time_of(BEGUN_NS + S) == pytest.approx(13.0)
    assert clock.due(BEGUN_NS + S // 10, 12.0) == (5, 0)


def test_a_short_stop_is_made_up_for_and_no_time_is_lost() -> None:
    clock = WorldClock(BEGUN_NS, 0.0, TICK_S)
    assert clock.due(BEGUN_NS + round(CATCH_UP_MAX_S * S), 0.0) == (25, 0)
    assert clock.time_of(BEGUN_NS + 3 * S) == pytest.approx(3.0)


def test_a_stamp_from_before_a_long_stop_stays_what_it_was() -> None:
    clock = WorldClock(BEGUN_NS, 0.0, TICK_S)
    # The world stands still from 1 s on; at 3 s it goes on, and is at 1.5 s then.
    assert clock.due(BEGUN_NS + 3 * S, 1.0) == (25, 75)
    assert clock.time_of(BEGUN_NS + S // 2) == pytest.approx(0.5)
    assert clock.time_of(BEGUN_NS + S) == pytest.approx(1.0)
    assert clock.time_of(BEGUN_NS + 2 * S) == pytest.approx(1.0)
    assert clock.time_of(BEGUN_NS + 3 * S) == pytest.approx(1.5)
    assert clock.time_of(BEGUN_NS + 4 * S) == pytest.approx(2.5)


@given(st.lists(st.floats(0.001, 4.0), min_size=1, max_size=12), st.lists(st.floats(0.0, 60.0), min_size=2, max_size=8))
def test_later_stamps_are_never_earlier_times_and_now_is_where_the_steps_lead(
    waits_s: list[float], stamps_s: list[float]
) -> None:
    clock, now_ns, steps = WorldClock(BEGUN_NS, 0.0, TICK_S), BEGUN_NS, 0
    for wait_s in waits_s:
        now_ns += round(wait_s * S)
        steps += clock.due(now_ns, steps * TICK_S).steps
        assert 0.0 <= clock.time_of(now_ns) - steps * TICK_S < TICK_S + 1e-9
        assert clock.time_of(clock.stamp_ns(steps * TICK_S)) == pytest.approx(steps * TICK_S)
    times = [clock.time_of(BEGUN_NS + round(stamp_s * S)) for stamp_s in sorted(stamps_s)]
    assert times == sorted(times)
