"""The reflex policy: pace, exposure, dwell, and what holds a proposal back."""

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reflex_cases import CELL, DROPPED, GOOD, IMAGE, INTERVALS_S, TOOLING, after, seen

from workcell_control.policy.cycles import WANTED, CycleAssembler
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.hold import (
    BOUND,
    CEILING_M_S2,
    FLOOR_M_S2,
    GRIP_ALONE_MAX_PA,
)
from workcell_control.policy.look import DwellRule
from workcell_control.policy.pace import ALARM_FLOOR_SCALE, WARN_FLOOR_SCALE, PaceRule
from workcell_control.policy.policy import ImageHealth, Observation
from workcell_control.policy.reflex import NS_PER_S, ReflexPolicy


def test_good_cycles_make_the_arm_faster_step_by_step():
    wanted = after([GOOD, GOOD])
    assert wanted["cell.acceleration_scale"] == pytest.approx(0.62)
    assert 5.0 < wanted[f"cell.{BOUND}"] <= 6.0
    assert wanted["cell.speed_scale"] == pytest.approx(0.68)


def test_a_drop_makes_it_gentler_and_grips_harder():
    wanted = after([GOOD, DROPPED])
    assert wanted[f"cell.{BOUND}"] < 0.5 * GOOD.acceleration_max_m_s2 + 0.01
    assert wanted["cell.grip_vacuum_pa"] > 55e3
    assert "cell.speed_scale" not in wanted


def test_vacuum_falling_in_mid_move_is_answered_at_once():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    policy.propose(seen())
    assert policy.propose(seen(0.8, gripper__vacuum=47e3)) == []
    (reflex,) = policy.propose(seen(1.0, gripper__vacuum=25e3))
    assert reflex.urgency == "reflex"
    assert reflex.parameters[BOUND] < GOOD.acceleration_max_m_s2
    assert reflex.readings == {"gripper/vacuum": 25e3}


def test_vacuum_is_no_concern_while_nothing_is_carried():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    policy.propose(seen())
    policy.propose(seen(1.0, gripper__vacuum=47e3))
    assert policy.propose(seen(1.5, activity="place", gripper__vacuum=100.0)) == []
    assert policy.propose(seen(2.0, activity="approach", gripper__vacuum=50.0)) == []


def test_vacuum_that_builds_up_after_the_grip_is_no_failing_grip():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    policy.propose(seen())
    for tick, vacuum_pa in enumerate((5e3, 20e3, 35e3, 46e3)):
        assert policy.propose(seen(1.0 + 0.05 * tick, gripper__vacuum=vacuum_pa)) == []


def test_a_complaint_of_the_monitor_slows_the_arm():
    fast = CELL | {"speed_scale": 0.9}
    wanted = after([GOOD], seen(cell=fast, alarms={"arm/joint_3/vibration": 1}, arm__joint_3__vibration=9.0))
    assert wanted["cell.speed_scale"] == pytest.approx(0.72)


@pytest.mark.parametrize(("level", "falls", "slowest"), [(1, 3, WARN_FLOOR_SCALE), (2, 6, ALARM_FLOOR_SCALE)])
def test_a_warning_that_stays_is_answered_slower_and_less_than_an_alarm(level, falls, slowest):
    rule = PaceRule()
    cell = CELL | {"speed_scale": 0.95}
    speeds = [0.95]
    for _ in range(6):
        rule.learn(GOOD)
        for proposal in rule.propose(seen(cell=cell, alarms={"arm/joint_1/vibration": level})):
            cell |= proposal.parameters
            speeds.append(cell["speed_scale"])
    assert len(speeds) == 1 + falls
    for _ in range(20):
        rule.learn(GOOD)
        for proposal in rule.propose(seen(cell=cell, alarms={"arm/joint_1/vibration": level})):
            cell |= proposal.parameters
    assert cell["speed_scale"] == slowest


