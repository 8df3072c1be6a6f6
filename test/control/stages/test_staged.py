"""A policy in its stages: who is heard, whose parameters run, what takes it off and what brings it back."""

import dataclasses
import math
from pathlib import Path

import pytest

from workcell_control.governance.rules import load_governance
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.policy import Cycle, Observation, Proposal
from workcell_control.policy.stages.arms import Arm
from workcell_control.policy.stages.reward_watch import REPEATS_MAX
from workcell_control.policy.stages.sanity import FLOOD_MAX, OUTSIDE_MAX
from workcell_control.policy.stages.stage import Stage, StageSettings
from workcell_control.policy.stages.staged import StagedPolicy
from workcell_control.policy.stages.value_watch import CycleScore

S = 1_000_000_000
GOVERNANCE = load_governance(Path(__file__).parents[3] / "config" / "governance.yaml")
START = {"cell": {"speed_scale": 0.6, "settle_s": 0.2}, "inspection": {"exposure_s": 0.004}}
CYCLE = Cycle(False, "accept", 5.0, 47e3, 3.0, 1, 1e-3, 1500.0)


class Wish:
    """A policy that always wants the same, and writes down what it was told."""

    def __init__(self, wanted=None, urgency="optimise"):
        self.wanted, self.urgency = wanted or {}, urgency
        self.seen, self.cycles, self.heard = [], [], []

    def propose(self, observation):
        self.seen.append(observation)
        own = observation.parameters["cell"]
        if not self.wanted or all(own.get(name) == value for name, value in self.wanted.items()):
            return []
        return [Proposal("cell", dict(self.wanted), "wish", "because", self.urgency)]

    def learn(self, cycle):
        self.cycles.append(cycle)

    def hear(self, node, parameters, outcome, now_ns):
        self.heard.append((dict(parameters), outcome))


class Learning(Wish):
    state_version = 1

    def snapshot(self):
        return {}

    def restore(self, state):
        pass


class Shop:
    """Cell and governor around a staged policy: what is proposed is in force at once, as the rules clip it."""

    def __init__(self, candidate, champion=None, stage=Stage.SHADOW, *, is_guarded=False, **settings):
        self.in_force = {node: dict(values) for node, values in START.items()}
        self.policy = StagedPolicy(
            Arm("candidate", candidate, is_guarded=is_guarded),
            Arm("champion", champion or FixedPolicy()),
            GOVERNANCE,
            self.score,
            StageSettings(**settings),
            stage,
            lambda: self.now_ns,
        )
        self.now_ns = 0
        self.cycles = 0
        self.worth = lambda parameters: 0.1
        self.ran = []

    def score(self, cycle):
        return CycleScore(self.worth(cycle.parameters), cycle.cycle_time_s, cycle.is_dropped)

    def tick(self, seconds=1.0):
        self.now_ns += round(seconds * S)
        parameters = {node: dict(values) for node, values in self.in_force.items()}
        seen = Observation(self.now_ns, "transfer", {}, {}, {}, parameters)
        said = self.policy.propose(seen)
        for proposal in said:
            for name, value in proposal.parameters.items():
                rule = GOVERNANCE.rules[proposal.node][name]
                self.in_force[proposal.node][name] = rule.clip(self.in_force[proposal.node][name], value)
            self.policy.hear(proposal.node, proposal.parameters, "applied", self.now_ns)
        return said

    def cycle(self, **changes):
        """Runs a cycle to its end; its figures differ a little from the last one's, as a machine's do."""
        for _ in range(3):
            self.tick()
        self.ran.append((self.policy.runs, self.in_force["cell"]["speed_scale"]))
        self.cycles += 1
        parameters = {node: dict(values) for node, values in self.in_force.items()}
        energy_j = 1500.0 + math.sin(self.cycles)
        self.policy.learn(dataclasses.replace(CYCLE, parameters=parameters, energy_j=energy_j, **changes))


def test_in_the_shadow_nothing_is_heard_and_all_is_told():
    shop = Shop(Wish({"speed_scale": 0.9}))
    shop.cycle()
    assert shop.in_force == START
    assert shop.policy.take_shadow()[0].parameters == {"speed_scale": 0.9}
    assert shop.policy.take_shadow() == []


def test_the_champion_is_heard_while_the_candidate_is_in_the_shadow():
    champion = Wish({"settle_s": 0.15})
    shop = Shop(Wish({"speed_scale": 0.9}), champion)
    shop.tick()
    assert shop.in_force["cell"] == {"speed_scale": 0.6, "settle_s": 0.15}
    assert champion.heard == [({"settle_s": 0.15}, "applied")]


