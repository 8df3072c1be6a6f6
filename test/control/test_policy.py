"""The reflex policy: each rule's direction, its hysteresis, and what holds it back."""

import dataclasses
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.policy.cycles import WANTED, CycleAssembler
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.hold import (
    BOUND,
    CAUTIOUS_CYCLES,
    CEILING_M_S2,
    FLOOR_M_S2,
    GRIP_ALONE_MAX_PA,
    MARGIN_MAX,
    MARGIN_MIN,
    HoldRule,
)
from workcell_control.policy.look import DwellRule
from workcell_control.policy.pace import ALARM_FLOOR_SCALE, WARN_FLOOR_SCALE, PaceRule
from workcell_control.policy.payload import SAMPLES_MIN, PayloadEstimate
from workcell_control.policy.policy import Cycle, ImageHealth, Observation
from workcell_control.policy.reflex import NS_PER_S, ReflexPolicy, Tooling
from workcell_control.policy.running_low import RunningLow

TOOLING = Tooling(cup_radius_m=0.005, part_mass_kg=0.12, weigh_lever_m=0.5, friction=0.5)
INTERVALS_S = {
    "cell": {"speed_scale": 5.0, "acceleration_scale": 5.0, "jerk_scale": 5.0, BOUND: 4.0, "grip_vacuum_pa": 2.0}
}
CELL = {
    "speed_scale": 0.6,
    "acceleration_scale": 0.5,
    "jerk_scale": 0.5,
    BOUND: 5.0,
    "grip_vacuum_pa": 55e3,
    "grip_dwell_s": 0.2,
    "settle_s": 0.2,
}
GOOD = Cycle(
    is_dropped=False,
    verdict="accept",
    cycle_time_s=6.0,
    vacuum_min_pa=47e3,
    acceleration_max_m_s2=3.0,
    pick_attempts=1,
    tracking_error_max_rad=1e-3,
    energy_j=1500.0,
)
DROPPED = dataclasses.replace(GOOD, is_dropped=True, verdict="none", vacuum_min_pa=20e3)
IMAGE = ImageHealth(light_level=1.0, blur_px=0.9, exposure_s=0.004)


def seen(now_s=0.0, cell=CELL, image=IMAGE, activity="transfer", alarms=None, late_s=0.0, **readings):
    tags = {name.replace("__", "/"): value for name, value in readings.items()}
    parameters = {"cell": cell, "inspection": {"exposure_s": 0.004}}
    now_ns = round(now_s * NS_PER_S)
    taken_ns = dict.fromkeys(tags, now_ns - round(late_s * NS_PER_S))
    return Observation(now_ns, activity, tags, taken_ns, alarms or {}, parameters, image)


def after(cycles, observation=None):
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    wanted = {}
    for index, cycle in enumerate(cycles):
        policy.learn(cycle)
        now = dataclasses.replace(observation or seen(), now_ns=6 * index * NS_PER_S)
        for proposal in policy.propose(now):
            wanted |= {f"{proposal.node}.{name}": value for name, value in proposal.parameters.items()}
    return wanted


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


def test_the_margin_learns_from_drops_within_bounds():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    before = rule.margin
    rule.learn(DROPPED)
    assert rule.margin > before
    for _ in range(50):
        rule.learn(DROPPED)
    assert rule.margin == MARGIN_MAX
    for _ in range(2000):
        rule.learn(GOOD)
    assert rule.margin == MARGIN_MIN


def test_a_leak_is_met_with_more_grip_up_to_what_may_happen_alone():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    cell = dict(CELL)
    leaking = dataclasses.replace(GOOD, vacuum_min_pa=38e3)
    for index in range(20):
        policy.learn(leaking)
        for proposal in policy.propose(seen(6.0 * index, cell=cell)):
            policy.hear(proposal.node, proposal.parameters, "applied", round(6.0 * index * NS_PER_S))
            if proposal.node == "cell":
                cell |= proposal.parameters
    assert cell["grip_vacuum_pa"] == GRIP_ALONE_MAX_PA


