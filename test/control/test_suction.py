"""A suction cup behind a valve: reached by what the sensor says, stalled by time, failed by the output's word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.gripper.suction import Suction, SuctionSettings

S = 1_000_000_000
SETTINGS = SuctionSettings(reached_share=0.7, released_pa=5e3, timeout_s=2.0)


def gripping(set_point_pa=50e3):
    suction = Suction(SETTINGS)
    assert suction.command("a", True, set_point_pa, 0)
    suction.on_switched("a", True, "")
    return suction


def test_a_grip_is_reached_when_the_vacuum_is():
    suction = gripping()
    assert suction.valve_pa == 50e3
    suction.on_vacuum(34e3)
    assert suction.take_ended() == []
    suction.on_vacuum(36e3)
    (end,) = suction.take_ended()
    assert (end.goal_id, end.is_reached, end.vacuum_pa) == ("a", True, 36e3)


def test_a_vacuum_counts_only_once_the_valve_has_switched():
    suction = Suction(SETTINGS)
    suction.command("a", True, 50e3, 0)
    suction.on_vacuum(60e3)
    assert suction.take_ended() == []
    assert suction.valve_pa is None
    suction.on_switched("a", True, "")
    assert suction.take_ended()[0].is_reached


def test_a_release_is_reached_when_the_vacuum_is_gone():
    suction = gripping()
    suction.on_vacuum(50e3)
    suction.take_ended()
    assert suction.command("b", False, 0.0, S)
    suction.on_switched("b", True, "")
    assert suction.valve_pa == 0.0
    suction.on_vacuum(4e3)
    assert suction.take_ended()[0].is_reached


def test_a_cup_that_finds_nothing_stalls():
    suction = gripping()
    suction.on_vacuum(10e3)
    suction.tick(2 * S - 1)
    assert suction.take_ended() == []
    suction.tick(2 * S)
    (end,) = suction.take_ended()
    assert end.is_stalled
    assert not end.is_reached


def test_an_output_that_refuses_or_is_silent_fails_the_command_with_a_reason():
    suction = Suction(SETTINGS)
    suction.command("a", True, 50e3, 0)
    suction.on_switched("a", False, "set_io refused")
    assert suction.take_ended()[0].reason == "set_io refused"
    assert suction.command("b", True, 50e3, S)
    suction.tick(3 * S)
    (end,) = suction.take_ended()
    assert end.reason
    assert not end.is_stalled


def test_a_stronger_grip_needs_no_switching():
    suction = gripping()
    suction.on_vacuum(40e3)
    suction.take_ended()
    assert not suction.command("b", True, 60e3, S)
    assert suction.valve_pa == 60e3
    assert suction.take_ended() == []
    suction.on_vacuum(50e3)
    assert suction.take_ended()[0].goal_id == "b"


def test_a_command_that_comes_while_the_valve_switches_switches_it_again():
    suction = gripping()
    suction.on_vacuum(50e3)
    suction.take_ended()
    assert suction.command("off", False, 0.0, S)
    assert suction.command("on", True, 50e3, S)
    assert suction.take_ended()[0].is_preempted
    suction.on_switched("off", True, "")
    assert suction.valve_pa is None
    suction.on_switched("on", True, "")
    assert suction.valve_pa == 50e3


def test_a_cancelled_command_leaves_the_valve_as_it_is():
    suction = gripping()
    assert suction.cancel("a")
    assert not suction.cancel("a")
    suction.tick(9 * S)
    assert suction.take_ended() == []
    assert suction.valve_pa == 50e3


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("command"), st.booleans()),
        st.tuples(st.just("switched"), st.booleans()),
        st.tuples(st.just("vacuum"), st.floats(-1e3, 90e3)),
        st.tuples(st.just("time"), st.floats(0.0, 3.0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_every_command_ends_once_and_only_reached_ones_by_their_vacuum(steps):
    suction, now_ns, goals, ended = Suction(SETTINGS), 0, 0, []
    for what, value in steps:
        if what == "command":
            goals += 1
            suction.command(str(goals), value, 50e3, now_ns)
        elif what == "switched":
            suction.on_switched(str(goals), value, "refused")
        elif what == "vacuum":
            suction.on_vacuum(value)
        else:
            now_ns += round(value * S)
            suction.tick(now_ns)
        ended += suction.take_ended()
    suction.tick(now_ns + 3 * S)
    ended += suction.take_ended()
    assert [end.goal_id for end in ended] == [str(number) for number in range(1, goals + 1)]
    assert all(end.is_reached + end.is_stalled + end.is_preempted + bool(end.reason) == 1 for end in ended)


@pytest.mark.parametrize("pin", [0, 17])
def test_the_universal_robots_driver_switches_its_outputs(pin):
    from workcell_control.execution.drivers import driver_of

    call = driver_of("universal_robots").output_call(pin, True)
    assert call.type_name == "ur_msgs/srv/SetIO"
    assert call.fields == {"fun": 1, "pin": pin, "state": 1.0}
    slider = driver_of("universal_robots").slider_call(0.0)
    assert slider.fields == {"speed_slider_fraction": 0.01}
