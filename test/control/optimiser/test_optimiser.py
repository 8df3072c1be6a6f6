"""The optimiser as a policy: what it may never do, whatever it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workcell_control.governance.rules import load_governance
from workcell_control.policy.assembly import make_policy
from workcell_control.policy.optimiser.guarded import STOP_CAP_CYCLES, GuardedOptimiser
from workcell_control.policy.optimiser.options import load_options
from workcell_control.policy.optimiser.setting import NODE_OF, Setting
from workcell_control.policy.policy import Cycle, ImageHealth, LearnedState, Observation, Proposal
from workcell_control.policy.policy_parameters import PolicyParameters
from workcell_control.policy.reflex import Tooling
from workcell_control.policy.value import load_prices

GOVERNANCE = load_governance("config/governance.yaml")
PRICES = load_prices("config/value.yaml")
OPTIONS = replace(load_options("config/optimiser.yaml"), takt_s=2.0)
"""Of a line that always has another part."""
TOOLING = Tooling(cup_radius_m=0.005, part_mass_kg=0.12, weigh_lever_m=0.5, friction=0.5)
START = Setting(0.6, 0.5, 0.5, 7.0, 55e3, 0.2, 0.2, 0.004)
CUP_AREA_M2 = np.pi * TOOLING.cup_radius_m**2
NS_PER_S = 1_000_000_000


def new_policy() -> GuardedOptimiser:
    return GuardedOptimiser(TOOLING, GOVERNANCE, PRICES, OPTIONS)


class Machine:
    """A cell of a few formulas: what a test needs around a policy; it takes every change as the governor would."""

    def __init__(self, policy: GuardedOptimiser, wear: float = 0.0, held_pa: float = 54e3) -> None:
        self.policy = policy
        self.setting = START
        self.wear = wear
        self.held_pa = held_pa
        self.now_ns = 0
        self.proposals: list[Proposal] = []
        self.alarms: dict[str, int] = {}
        self.stopped = 0.0

    def cycle(self, *, without: str = "", **changes: object) -> None:
        """Runs a cycle; `without` names a tag that was BAD, `changes` what the policy is told otherwise."""
        setting = self.setting
        time_s = 1.9 + 0.41 / setting.speed_scale + 0.46 / setting.acceleration_scale**0.5 + setting.settle_s
        self.now_ns += round(time_s * NS_PER_S)
        self.alarms = {"arm/joint_1/vibration": int(self.wear * setting.speed_scale > 0.3)}
        readings = {f"arm/joint_{joint}/speed": 0.4 * setting.speed_scale for joint in range(1, 7)}
        for joint in range(1, 7):
            readings[f"arm/joint_{joint}/vibration"] = 0.05 + 0.2 * setting.speed_scale * (1.0 + 6.0 * self.wear)
        readings |= {"gripper/vacuum": self.held_pa, "cell/tariff": 0.28, "arm/protective_stop": self.stopped}
        readings.pop(without, None)
        self._ask("settle", readings)
        told = Cycle(
            is_dropped=False,
            verdict="accept",
            cycle_time_s=time_s,
            vacuum_min_pa=self.held_pa,
            acceleration_max_m_s2=min(setting.part_acceleration_max_m_s2, 7.0 * setting.acceleration_scale),
            pick_attempts=1,
            tracking_error_max_rad=1e-3 * (0.2 + self.wear * (0.35 + 2.95 * setting.speed_scale)),
            energy_j=600.0,
            parameters=setting.by_node(),
            readings=readings,
            distrusted=frozenset({without} - {""}),
        )
        self.policy.learn(replace(told, **changes))  # type: ignore[arg-type]
        self._ask("approach", readings)

    def _ask(self, activity: str, readings: Mapping[str, float]) -> None:
        taken_ns = dict.fromkeys(readings, self.now_ns)
        image = ImageHealth(self.setting.exposure_s / 0.004, 0.5, self.setting.exposure_s)
        parameters = self.setting.by_node()
        observation = Observation(self.now_ns, activity, readings, taken_ns, self.alarms, parameters, image)
        for proposal in self.policy.propose(observation):
            self.proposals.append(proposal)
            self.take(proposal)

    def take(self, proposal: Proposal) -> None:
        """Applies a proposal as it is, and says so."""
        self.setting = self.setting.changed(proposal.parameters)
        self.policy.hear(proposal.node, proposal.parameters, "applied", self.now_ns)


def assert_within_rules(before: Setting, proposal: Proposal) -> None:
    for name, value in proposal.parameters.items():
        rule = GOVERNANCE.rules[NODE_OF[name]][name]
        assert rule.low <= value <= rule.high, name
        assert rule.clip(getattr(before, name), value) == pytest.approx(value), name
        assert proposal.urgency == "ask" or not rule.needs_person(value), name


def test_the_node_s_parameters_make_it() -> None:
    values = PolicyParameters(policy="optimiser", initial_stage="live", seed=7)
    assert make_policy(values, GOVERNANCE, lambda: 0) is not None


def test_it_gets_faster_and_says_why() -> None:
    machine = Machine(new_policy())
    for _ in range(25):
        machine.cycle()
    assert machine.setting.speed_scale > 0.8
    assert machine.setting.settle_s < 0.15
    first = next(item for item in machine.proposals if item.rule == "optimiser")
    assert first.gain is not None
    assert 0.0 < first.gain.mean <= first.gain.high
    assert first.gain.low <= first.gain.mean
    assert all((first.model, first.reason, first.readings))


def test_it_keeps_to_envelope_steps_and_what_needs_no_person() -> None:
    machine = Machine(new_policy())
    for _ in range(30):
        before, count = machine.setting, len(machine.proposals)
        machine.cycle()
        for proposal in machine.proposals[count:]:
            assert_within_rules(before, proposal)
            before = before.changed(proposal.parameters)


@settings(max_examples=12)
@given(st.lists(st.floats(), min_size=5, max_size=5), st.booleans(), st.integers(0, 3))
@example([0.0, 0.0, 0.0, 1.4e151, 0.0], False, 0)
@example([1e300, 1e300, 1e300, 1e300, 1e300], False, 0)
def test_poisoned_cycles_lead_nowhere_outside(numbers: list[float], is_dropped: bool, verdict: int) -> None:
    machine = Machine(new_policy())
    time_s, vacuum_pa, acceleration, error, energy_j = numbers
    for _ in range(6):
        before, count = machine.setting, len(machine.proposals)
        machine.cycle(
            is_dropped=is_dropped,
            verdict=("accept", "rework", "reject", "none")[verdict],
            cycle_time_s=time_s,
            vacuum_min_pa=vacuum_pa,
            acceleration_max_m_s2=acceleration,
            tracking_error_max_rad=error,
            energy_j=energy_j,
        )
        for proposal in machine.proposals[count:]:
            assert_within_rules(before, proposal)
            before = before.changed(proposal.parameters)


def test_constant_rewards_do_not_lead_out_of_the_safe_set() -> None:
    machine = Machine(new_policy(), wear=0.0, held_pa=36e3)
    for _ in range(40):
        machine.cycle(cycle_time_s=3.0, energy_j=500.0, tracking_error_max_rad=3e-4)
    # The grip of 36 kPa bears mu (F / m - g): no told reward changes what the part is carried with.
    bears_m_s2 = TOOLING.friction * (36e3 * CUP_AREA_M2 / TOOLING.part_mass_kg - 9.80665)
    reach_m_s2 = 7.0 * machine.setting.acceleration_scale
    assert min(machine.setting.part_acceleration_max_m_s2, reach_m_s2) < bears_m_s2


def test_wear_slows_it_down_before_the_arm_stops() -> None:
    machine = Machine(new_policy())
    for _ in range(15):
        machine.cycle()
    for step in range(30):
        machine.wear = min(0.9, 0.03 * step)
        machine.cycle()
    friction_rad = 1e-3 * machine.wear * (0.35 + 2.95 * machine.setting.speed_scale)
    assert 0.8 * OPTIONS.stop_deviation_rad < friction_rad < OPTIONS.stop_deviation_rad


def test_after_a_protective_stop_it_stays_slower_for_some_cycles() -> None:
    machine = Machine(new_policy())
    for _ in range(15):
        machine.cycle()
    before = machine.setting.speed_scale
    machine.stopped = 1.0
    machine.cycle()
    machine.stopped = 0.0
    speeds = []
    for _ in range(STOP_CAP_CYCLES + 8):
        machine.cycle()
        speeds.append(machine.setting.speed_scale)
    assert max(speeds[:STOP_CAP_CYCLES]) == pytest.approx(0.8 * before)
    assert speeds[-1] > 0.9 * before


def test_a_complaint_that_comes_and_goes_with_the_speed_is_answered_once() -> None:
    machine = Machine(new_policy())
    for _ in range(15):
        machine.cycle()
    machine.wear = 0.35
    complaints, paced_before = 0, len(paced(machine))
    for _ in range(40):
        was_quiet = not machine.alarms["arm/joint_1/vibration"]
        machine.cycle()
        complaints += was_quiet and machine.alarms["arm/joint_1/vibration"] > 0
    answers = paced(machine)[paced_before:]
    assert complaints >= 2
    assert 1 <= len(answers) <= 2
    assert machine.setting.speed_scale > 0.8


def paced(machine: Machine) -> list[Proposal]:
    """The answers to the monitor's complaints."""
    return [item for item in machine.proposals if item.rule == "pace" and item.urgency == "reflex"]