def weigh(estimate, torque):
    """One cycle with enough samples for a weighing."""
    for _ in range(SAMPLES_MIN):
        estimate.see("inspect", {"arm/joint_2/torque": torque})
    estimate.end_cycle()


def test_a_heavier_lot_is_weighed():
    estimate = PayloadEstimate(nominal_kg=0.12, lever_m=0.5)
    for torque in [-40.0] * 6 + [-40.9] * 24:
        estimate.see("transfer", {"arm/joint_2/torque": -70.0})
        estimate.see("inspect", {"arm/joint_2/torque": -60.0, "arm/joint_3/speed": 0.1})
        weigh(estimate, torque)
    assert estimate.mass_kg == pytest.approx(0.12 + 0.9 / (9.80665 * 0.5), rel=0.02)


def test_gears_that_wear_slowly_are_not_taken_for_heavier_parts():
    estimate = PayloadEstimate(nominal_kg=0.12, lever_m=0.5)
    for cycle in range(400):
        weigh(estimate, -40.0 - 0.004 * cycle)
    assert estimate.mass_kg < 0.12 * 1.25


def test_noise_of_one_cycle_is_not_taken_for_another_lot():
    estimate = PayloadEstimate(nominal_kg=0.12, lever_m=0.5)
    for torque in [-40.0] * 20 + [-40.7] + [-40.0]:
        weigh(estimate, torque)
    assert estimate.mass_kg < 0.12 * 1.25


def test_a_part_weighed_light_is_carried_like_a_nominal_one():
    estimate = PayloadEstimate(nominal_kg=0.12, lever_m=0.5)
    for torque in [-40.0] * 10 + [-39.0] * 20:
        weigh(estimate, torque)
    assert estimate.mass_kg == 0.12


def test_the_weakest_of_uneven_grips_counts_not_the_last():
    even, uneven = RunningLow(), RunningLow()
    for index in range(30):
        even.note(0.8)
        uneven.note(0.9 if index % 2 else 0.7)
    assert even.low == pytest.approx(0.8, abs=0.01)
    assert uneven.low < 0.7
    assert RunningLow().low is None


@given(st.lists(st.floats(0.0, 2.0), min_size=1, max_size=50))
def test_the_low_lies_between_nothing_and_the_largest_seen(values):
    low = RunningLow()
    for value in values:
        low.note(value)
    assert 0.0 <= low.low <= max(values) + 1e-12


def test_after_a_drop_the_arm_is_much_gentler_and_the_grip_much_stronger_at_once():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(GOOD)
    policy.propose(seen())
    policy.learn(dataclasses.replace(DROPPED, vacuum_min_pa=54e3))
    wanted = {name: value for item in policy.propose(seen(1.0)) for name, value in item.parameters.items()}
    assert wanted[BOUND] <= 0.5 * GOOD.acceleration_max_m_s2
    assert wanted["grip_vacuum_pa"] == 65e3


def test_grips_that_differ_from_part_to_part_make_no_swing():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    cell = dict(CELL)
    bounds = []
    for index in range(80):
        vacuum_pa = 38e3 if index % 6 == 0 else 42e3
        rule.learn(dataclasses.replace(GOOD, vacuum_min_pa=vacuum_pa))
        for proposal in rule.propose(seen(5.0 * index, cell=cell)):
            cell |= {key: value for key, value in proposal.parameters.items() if key == BOUND}
        bounds.append(cell[BOUND])
    settled = bounds[40:]
    assert max(settled) - min(settled) < 0.5


def test_a_stronger_grip_is_not_judged_by_a_vacuum_from_before():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    firm = CELL | {"grip_vacuum_pa": 70e3}
    for cell in (CELL, firm):
        rule.learn(GOOD)
        proposals = rule.propose(seen(cell=cell))
    assert all(item.parameters.get(BOUND, 9.0) > 5.0 for item in proposals)


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


