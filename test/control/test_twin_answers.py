"""What answers of the fork tell of figures and conditions that were not tried, and trials of bolder ones."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.governance.rules import Direction, Rule, TwinUse
from workcell_control.twin.answers import Answer, Answers
from workcell_control.twin.forecast import SETTLED_CYCLES, ForkCycle
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition, Mirror, PumpModel
from workcell_control.twin.trials import BOLDER_SHARE, Trial, Trials

RULES = {
    "cell": {
        "acceleration": Rule(0.2, 5.0, 0.4, 0.5, 1.0, safer=Direction.DOWN, twin=TwinUse.ADVISE),
        "dwell_s": Rule(0.05, 1.0, 0.3, 0.2, 1.0, safer=Direction.UP),
        "grip_pa": Rule(30e3, 80e3, 60e3, 1e4, 1.0),
    }
}
LEAKING = Condition(leak=0.8)
DROP = ForkCycle(cycle_time_s=9.0, is_good=False, is_dropped=True, energy_j=1700.0)


def figures(acceleration, dwell_s=0.2, grip_pa=60e3):
    return {"cell": {"acceleration": acceleration, "dwell_s": dwell_s, "grip_pa": grip_pa}}


def request(parameters, condition=LEAKING):
    return ForkRequest(condition, parameters, 5, 60.0)


def smooth(cycle_time_s):
    return [ForkCycle(cycle_time_s, True, False, 100.0 * cycle_time_s)] * SETTLED_CYCLES


def answers(*given):
    store = Answers(RULES)
    for parameters, condition, cycles in given:
        store.add(Answer(request(parameters, condition), cycles))
    return store


def both(low=LEAKING, high=LEAKING, low_cycles=None, high_cycles=None):
    """Answers to acceleration 1 and 2."""
    return answers((figures(1.0), low, low_cycles or smooth(6.0)), (figures(2.0), high, high_cycles or smooth(4.0)))


def test_figures_between_two_trials_are_known_and_say_so():
    known = both().find(request(figures(1.5)))
    assert known is not None
    assert known.is_between
    assert known.basis == "between trials of acceleration 1 and 2"
    assert [item.cycle_time_s for item in known.cycles] == pytest.approx([5.0] * SETTLED_CYCLES)
    assert [item.energy_j for item in known.cycles] == pytest.approx([500.0] * SETTLED_CYCLES)


@given(st.floats(1.0, 2.0))
def test_cycles_between_two_trials_take_no_less_and_no_longer_than_those(acceleration):
    known = both().find(request(figures(acceleration)))
    assert known is not None
    assert all(4.0 - 1e-9 <= item.cycle_time_s <= 6.0 + 1e-9 for item in known.cycles)


@pytest.mark.parametrize(
    "outside", [figures(0.9), figures(2.1), figures(1.5, dwell_s=0.3), figures(1.5, grip_pa=55e3), {"cell": {}}]
)
def test_figures_outside_are_not_known(outside):
    assert both().find(request(outside)) is None


def test_the_bolder_trial_must_have_been_under_conditions_no_easier():
    middle = request(figures(1.5))
    assert both(high=Condition(leak=0.6)).find(middle) is None
    assert both(high=Condition(leak=0.8, mass=0.9)).find(middle) is None
    assert both(high=Condition(leak=1.2, mass=1.5)).find(middle) is not None


def test_the_gentler_trial_may_have_been_under_any_condition_but_light():
    middle = request(figures(1.5))
    assert both(low=Condition()).find(middle) is not None
    assert both(low=replace(LEAKING, light=0.5)).find(middle) is None


@pytest.mark.parametrize("side", ["low_cycles", "high_cycles"])
def test_a_trial_that_lost_a_part_bounds_nothing(side):
    assert both(**{side: [DROP] * 5}).find(request(figures(1.5))) is None


def test_a_longer_dwell_is_gentler():
    quick, slow = (figures(1.0, dwell_s=0.2), LEAKING, smooth(4.0)), (figures(1.0, dwell_s=0.4), LEAKING, smooth(6.0))
    assert answers(quick, slow).find(request(figures(1.0, dwell_s=0.3))) is not None
    mixed = (figures(2.0, dwell_s=0.4), LEAKING, smooth(4.0)), (figures(1.0, dwell_s=0.2), LEAKING, smooth(6.0))
    # The boldest corner, high acceleration and short dwell, was never tried.
    assert answers(*mixed).find(request(figures(1.5, dwell_s=0.3))) is None


def test_the_narrower_pair_is_taken():
    store = both()
    store.add(Answer(request(figures(1.8)), smooth(4.4)))
    known = store.find(request(figures(1.9)))
    assert known is not None
    assert known.basis == "between trials of acceleration 1.8 and 2"


def test_what_failed_more_gently_is_hopeless():
    store = answers((figures(1.5), LEAKING, [DROP] * 5))
    assert store.is_hopeless(request(figures(2.0)))
    assert store.is_hopeless(request(figures(1.5), Condition(leak=1.2)))
    assert not store.is_hopeless(request(figures(1.4)))
    assert not store.is_hopeless(request(figures(2.0), Condition(leak=0.4)))


def ask(trials, stamp, in_force, proposed, *cycles, condition=LEAKING):
    """Runs a trial with these answers; returns what was asked and the result."""
    trials.add(Trial(stamp, in_force, proposed))
    asked, left = [], list(cycles)
    while requests := trials.next_requests(condition):
        asked += requests
        for _ in requests:
            trials.take(left.pop(0))
    assert not left
    return asked, trials.finished()


def begun():
    """Trials that know acceleration 1."""
    trials = Trials(5, 60.0, RULES)
    asked, _ = ask(trials, 0, figures(1.0), figures(1.0), smooth(6.0))
    assert len(asked) == 1
    return trials


def test_bolder_figures_under_harder_conditions_answer_for_the_steps_on_the_way():
    trials = begun()
    (bolder,), result = ask(trials, 1, figures(1.0), figures(1.1), smooth(5.0))
    assert bolder.parameters == figures(pytest.approx(1.1 * (1.0 + BOLDER_SHARE)))
    assert bolder.condition.leak == LEAKING.harder().leak >= LEAKING.leak
    assert result is not None
    assert result.proposed.is_between
    assert not result.in_force.is_between
    for before, after in ((1.1, 1.2), (1.2, 1.3)):
        asked, result = ask(trials, 2, figures(before), figures(after))
        assert asked == []
        assert result is not None
        assert result.proposed.cycles[0].cycle_time_s < result.in_force.cycles[0].cycle_time_s


def test_where_the_bolder_figures_fail_the_proposal_itself_is_tried():
    trials = begun()
    (bolder, proposed), result = ask(trials, 1, figures(1.0), figures(1.1), [DROP] * 5, smooth(5.5))
    assert bolder.parameters != proposed.parameters == figures(1.1)
    assert proposed.condition == LEAKING
    assert result is not None
    assert result.proposed.cycles == smooth(5.5)
    assert not result.proposed.is_between
    # Bolder yet is not tried at all.
    (only,), _ = ask(trials, 2, figures(1.1), figures(1.2), [DROP] * 5)
    assert only.parameters == figures(1.2)


def test_what_lies_between_never_speaks_against_a_proposal():
    trials = begun()
    (_, proposed), result = ask(trials, 1, figures(1.0), figures(1.1), smooth(7.0), smooth(5.5))
    assert proposed.parameters == figures(1.1)
    assert result is not None
    assert result.proposed.cycles == smooth(5.5)


def test_what_is_in_force_unknown_is_tried_below_the_bolder_figures():
    trials = Trials(5, 60.0, RULES)
    (bolder, in_force), result = ask(trials, 1, figures(1.0), figures(1.1), smooth(5.0), smooth(6.0))
    assert bolder.parameters["cell"]["acceleration"] > 1.1
    assert in_force.parameters == figures(1.0)
    assert result is not None
    assert result.proposed.is_between


def test_nothing_beyond_the_envelope_is_tried():
    trials = Trials(5, 60.0, RULES)
    asked, _ = ask(trials, 1, figures(4.5), figures(5.0), smooth(4.0), smooth(4.5))
    assert max(item.parameters["cell"]["acceleration"] for item in asked) == 5.0


@given(st.floats(0.0, 3.0), st.floats(0.2, 5.0))
def test_harder_conditions_are_never_easier(leak, mass):
    condition = Condition(leak, mass).rounded()
    harder = condition.harder()
    assert condition.leak - 1e-6 <= harder.leak <= condition.leak + 0.4
    assert condition.mass - 1e-6 <= harder.mass <= condition.mass + 0.25


def test_light_that_the_exposure_makes_up_for_stays_one_condition():
    mirror = Mirror(0.12, 0.5, 0.004, PumpModel())
    for exposure_s in (0.004, 0.0045, 0.006, 0.01):
        mirror.note_image(0.97, exposure_s)
        assert mirror.rounded().light * exposure_s == pytest.approx(0.004)