def test_a_protective_stop_slows_the_arm_before_it_moves_on_and_once():
    rule = PaceRule()
    cell = CELL | {"speed_scale": 0.9}
    assert rule.propose(seen(cell=cell, activity="transfer", arm__protective_stop=0.0)) == []
    (first,) = rule.propose(seen(cell=cell, activity="transfer", arm__protective_stop=1.0))
    assert (first.urgency, first.parameters["speed_scale"]) == ("reflex", pytest.approx(0.72))
    cell |= first.parameters
    assert rule.propose(seen(cell=cell, activity="transfer", arm__protective_stop=1.0)) == []
    rule.propose(seen(cell=cell, activity="transfer", arm__protective_stop=0.0))
    (again,) = rule.propose(seen(cell=cell, activity="transfer", arm__protective_stop=1.0))
    assert again.parameters["speed_scale"] == pytest.approx(0.576)
    slowest = CELL | {"speed_scale": ALARM_FLOOR_SCALE}
    rule.propose(seen(cell=slowest, arm__protective_stop=0.0))
    assert rule.propose(seen(cell=slowest, arm__protective_stop=1.0)) == []


def test_an_alarm_on_something_else_does_not():
    assert "cell.speed_scale" not in after([GOOD], seen(alarms={"cell/ambient_light": 2}))


def test_dear_power_caps_the_speed():
    fast = CELL | {"speed_scale": 0.95}
    assert after([GOOD], seen(cell=fast, cell__tariff=0.6))["cell.speed_scale"] == 0.85


@pytest.mark.parametrize(("level", "is_longer"), [(0.6, True), (1.5, False)])
def test_exposure_follows_the_light(level, is_longer):
    image = dataclasses.replace(IMAGE, light_level=level)
    exposure_s = after([GOOD], seen(image=image))["inspection.exposure_s"]
    assert (exposure_s > 0.004) is is_longer


def test_light_as_taught_leaves_the_exposure_alone():
    assert "inspection.exposure_s" not in after([GOOD], seen(image=dataclasses.replace(IMAGE, light_level=1.03)))


def test_an_image_from_before_the_last_change_is_not_judged_again():
    image = ImageHealth(light_level=0.6, blur_px=0.9, exposure_s=0.002)
    assert "inspection.exposure_s" not in after([GOOD], seen(image=image))


def test_blur_lengthens_the_settling_and_sharpness_shortens_it():
    blurred, sharp = (dataclasses.replace(IMAGE, blur_px=blur_px) for blur_px in (2.2, 0.2))
    assert after([GOOD], seen(image=blurred))["cell.settle_s"] == pytest.approx(0.24)
    assert after([GOOD, GOOD], seen(image=sharp))["cell.settle_s"] == pytest.approx(0.16)


def test_one_sharp_image_is_no_reason_to_wait_less():
    assert "cell.settle_s" not in after([GOOD], seen(image=dataclasses.replace(IMAGE, blur_px=0.2)))


def test_a_wait_that_turned_out_too_short_is_not_tried_again_for_long():
    rule = DwellRule()
    cell = dict(CELL)
    waits = []
    for _ in range(60):
        # Everything below a wait of 0.15 s is blurred, and what lies above is sharp.
        image = dataclasses.replace(IMAGE, blur_px=2.3 if cell["settle_s"] < 0.15 else 0.5)
        rule.learn(GOOD)
        for proposal in rule.propose(seen(cell=cell, image=image)):
            cell |= proposal.parameters
        waits.append(cell["settle_s"])
    assert waits[-1] == pytest.approx(0.16)
    assert sum(before != after for before, after in pairwise(waits)) <= 3


def test_what_was_refused_is_not_asked_again_at_once():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    (asked,) = policy.propose(seen())
    policy.hear(asked.node, asked.parameters, "refused", 0)
    policy.learn(GOOD)
    assert all(not set(item.parameters) & set(asked.parameters) for item in policy.propose(seen(5.0)))
    policy.learn(GOOD)
    assert any(set(item.parameters) & set(asked.parameters) for item in policy.propose(seen(30.0)))


def test_what_waits_for_a_person_holds_nothing_else_up():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    weak = dataclasses.replace(GOOD, vacuum_min_pa=16e3, acceleration_max_m_s2=6.0)
    policy.learn(weak)
    proposals = policy.propose(seen(cell=CELL | {"grip_vacuum_pa": GRIP_ALONE_MAX_PA}))
    asked = [item for item in proposals if item.urgency == "ask"]
    assert [set(item.parameters) for item in asked] == [{"grip_vacuum_pa"}]
    assert any(BOUND in item.parameters for item in proposals if item.urgency != "ask")


