"""What the authority lets through: clipped, stepped, paced, and only where it may."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.governance.authority import NS_PER_S, Authority, Forecast, Route
from workcell_control.governance.rules import Direction, Governance, Rule, TwinUse

SPEED = Rule(low=0.2, high=1.0, safe=0.4, max_step=0.1, min_interval_s=5.0, safer=Direction.DOWN, twin=TwinUse.ADVISE)
GRIP = Rule(low=30e3, high=80e3, safe=60e3, max_step=10e3, min_interval_s=2.0, ask_above=70e3)
GOVERNANCE = Governance(
    rules={"cell": {"speed_scale": SPEED, "grip_vacuum_pa": GRIP}},
    pending_timeout_s=10.0,
    twin_timeout_s=5.0,
    twin_loss_max=0.05,
    twin_drops_per_hour_max=1.0,
)
CURRENT = {"speed_scale": 0.6, "grip_vacuum_pa": 60e3}


def ruling_on(proposed, current=CURRENT, now_ns=0, authority=None):
    return (authority or Authority(GOVERNANCE)).rule_on("cell", proposed, current, now_ns)


def test_towards_safety_is_applied_at_once_and_in_full():
    ruling = ruling_on({"speed_scale": 0.25})
    assert ruling.route is Route.APPLY
    assert ruling.parameters == {"speed_scale": 0.25}
    assert ruling.clipped == ()


def test_bolder_goes_one_step_and_to_the_twin():
    ruling = ruling_on({"speed_scale": 0.9})
    assert ruling.route is Route.ASK_TWIN
    assert ruling.parameters == {"speed_scale": pytest.approx(0.7)}
    assert ruling.clipped == ("speed_scale 0.9 -> 0.7",)


def test_beyond_a_persons_mark_a_person_is_asked():
    ruling = ruling_on({"grip_vacuum_pa": 72e3}, {"grip_vacuum_pa": 69e3})
    assert ruling.route is Route.ASK_PERSON


def test_within_what_may_happen_alone_nobody_is_asked():
    assert ruling_on({"grip_vacuum_pa": 65e3}).route is Route.APPLY


def test_a_second_bold_change_too_soon_is_refused_but_a_gentle_one_is_not():
    authority = Authority(GOVERNANCE)
    authority.note_applied("cell", {"speed_scale": 0.6}, now_ns=0)
    soon_ns = 2 * NS_PER_S
    refused = ruling_on({"speed_scale": 0.65}, now_ns=soon_ns, authority=authority)
    assert refused.route is Route.REFUSE
    assert "wait 3.0 s" in refused.reason
    assert ruling_on({"speed_scale": 0.5}, now_ns=soon_ns, authority=authority).route is Route.APPLY
    later = ruling_on({"speed_scale": 0.65}, now_ns=5 * NS_PER_S, authority=authority)
    assert later.route is Route.ASK_TWIN


@pytest.mark.parametrize("value", [math.nan, math.inf, "fast", True, None])
def test_what_is_no_finite_number_is_refused(value):
    ruling = ruling_on({"speed_scale": value})
    assert ruling.route is Route.REFUSE
    assert "not a finite number" in ruling.reason


def test_what_is_not_governed_is_refused_with_everything_else_in_the_proposal():
    ruling = ruling_on({"grip_vacuum_pa": 65e3, "ledger_file": 1.0})
    assert ruling.route is Route.REFUSE
    assert ruling.parameters == {}
    assert "cell.ledger_file is not a governed parameter" in ruling.reason


def test_an_unknown_current_value_is_refused():
    assert "no known value yet" in ruling_on({"speed_scale": 0.5}, current={}).reason


def test_no_change_is_refused():
    assert ruling_on({"speed_scale": 0.6}).reason == "nothing would change"


def forecast(good=100.0, base=100.0, drops=0.0, base_drops=0.0):
    return Forecast(good, base, drops, base_drops)


def test_the_twins_answer_decides():
    authority = Authority(GOVERNANCE)
    asked = ruling_on({"speed_scale": 0.7})
    assert authority.weigh(asked, forecast()).route is Route.APPLY
    fewer = authority.weigh(asked, forecast(good=94.0))
    assert fewer.route is Route.REFUSE
    assert "94 good parts/h against 100" in fewer.reason
    dropping = authority.weigh(asked, forecast(drops=2.5))
    assert dropping.route is Route.REFUSE
    assert "2.5 more drops/h" in dropping.reason
    assert authority.weigh(asked, None).route is Route.APPLY


def test_the_reason_tells_of_figures_that_were_not_tried_themselves():
    authority = Authority(GOVERNANCE)
    asked = ruling_on({"speed_scale": 0.7})
    assert authority.weigh(asked, forecast()).reason == "the twin agrees"
    between = replace(forecast(), basis="between trials of speed_scale 0.6 and 0.9")
    assert authority.weigh(asked, between).reason == "the twin agrees, between trials of speed_scale 0.6 and 0.9"


def test_a_required_twin_that_is_silent_refuses():
    rule = Rule(0.0, 1.0, 0.5, 0.1, 0.0, safer=Direction.DOWN, twin=TwinUse.REQUIRE)
    governance = Governance({"cell": {"x": rule}}, 1.0, 1.0, 0.1, 1.0)
    authority = Authority(governance)
    asked = authority.rule_on("cell", {"x": 0.55}, {"x": 0.5}, 0)
    assert asked.route is Route.ASK_TWIN
    assert authority.weigh(asked, None).route is Route.REFUSE


@given(
    current=st.floats(0.2, 1.0),
    wanted=st.floats(allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6),
)
def test_nothing_ever_leaves_the_envelope_or_takes_more_than_a_bold_step(current, wanted):
    ruling = ruling_on({"speed_scale": wanted}, {"speed_scale": current})
    for value in ruling.parameters.values():
        assert SPEED.low <= value <= SPEED.high
        assert value - current <= SPEED.max_step + 1e-12
