"""The twin's cores: mirror, trials, forecast."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.governance.authority import Authority
from workcell_control.governance.rules import Direction, Governance, Rule, TwinUse
from workcell_control.twin.answers import ANSWERS_MAX
from workcell_control.twin.forecast import SETTLED_CYCLES, Drift, ForkCycle, fruitless, is_settled, outlook
from workcell_control.twin.fork import ForkRequest, cycles_to_line
from workcell_control.twin.mirror import Condition, Mirror, PumpModel
from workcell_control.twin.trials import WAITING_MAX, Trial, Trials, asks_twin, change_of

GOOD = ForkCycle(cycle_time_s=6.0, is_good=True, is_dropped=False, energy_j=1500.0)
DROP = ForkCycle(cycle_time_s=9.0, is_good=False, is_dropped=True, energy_j=1700.0)
IN_FORCE = {"cell": {"speed_scale": 0.6}}
FASTER = {"cell": {"speed_scale": 0.7}}


def test_an_hour_of_equal_cycles_is_as_good_but_not_certain():
    seen = outlook([GOOD] * 8, seed=1)
    assert seen.good_parts_per_hour.mean == seen.good_parts_per_hour.high == pytest.approx(600.0)
    assert 450.0 < seen.good_parts_per_hour.low < 590.0
    assert seen.drops_per_hour.mean == seen.drops_per_hour.low == 0.0
    assert seen.drops_per_hour.high > 10.0
    assert seen.energy_per_good_part_j == pytest.approx(1500.0)


def test_more_cycles_are_more_certain():
    few, many = outlook([GOOD] * 5, seed=1), outlook([GOOD] * 50, seed=1)
    assert few.good_parts_per_hour.low < many.good_parts_per_hour.low
    assert few.drops_per_hour.high > many.drops_per_hour.high


def test_mixed_cycles_give_an_interval_around_the_mean():
    seen = outlook([GOOD] * 6 + [DROP] * 2, seed=1)
    figure = seen.good_parts_per_hour
    assert figure.low < figure.mean < figure.high
    assert seen.drops_per_hour.mean == pytest.approx(3600.0 * 2 / 54.0)


def test_no_cycles_no_outlook():
    with pytest.raises(ValueError, match="at least one cycle"):
        outlook([], seed=1)


@given(st.lists(st.sampled_from([GOOD, DROP]), min_size=1, max_size=30), st.integers(0, 5))
def test_the_interval_is_ordered_and_repeatable(cycles, seed):
    first, second = outlook(cycles, seed), outlook(cycles, seed)
    assert first == second
    assert first.good_parts_per_hour.low <= first.good_parts_per_hour.high


def test_a_fork_is_settled_once_cycles_repeat_themselves():
    slow = ForkCycle(cycle_time_s=9.0, is_good=True, is_dropped=False, energy_j=1900.0)
    assert is_settled([slow] + [GOOD] * SETTLED_CYCLES)
    assert not is_settled([slow] + [GOOD] * (SETTLED_CYCLES - 1))


def test_a_fork_in_which_nothing_ended_foresees_no_parts():
    seen = outlook([fruitless(30.0)], seed=1)
    assert seen.good_parts_per_hour.mean == 0.0
    assert seen.drops_per_hour.mean == 0.0


def test_a_fork_that_has_more_to_tell_is_not_settled():
    slower = ForkCycle(cycle_time_s=6.5, is_good=True, is_dropped=False, energy_j=1500.0)
    rejected = ForkCycle(cycle_time_s=6.0, is_good=False, is_dropped=False, energy_j=1500.0)
    assert not is_settled([GOOD, GOOD, slower])
    assert is_settled([GOOD, GOOD, slower, slower])
    for bad in (DROP, rejected):
        assert not is_settled([bad] + [GOOD] * 9)


def test_drift_holds_real_cycles_against_what_was_foreseen_for_their_parameters():
    drift = Drift()
    assert math.isnan(drift.value)
    drift.note_foreseen("slow", [GOOD] * 4)
    for _ in range(3):
        drift.note_actual("slow", 6.6)
    assert drift.value == pytest.approx(0.1)
    drift.note_foreseen("fast", [ForkCycle(3.0, True, False, 1.0)])
    assert drift.value == pytest.approx(0.1)
    for _ in range(9):
        drift.note_actual("fast", 3.6)
    assert drift.value == pytest.approx(0.2)


def test_a_cycle_in_which_parameters_changed_is_no_drift():
    drift = Drift()
    drift.note_foreseen("slow", [GOOD])
    drift.note_foreseen("fast", [GOOD])
    drift.note_actual("slow", 60.0)
    drift.note_actual("slow", 6.0)
    drift.note_actual("fast", 60.0)
    assert drift.value == 0.0


def test_cycles_nobody_foresaw_are_no_drift():
    drift = Drift()
    for _ in range(3):
        drift.note_actual("unknown", 6.0)
    assert math.isnan(drift.value)


@given(leak=st.floats(0.0, 1.5), set_point_pa=st.floats(35e3, 70e3))
def test_the_pump_model_finds_the_leak_that_made_the_level(leak, set_point_pa):
    pump = PumpModel()
    share = set_point_pa / pump.vacuum_max_pa
    healthy = pump.sealed_leak * share / (1.0 - share)
    low, high = 1.0, set_point_pa
    for _ in range(80):  # the steady level by bisection: flow in equals flow out
        level = 0.5 * (low + high)
        drive = min(max(healthy + (set_point_pa - level) / pump.regulator_band_pa, 0.0), 1.0)
        final = pump.vacuum_max_pa * drive / (drive + pump.sealed_leak + leak)
        low, high = (level, high) if final > level else (low, level)
    assert pump.leak(level, set_point_pa) == pytest.approx(leak, abs=0.02)


def test_the_mirror_follows_leak_light_and_mass():
    mirror = Mirror(0.12, 0.5, 0.004, PumpModel())
    for cycle in range(40):
        torque_nm = 30.0 if cycle < 18 else 30.6
        mirror.note_readings("inspect", {"arm/joint_2/torque": torque_nm, "gripper/vacuum": 40e3}, 55e3)
        mirror.note_image(0.9, 0.006)
        mirror.end_cycle()
    assert mirror.condition.leak > 0.1
    assert mirror.condition.light == pytest.approx(0.6)
    assert mirror.condition.mass == pytest.approx(1.0 + 0.6 / (9.80665 * 0.5) / 0.12, rel=0.05)


def test_vacuum_while_nothing_is_carried_tells_nothing_of_a_leak():
    mirror = Mirror(0.12, 0.5, 0.004, PumpModel())
    mirror.note_readings("approach", {"gripper/vacuum": 10e3}, 55e3)
    mirror.note_readings("place", {"gripper/vacuum": 130.0}, 55e3)
    assert mirror.condition == Condition()


def test_a_lost_part_is_no_leak():
    mirror = Mirror(0.12, 0.5, 0.004, PumpModel())
    mirror.note_readings("transfer", {"gripper/vacuum": 130.0}, 55e3)
    assert mirror.condition == Condition()


def test_conditions_hardly_apart_are_one_to_the_fork():
    assert Condition(0.55, 1.02, 0.79).rounded() == Condition(0.65, 0.98, 0.84).rounded()
    assert Condition(leak=0.2).rounded() != Condition(leak=0.4).rounded()
    assert Condition().rounded() == Condition()


def test_a_trial_asks_for_both_forks_with_one_seed():
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(1, IN_FORCE, FASTER))
    baseline, proposed = trials.next_requests(Condition())
    assert (baseline.parameters, proposed.parameters) == (IN_FORCE, FASTER)
    assert baseline.seed == proposed.seed == 5
    trials.take([GOOD])
    assert trials.finished() is None
    trials.take([DROP])
    result = trials.finished()
    assert result is not None
    assert (result.in_force.cycles, result.proposed.cycles) == ([GOOD], [DROP])
    assert trials.is_idle


def test_a_baseline_is_not_run_twice_while_nothing_changed():
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(0, IN_FORCE, IN_FORCE))
    assert len(trials.next_requests(Condition())) == 1
    trials.take([GOOD])
    assert trials.finished() is not None
    trials.add(Trial(2, IN_FORCE, FASTER))
    (only,) = trials.next_requests(Condition())
    assert only.parameters == FASTER
    trials.take([DROP])
    result = trials.finished()
    assert result is not None
    assert (result.in_force.cycles, result.proposed.cycles) == ([GOOD], [DROP])


def test_another_condition_needs_another_baseline():
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(0, IN_FORCE, IN_FORCE))
    trials.next_requests(Condition())
    trials.take([GOOD])
    trials.finished()
    trials.add(Trial(2, IN_FORCE, FASTER))
    assert len(trials.next_requests(Condition(leak=0.5))) == 2


LEAKING = Condition(leak=0.8, mass=1.5)
LIT = {"cell": {"speed_scale": 0.6}, "inspection": {"exposure_s": 0.004}}
SMOOTH = [GOOD] * SETTLED_CYCLES


def asked_after(condition, parameters, cycles, then, then_parameters):
    """What is asked for a condition after another one was answered with these cycles."""
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(0, parameters, parameters))
    trials.next_requests(condition)
    trials.take(cycles)
    assert trials.finished() is not None
    trials.add(Trial(2, then_parameters, then_parameters))
    asked = trials.next_requests(then)
    if not asked:
        result = trials.finished()
        assert result is not None
        assert result.in_force.cycles == result.proposed.cycles == cycles
    return asked


@pytest.mark.parametrize("easier", [Condition(leak=0.4, mass=1.5), Condition(leak=0.8, mass=1.2), Condition()])
def test_what_ran_smoothly_is_not_run_again_under_easier_conditions(easier):
    assert asked_after(LEAKING, IN_FORCE, SMOOTH, easier, IN_FORCE) == []


@pytest.mark.parametrize("harder", [Condition(leak=1.0, mass=1.5), Condition(leak=0.8, mass=1.8), Condition(leak=1.0)])
def test_harder_conditions_are_run(harder):
    assert len(asked_after(LEAKING, IN_FORCE, SMOOTH, harder, IN_FORCE)) == 1


def test_what_did_not_run_smoothly_is_run_again_under_any_other_condition():
    assert len(asked_after(LEAKING, IN_FORCE, [*SMOOTH, DROP], Condition(), IN_FORCE)) == 1


def test_other_parameters_are_run_under_easier_conditions_too():
    assert len(asked_after(LEAKING, IN_FORCE, SMOOTH, Condition(), FASTER)) == 1


@pytest.mark.parametrize(
    ("light", "exposure_s", "is_run"),
    [(1.0, 0.0045, False), (0.8, 0.0048, False), (0.6, 0.004, True), (0.4, 0.01, True), (1.0, 0.0052, True)],
)
def test_light_that_the_exposure_makes_up_for_needs_no_other_run(light, exposure_s, is_run):
    parameters = {**LIT, "inspection": {"exposure_s": exposure_s}}
    assert bool(asked_after(Condition(), LIT, SMOOTH, Condition(light=light), parameters)) is is_run


def test_other_light_is_run_where_no_exposure_is_known():
    assert len(asked_after(Condition(), IN_FORCE, SMOOTH, Condition(light=0.8), IN_FORCE)) == 1


def test_waiting_trials_are_bounded_and_counted():
    trials = Trials(seed=5, duration_s=60.0)
    for stamp in range(WAITING_MAX + 3):
        trials.add(Trial(stamp, IN_FORCE, FASTER))
    assert trials.dropped == 3


def test_a_lost_fork_leaves_nothing_half_done():
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(1, IN_FORCE, FASTER))
    trials.next_requests(Condition())
    trials.take([GOOD])
    trials.forget()
    assert trials.is_idle
    assert not trials.is_waiting_for_fork
    trials.add(Trial(2, IN_FORCE, FASTER))
    (missing,) = trials.next_requests(Condition())
    assert missing.parameters == FASTER


def test_an_accepted_proposal_is_the_next_baseline():
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(1, IN_FORCE, FASTER))
    trials.next_requests(Condition())
    trials.take([GOOD])
    trials.take([DROP])
    trials.finished()
    still_faster = {"cell": {"speed_scale": 0.8}}
    trials.add(Trial(2, FASTER, still_faster))
    (only,) = trials.next_requests(Condition())
    assert only.parameters == still_faster
    trials.take([GOOD])
    result = trials.finished()
    assert result is not None
    assert (result.in_force.cycles, result.proposed.cycles) == ([DROP], [GOOD])


def test_what_changes_nothing_is_run_once():
    trials = Trials(seed=5, duration_s=60.0)
    trials.add(Trial(1, IN_FORCE, IN_FORCE))
    assert len(trials.next_requests(Condition())) == 1
    trials.take([GOOD])
    result = trials.finished()
    assert result is not None
    assert result.in_force.cycles == result.proposed.cycles == [GOOD]


def test_old_answers_give_way_but_never_those_in_use():
    trials = Trials(seed=5, duration_s=60.0)
    for step in range(ANSWERS_MAX + 5):
        trials.add(Trial(1, IN_FORCE, {"cell": {"speed_scale": 0.2 + 0.001 * step}}))
        asked = trials.next_requests(Condition())
        assert len(asked) == (2 if step == 0 else 1)
        for _ in asked:
            trials.take([GOOD])
        assert trials.finished() is not None
    trials.add(Trial(1, IN_FORCE, {"cell": {"speed_scale": 0.2}}))
    assert len(trials.next_requests(Condition())) == 1


def test_the_twin_clips_as_the_governor_does():
    speed = Rule(0.2, 1.0, 0.4, 0.1, 1.0, safer=Direction.DOWN, twin=TwinUse.ADVISE)
    governance = Governance({"cell": {"speed_scale": speed}}, 1.0, 1.0, 0.1, 1.0)
    in_force = {"speed_scale": 0.6}
    for wanted in (0.0, 0.3, 0.6, 0.65, 0.9, 5.0):
        ruling = Authority(governance).rule_on("cell", {"speed_scale": wanted}, in_force, 0)
        assert change_of(governance, "cell", {"speed_scale": wanted}, in_force) == ruling.parameters
    assert change_of(governance, "cell", {"unknown": 1.0}, in_force) == {}


def test_the_governor_waits_only_for_bold_changes_the_twin_is_asked_about():
    speed = Rule(0.2, 1.0, 0.4, 0.1, 1.0, safer=Direction.DOWN, twin=TwinUse.ADVISE)
    grip = Rule(30e3, 80e3, 60e3, 1e4, 1.0)
    governance = Governance({"cell": {"speed_scale": speed, "grip": grip}}, 1.0, 1.0, 0.1, 1.0)
    in_force = {"speed_scale": 0.6, "grip": 50e3}
    assert asks_twin(governance, "cell", {"speed_scale": 0.7}, in_force)
    assert not asks_twin(governance, "cell", {"speed_scale": 0.5}, in_force)
    assert not asks_twin(governance, "cell", {"grip": 60e3}, in_force)
    assert not asks_twin(governance, "nobody", {"speed_scale": 0.7}, in_force)


def test_requests_and_answers_survive_the_line():
    request = ForkRequest(Condition(leak=0.3), IN_FORCE, 7, 60.0)
    assert ForkRequest.from_line(request.to_line().decode()) == request
    assert "\n" not in cycles_to_line([GOOD, DROP])