def test_a_weak_grip_is_judged_before_the_part_is_moved_fast():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(dataclasses.replace(GOOD, vacuum_min_pa=45e3, acceleration_max_m_s2=6.3))
    policy.propose(seen())
    said = []
    for tick in range(12):
        vacuum_pa = min(28e3, 8e3 * tick)
        said += [
            (tick, item) for item in policy.propose(seen(1.0 + 0.05 * tick, activity="pick", gripper__vacuum=vacuum_pa))
        ]
    ((tick, reflex),) = said
    assert 0.05 * (tick - 3) >= 0.25
    assert reflex.urgency == "reflex"
    assert reflex.parameters[BOUND] < 4.0


def test_a_late_reading_of_a_vacuum_that_builds_up_is_no_weak_grip():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    rule.learn(GOOD)
    rule.propose(seen())
    said = rule.propose(seen(1.0, activity="pick", gripper__vacuum=20e3))
    said += rule.propose(seen(1.4, activity="pick", late_s=0.35, gripper__vacuum=22e3))
    assert said == []


def test_a_sound_grip_and_one_that_still_builds_up_are_left_alone():
    policy = ReflexPolicy(TOOLING, INTERVALS_S)
    policy.learn(dataclasses.replace(GOOD, vacuum_min_pa=45e3, acceleration_max_m_s2=3.3))
    policy.propose(seen())
    for tick in range(12):
        vacuum_pa = min(45e3, 8e3 * tick)
        assert policy.propose(seen(1.0 + 0.05 * tick, activity="pick", gripper__vacuum=vacuum_pa)) == []


def test_the_empty_cup_after_a_drop_says_nothing_of_the_next_grip():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    for cycle in (GOOD, dataclasses.replace(DROPPED, vacuum_min_pa=5e3)):
        rule.learn(cycle)
        proposals = rule.propose(seen())
    (gentler,) = proposals
    assert FLOOR_M_S2 < gentler.parameters[BOUND] <= 0.5 * GOOD.acceleration_max_m_s2


def lift(rule, cell, activities, vacuum_pa):
    """What a rule says while a part is gripped and the cell goes through these activities."""
    said = []
    for tick, activity in enumerate(activities):
        said += rule.propose(seen(10.0 + 0.1 * tick, cell=cell, activity=activity, gripper__vacuum=vacuum_pa))
    return said


def test_a_part_that_falls_back_when_it_is_lifted_is_lifted_more_gently():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    rule.learn(GOOD)
    rule.propose(seen())
    (reflex,) = lift(rule, CELL, ["pick", "pick", "recover", "recover"], 47e3)
    assert reflex.urgency == "reflex"
    assert reflex.parameters[BOUND] <= 0.5 * GOOD.acceleration_max_m_s2
    assert reflex.parameters["grip_vacuum_pa"] == 65e3


def test_a_part_lost_at_the_lift_is_taken_for_as_heavy_as_explains_it_until_parts_were_weighed():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    rule.learn(dataclasses.replace(GOOD, acceleration_max_m_s2=5.0))
    rule.propose(seen())
    lift(rule, CELL, ["pick", "pick", "recover"], 47e3)
    # F < m (g + a), with what the weakest grip pulls.
    assert 0.19 < rule.mass_kg < 47e3 * 7.854e-5 / (9.81 + 5.0)
    for _ in range(CAUTIOUS_CYCLES):
        rule.learn(GOOD)
    assert rule.mass_kg == 0.12


def test_a_pick_that_found_no_vacuum_is_no_reason_for_a_gentler_arm():
    rule = HoldRule(0.005, 0.12, 0.5, 0.5)
    rule.learn(GOOD)
    rule.propose(seen())
    assert lift(rule, CELL, ["pick", "pick", "recover", "recover"], 3e3) == []


def test_after_a_lost_part_the_arm_stays_gentle_until_parts_were_weighed():
    policy = ReflexPolicy(TOOLING, {})
    cell = CELL | {BOUND: 1.5}
    policy.learn(DROPPED)
    policy.propose(seen(cell=cell))
    rises = []
    for cycle in range(1, 9):
        policy.learn(GOOD)
        now_s = 100.0 * cycle
        proposals = policy.propose(seen(now_s, cell=cell))
        rises.append(any(item.parameters.get(BOUND, 0.0) > cell[BOUND] for item in proposals))
    assert rises == [False] * 5 + [True] * 3