def test_a_wait_of_another_run_s_clock_does_not_hold_it_back() -> None:
    yesterday = Machine(new_policy())
    yesterday.now_ns = 10_000 * NS_PER_S
    for _ in range(10):
        yesterday.cycle()
    today = Machine(new_policy())
    today.policy.restore(yesterday.policy.snapshot())
    for _ in range(10):
        today.cycle()
    assert today.setting.speed_scale > 0.8


def test_a_lost_part_makes_it_gentler() -> None:
    machine = Machine(new_policy())
    for _ in range(10):
        machine.cycle()
    before = machine.setting.part_acceleration_max_m_s2
    machine.cycle(is_dropped=True, verdict="none")
    assert machine.setting.part_acceleration_max_m_s2 < before


@pytest.mark.parametrize("tag", ["gripper/vacuum", "arm/joint_3/vibration"])
def test_nothing_bolder_is_proposed_from_bad_readings(tag: str) -> None:
    machine = Machine(new_policy())
    for _ in range(10):
        machine.cycle(without=tag)
    assert not [item for item in machine.proposals if item.rule == "optimiser"]
    assert machine.setting == START


def test_what_bad_readings_touch_is_not_learned() -> None:
    honest, lied_to = Machine(new_policy()), Machine(new_policy())
    for machine in (honest, lied_to):
        for _ in range(5):
            machine.cycle()
    state = lied_to.policy.snapshot()["optimiser"]["models"]
    lied_to.cycle(distrusted=frozenset({"gripper/vacuum"}), vacuum_min_pa=79e3)
    after = lied_to.policy.snapshot()["optimiser"]["models"]
    assert after["hold"] == state["hold"]
    assert after["vacuum"] == state["vacuum"]
    assert after["time"] != state["time"]


def test_it_is_restored_bit_for_bit() -> None:
    first = Machine(new_policy())
    for index in range(20):
        first.cycle(is_dropped=index == 12)
    copied = new_policy()
    assert isinstance(copied, LearnedState)
    copied.restore(json.loads(json.dumps(first.policy.snapshot(), allow_nan=False)))
    assert copied.snapshot() == first.policy.snapshot()
    second = Machine(copied)
    second.setting, second.now_ns = first.setting, first.now_ns
    first.proposals.clear()
    for index in range(12):
        first.cycle(is_dropped=index == 4)
        second.cycle(is_dropped=index == 4)
    assert second.proposals == first.proposals
    assert first.proposals


@pytest.mark.parametrize("broken", [{}, {"optimiser": {}}])
def test_a_foreign_snapshot_is_refused_and_changes_nothing(broken: dict[str, object]) -> None:
    machine = Machine(new_policy())
    for _ in range(5):
        machine.cycle()
    before = machine.policy.snapshot()
    with pytest.raises(ValueError, match="optimiser state"):
        machine.policy.restore({**before, **broken} if broken else {})
    assert machine.policy.snapshot() == before