def test_while_an_answer_is_due_the_same_is_not_asked_again():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    (asked,) = policy.propose(seen())
    policy.learn(GOOD)
    assert all(not set(item.parameters) & set(asked.parameters) for item in policy.propose(seen(6.0)))
    policy.hear(asked.node, asked.parameters, "applied", round(7.0 * NS_PER_S))
    policy.learn(GOOD)
    assert any(set(item.parameters) & set(asked.parameters) for item in policy.propose(seen(12.0)))


def test_a_refusal_never_holds_back_a_reflex_for_long():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    policy.propose(seen())
    policy.hear("cell", {"grip_vacuum_pa": 60e3}, "refused", 0)
    policy.learn(DROPPED)
    urgent = [item for item in policy.propose(seen(1.0)) if item.urgency == "reflex"]
    assert urgent
    assert urgent[0].parameters[BOUND] < GOOD.acceleration_max_m_s2


def test_without_known_parameters_nothing_is_proposed():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    assert policy.propose(Observation(0, "transfer", {}, {}, {}, {})) == []


def test_the_fixed_policy_changes_nothing():
    policy = FixedPolicy()
    policy.learn(DROPPED)
    assert policy.propose(seen(gripper__vacuum=1.0)) == []


@given(
    cycles=st.lists(
        st.builds(
            dataclasses.replace,
            st.just(GOOD),
            is_dropped=st.booleans(),
            vacuum_min_pa=st.floats(0.0, 90e3),
            acceleration_max_m_s2=st.floats(0.0, 30.0),
            pick_attempts=st.integers(0, 5),
        ),
        max_size=40,
    )
)
def test_whatever_happens_proposals_stay_in_sane_bounds(cycles):
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    cell = dict(CELL)
    for index, cycle in enumerate(cycles):
        policy.learn(cycle)
        for proposal in policy.propose(seen(6.0 * index, cell=cell)):
            if proposal.node == "cell":
                cell |= proposal.parameters
        assert 0.1 <= cell["acceleration_scale"] <= 1.0
        assert FLOOR_M_S2 <= cell[BOUND] <= CEILING_M_S2
        assert 0.1 <= cell["speed_scale"] <= 1.0
        assert 30e3 <= cell["grip_vacuum_pa"] <= 76e3
        assert 0.05 <= cell["settle_s"] <= 0.6
        assert 0.05 <= cell["grip_dwell_s"] <= 0.6


def test_a_change_is_not_asked_for_before_the_governor_would_take_it():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    (asked,) = policy.propose(seen(cell=CELL | {BOUND: 3.0}))
    policy.hear(asked.node, asked.parameters, "applied", 0)
    cell = CELL | asked.parameters
    policy.learn(GOOD)
    early = [item for item in policy.propose(seen(3.9, cell=cell)) if BOUND in item.parameters]
    policy.learn(GOOD)
    later = [item for item in policy.propose(seen(4.1, cell=cell)) if BOUND in item.parameters]
    assert not early
    assert later


def test_a_gentler_scale_waits_for_nothing():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    (asked,) = policy.propose(seen())
    policy.hear(asked.node, asked.parameters, "applied", 0)
    policy.learn(dataclasses.replace(GOOD, vacuum_min_pa=20e3, acceleration_max_m_s2=5.0))
    (gentler,) = [item for item in policy.propose(seen(1.0)) if BOUND in item.parameters]
    assert gentler.urgency == "reflex"
    assert gentler.parameters[BOUND] < 5.0


def test_a_cycle_is_whole_once_every_metric_is_there():
    assembler = CycleAssembler()
    values = {"drop": 0.0, "verdict": 2.0, "pick_attempts": 1.0}
    got = [assembler.add(5, name, values.get(name, 1.5)) for name in WANTED]
    assert got[:-1] == [None] * (len(WANTED) - 1)
    assert got[-1] is not None
    assert got[-1].verdict == "reject"
    assert assembler.add(5, "drop", 1.0) is None


def test_a_new_window_discards_a_cycle_that_never_became_whole():
    assembler = CycleAssembler()
    assembler.add(5, "drop", 1.0)
    for name in WANTED[:-1]:
        assert assembler.add(6, name, 0.0) is None
    cycle = assembler.add(6, WANTED[-1], 0.0)
    assert cycle is not None
    assert not cycle.is_dropped