@pytest.mark.parametrize(
    ("stage", "is_guarded", "after", "is_heard"),
    [
        (Stage.LIVE, True, "a good cycle", False),
        (Stage.LIVE, True, "a lost part", True),
        (Stage.LIVE, True, "the start of a move", True),
        (Stage.LIVE, False, "a good cycle", True),
        (Stage.CANARY, True, "a good cycle", True),
    ],
)
def test_only_a_live_candidate_with_the_rules_beneath_it_answers_for_their_steps(stage, is_guarded, after, is_heard):
    champion = Wish({"speed_scale": 0.5}, urgency="reflex")
    shop = Shop(Wish({"speed_scale": 0.6}), champion, stage, is_guarded=is_guarded, holdback_every=0)
    if after != "the start of a move":
        shop.policy.learn(dataclasses.replace(CYCLE, is_dropped=after == "a lost part"))
    assert any(item.urgency == "reflex" for item in shop.tick()) == is_heard


def test_a_reflex_of_a_candidate_in_the_shadow_is_not_heard_either():
    shop = Shop(Wish({"speed_scale": 0.3}, urgency="reflex"))
    shop.tick()
    assert shop.in_force == START


def test_the_champions_reflex_is_heard_in_every_stage():
    for stage in Stage:
        shop = Shop(Wish(), Wish({"speed_scale": 0.3}, urgency="reflex"), stage)
        shop.tick()
        assert shop.in_force["cell"]["speed_scale"] == 0.3


def test_as_a_canary_every_fourth_cycle_runs_with_its_set_one_step_from_the_champions():
    shop = Shop(Wish({"speed_scale": 1.0}), stage=Stage.CANARY, canary_every=4)
    for _ in range(9):
        shop.cycle()
    speeds = {"champion": 0.6, "candidate": 0.8}
    assert [name for name, _ in shop.ran] == (["champion"] * 3 + ["candidate"]) * 2 + ["champion"]
    assert all(speed == pytest.approx(speeds[name]) for name, speed in shop.ran)


def test_live_it_is_heard_and_now_and_then_a_cycle_is_the_champions():
    shop = Shop(Wish({"speed_scale": 0.8}), Wish({"speed_scale": 0.6}), Stage.LIVE, holdback_every=5)
    for _ in range(7):
        shop.cycle()
    assert [name for name, _ in shop.ran] == ["candidate"] * 4 + ["champion"] + ["candidate"] * 2
    assert [speed for _, speed in shop.ran] == pytest.approx([0.8] * 4 + [0.6] + [0.8] * 2)


def test_a_live_policy_with_no_champion_is_as_if_there_were_no_stages():
    candidate = Wish({"speed_scale": 0.7})
    shop = Shop(candidate, stage=Stage.LIVE)
    shop.cycle()
    assert shop.in_force["cell"]["speed_scale"] == pytest.approx(0.7)
    assert candidate.seen[0].parameters == START
    assert shop.policy.request() is None


def test_a_canary_that_earns_less_is_taken_off_and_one_that_earns_more_asks_to_go_live():
    for worse, wanted in ((True, Stage.SHADOW), (False, Stage.LIVE)):
        shop = Shop(Wish({"speed_scale": 0.8}), stage=Stage.CANARY)
        gain = -0.03 if worse else 0.01
        shop.worth = lambda parameters, gain=gain: 0.1 + gain * (parameters["cell"]["speed_scale"] > 0.7)
        request = None
        for _ in range(160):
            shop.cycle()
            request = shop.policy.request()
            if request is not None:
                break
        assert request.stage is wanted
        assert ("worse than tolerated" in request.reason) is worse


def test_a_canary_that_loses_parts_is_taken_off_after_a_few():
    shop = Shop(Wish({"speed_scale": 0.8}), stage=Stage.CANARY)
    while not shop.policy.barred:
        shop.cycle(is_dropped=shop.policy.runs == "candidate")
        assert shop.cycles < 16
    shop.tick()
    assert shop.policy.stage is Stage.SHADOW
    assert "lost parts" in shop.policy.barred


def proposals_of(make, ticks, seconds=1.0, stage=Stage.LIVE):
    """A shop whose candidate proposes `make(tick)`."""

    class Rogue(Wish):
        def propose(self, observation):
            self.seen.append(observation)
            return make(len(self.seen))

    shop = Shop(Rogue(), stage=stage)
    for _ in range(ticks):
        shop.tick(seconds)
    return shop


def speed(value):
    return [Proposal("cell", {"speed_scale": value}, "rogue", "")]


