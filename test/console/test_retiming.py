"""Inputs are put in the order in which the policy heard them."""

from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from workcell_console.retiming import SHIFT_MAX_NS, retimed
from workcell_control.policy.heard import HEARD_MAX, HeardLog, read_heard

MS = 1_000_000


def state(word):
    return SimpleNamespace(data=word)


def reading(stamp_ns, group="gripper/vacuum"):
    stamp = SimpleNamespace(sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return SimpleNamespace(header=SimpleNamespace(stamp=stamp), interface_groups=[group])


def heard(*notes):
    log = HeardLog()
    for now_ns, topic, message in notes:
        log.note(now_ns, topic, message)
    return read_heard(log.take())


def test_what_the_recorder_heard_the_other_way_round_is_put_right():
    settle, vacuum = state("settle"), reading(5 * MS)
    inputs = [(10 * MS, "readings", vacuum), (11 * MS, "cell/state", settle)]
    told = heard((9 * MS, "cell/state", settle), (9 * MS, "readings", vacuum))
    assert retimed(inputs, told) == [(9 * MS, "cell/state", settle), (9 * MS, "readings", vacuum)]


def test_what_nobody_told_of_stays_where_it_was_recorded():
    event = object()
    inputs = [(10 * MS, "parameter_events", event), (11 * MS, "cell/state", state("pick"))]
    assert retimed(inputs, []) == inputs


def test_what_nobody_told_of_keeps_its_place_among_what_was_heard_at_the_same_time():
    """A forecast answers a proposal, which a reading caused, all at one instant of virtual time."""
    event, forecast, vacuum = object(), object(), reading(5 * MS)
    inputs = [(9 * MS, "parameter_events", event), (9 * MS, "readings", vacuum), (9 * MS, "twin/forecasts", forecast)]
    assert retimed(inputs, heard((9 * MS, "readings", vacuum))) == inputs


def test_an_answer_stays_behind_what_led_to_it_wherever_the_recorder_put_what_was_heard_before():
    """The reading was heard first and recorded second; the forecast answers what the state led to."""
    forecast, settle, vacuum = object(), state("settle"), reading(5 * MS)
    inputs = [(9 * MS, "cell/state", settle), (9 * MS, "readings", vacuum), (9 * MS, "twin/forecasts", forecast)]
    told = heard((9 * MS, "readings", vacuum), (9 * MS, "cell/state", settle))
    assert [message for _, _, message in retimed(inputs, told)] == [vacuum, settle, forecast]


def test_an_answer_to_what_was_heard_late_is_late_too():
    forecast, settle = object(), state("settle")
    inputs = [(9 * MS, "cell/state", settle), (10 * MS, "twin/forecasts", forecast)]
    told = heard((12 * MS, "cell/state", settle))
    assert retimed(inputs, told) == [(12 * MS, "cell/state", settle), (12 * MS, "twin/forecasts", forecast)]


def test_equal_messages_are_matched_in_turn():
    inputs = [(10 * MS, "cell/state", state("pick")), (5_010 * MS, "cell/state", state("pick"))]
    told = heard((12 * MS, "cell/state", state("pick")), (5_011 * MS, "cell/state", state("pick")))
    assert [stamp for stamp, _, _ in retimed(inputs, told)] == [12 * MS, 5_011 * MS]


def test_a_message_of_another_time_is_no_match():
    told = heard((SHIFT_MAX_NS + 20 * MS, "cell/state", state("pick")))
    inputs = [(10 * MS, "cell/state", state("pick"))]
    assert retimed(inputs, told) == inputs


@given(st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from(["pick", "place", "idle"])), max_size=20))
def test_nothing_is_lost_and_time_never_goes_back(items):
    inputs = [(stamp_ns, "cell/state", state(word)) for stamp_ns, word in sorted(items)]
    told = heard(*((stamp_ns + 3, topic, message) for stamp_ns, topic, message in inputs[::2]))
    result = retimed(inputs, told)
    assert sorted(id(message) for _, _, message in result) == sorted(id(message) for _, _, message in inputs)
    assert [stamp for stamp, _, _ in result] == sorted(stamp for stamp, _, _ in result)


def test_what_is_noted_is_told_once_and_bounded():
    log = HeardLog()
    assert log.take() == ""
    for index in range(HEARD_MAX + 5):
        log.note(index, "cell/state", state("pick"))
    told = read_heard(log.take())
    assert (len(told), told[-1]) == (HEARD_MAX, (HEARD_MAX + 4, "cell/state", "pick"))
    assert log.take() == ""
