"""Decisions of two runs are matched by what they are about, so that one missing shows as one difference."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from workcell_console.replay import STAMP_TOLERANCE_NS, Decision, differences, match_stamps

S = 1_000_000_000


def proposal(at_s, **parameters):
    return Decision("proposal", round(at_s * S), "cell", tuple(sorted(parameters.items())))


def verdict(at_s, outcome="applied", **parameters):
    return Decision("verdict", round(at_s * S), "cell", tuple(sorted(parameters.items())), outcome)


RUN = [
    proposal(1, speed_scale=0.5),
    verdict(1, speed_scale=0.5),
    proposal(5, grip_vacuum_pa=75e3),
    verdict(5, "pending", grip_vacuum_pa=75e3),
    proposal(9, speed_scale=0.6),
    verdict(9, "refused"),
    verdict(5, "approved", grip_vacuum_pa=75e3),
]


def test_the_same_run_does_not_differ():
    assert differences(RUN, RUN) == []


@given(st.sampled_from(range(len(RUN))))
def test_one_decision_missing_is_one_difference(index):
    found = differences(RUN, RUN[:index] + RUN[index + 1 :])
    # Without its first turn, a proposal's second verdict stands in the first one's place.
    assert 1 <= len(found) <= 2
    assert any(item.recorded == RUN[index] for item in found)


@given(st.sampled_from([0, 1, 2, 3, 4, 6]), st.floats(min_value=1.0001, max_value=2.0))
def test_another_value_is_a_difference(index, factor):
    name, value = RUN[index].parameters[0]
    changed = replace(RUN[index], parameters=((name, value * factor),))
    (found,) = differences(RUN, [*RUN[:index], changed, *RUN[index + 1 :]])
    assert (found.recorded, found.replayed) == (RUN[index], changed)


def test_another_outcome_is_a_difference_and_says_both():
    (found,) = differences([verdict(1, "applied", speed_scale=0.5)], [verdict(1, "clipped", speed_scale=0.5)])
    assert "recorded: verdict 1000000000 cell speed_scale=0.5 applied; now:" in str(found)
    assert str(found).endswith("clipped")


def test_what_was_decided_only_now_is_a_difference():
    (found,) = differences([], [proposal(1, speed_scale=0.5)])
    assert found.recorded is None
    assert str(found).startswith("recorded: nothing; now: proposal")


@given(st.integers(min_value=-STAMP_TOLERANCE_NS, max_value=STAMP_TOLERANCE_NS))
def test_a_live_recording_may_be_a_little_off(shift_ns):
    moved = [replace(item, stamp_ns=item.stamp_ns + shift_ns) for item in RUN]
    assert differences(RUN, moved) == []
    assert match_stamps(RUN, moved) == {at * S: at * S + shift_ns for at in (1, 5, 9)}


def test_too_far_off_is_another_decision():
    moved = [replace(item, stamp_ns=item.stamp_ns + STAMP_TOLERANCE_NS + 1) for item in RUN[:2]]
    assert len(differences(RUN[:2], moved)) == 4