@pytest.mark.parametrize(
    ("make", "seconds", "why"),
    [
        (lambda tick: speed(math.nan), 1.0, "proposes nan for cell.speed_scale"),
        (lambda tick: speed(math.inf), 1.0, "proposes inf"),
        (lambda tick: [Proposal("cell", {"color": 1.0}, "rogue", "")], 1.0, "not a governed parameter"),
        (lambda tick: [Proposal("policy", {"stage": 2.0}, "rogue", "")], 1.0, "not a parameter of the robot"),
        (lambda tick: speed(7.0 + tick), 1.0, f"beyond the envelope {OUTSIDE_MAX} times"),
        (lambda tick: speed(0.5 + 0.2 * (tick % 2)), 1.0, "turned cell.speed_scale about"),
        (lambda tick: speed(0.6) * 5, 0.05, f"more than {FLOOD_MAX} proposals"),
        (lambda tick: 1 / 0, 1.0, "ZeroDivisionError"),
    ],
    ids=["nan", "inf", "unknown", "own stage", "outside", "oscillating", "flooding", "raising"],
)
def test_nonsense_takes_a_policy_off(make, seconds, why):
    shop = proposals_of(make, 30, seconds)
    assert why in shop.policy.barred
    assert shop.policy.stage is Stage.SHADOW
    assert shop.policy.request().stage is Stage.SHADOW
    assert 0.4 <= shop.in_force["cell"]["speed_scale"] <= 1.0
    # It stays off, and is not even asked any more.
    asked = len(shop.policy._candidate.policy.seen)
    shop.tick()
    assert len(shop.policy._candidate.policy.seen) == asked


@pytest.mark.parametrize(("takes_s", "is_barred"), [(0.2, True), (0.04, False)])
def test_one_that_keeps_the_champions_reflexes_waiting_is_taken_off_even_from_the_shadow(takes_s, is_barred):
    class Slow(Wish):
        def propose(self, observation):
            shop.now_ns += round(takes_s * S)
            return []

    shop = Shop(Slow(), stage=Stage.SHADOW)
    for _ in range(200):
        shop.tick(0.05)
    assert ("reflexes had to wait" in shop.policy.barred) is is_barred


def test_a_slip_beyond_the_envelope_is_clipped_and_told():
    (proposal,) = proposals_of(lambda tick: speed(1.4), 0).tick()
    assert proposal.parameters == {"speed_scale": 1.0}
    assert proposal.clipped == ("speed_scale 1.4 -> 1",)


def test_what_raises_while_it_learns_is_taken_off():
    class Breaks(Wish):
        def learn(self, cycle):
            raise KeyError("gripper/vacuum")

    shop = Shop(Breaks(), stage=Stage.LIVE)
    shop.cycle()
    assert "failed to learn: KeyError" in shop.policy.barred


def test_rewards_that_never_change_are_not_believed():
    shop = Shop(Wish(), stage=Stage.LIVE)
    for count in range(REPEATS_MAX + 1):
        assert shop.policy.barred == "", count
        shop.policy.learn(CYCLE)
    assert "same to the last bit" in shop.policy.barred


def test_nobody_learns_from_a_cycle_with_bad_or_stale_data():
    learner, rules = Learning(), Wish()
    shop = Shop(learner, rules)
    shop.cycle(distrusted=frozenset({"gripper/vacuum"}))
    shop.cycle(distrusted=frozenset({"cell/power"}))
    assert learner.cycles == []
    assert len(rules.cycles) == 2
    shop.cycle(distrusted=frozenset({"cell/tariff"}))
    assert len(learner.cycles) == 1


def test_one_that_never_proposes_is_not_taken_off_whatever_happens_to_the_parts():
    shop = Shop(FixedPolicy(), stage=Stage.LIVE)
    for _ in range(60):
        shop.cycle(is_dropped=True)
    assert (shop.policy.stage, shop.policy.request()) == (Stage.LIVE, None)


def test_who_loses_every_part_beside_nobody_is_taken_off_without_a_word_about_value():
    shop = Shop(Wish({"speed_scale": 0.9}), stage=Stage.LIVE)
    for _ in range(60):
        shop.cycle(is_dropped=True)
    assert "by lost parts and stops" in shop.policy.barred
    assert "nan" not in shop.policy.barred


def test_after_enough_cycles_in_the_shadow_it_asks_to_be_a_canary():
    shop = Shop(Wish({"speed_scale": 0.7}), shadow_cycles_min=5)
    for _ in range(4):
        shop.cycle()
        assert shop.policy.request() is None
    shop.cycle()
    assert shop.policy.request().stage is Stage.CANARY


def test_a_person_who_promotes_forgives():
    shop = proposals_of(lambda tick: speed(math.nan), 1)
    assert shop.policy.barred
    shop.policy.set_stage(Stage.CANARY)
    assert shop.policy.barred == ""


def test_the_shadow_learns_what_a_parameter_is_worth_and_says_how_little_it_knows():
    champion = Wish()
    shop = Shop(Wish({"speed_scale": 0.8}), champion)
    shop.worth = lambda parameters: 0.05 + 0.1 * parameters["cell"]["speed_scale"]
    shop.cycle()
    unknown = shop.policy.shadow_gain
    for step in range(40):
        champion.wanted = {"speed_scale": 0.5 + 0.05 * (step % 5)}
        shop.cycle()
    known = shop.policy.shadow_gain
    assert known.high - known.low < 0.5 * (unknown.high - unknown.low)
    assert known.low < 0.1 * (0.8 - shop.in_force["cell"]["speed_scale"]) < known.high
