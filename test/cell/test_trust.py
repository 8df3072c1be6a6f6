"""What does not deserve trust, in the whole cell: bounded harm, taken back by itself, all of it in the audit log."""

import dataclasses
import math

import pytest
import yaml

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.governance.audit import read
from workcell_control.governance.rules import load_governance
from workcell_control.policy import cycles
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.policy import Proposal
from workcell_control.policy.registry import POLICIES
from workcell_control.policy.stages.reward_watch import REPEATS_MAX
from workcell_sim.embedded._kernel import Kernel
from workcell_sim.plant.devices import SignalBoard

pytestmark = pytest.mark.embedded("whole shifts need virtual time")

VACUUM = "gripper/vacuum"
SIGNALS_PER_S = 20.0
SEALED_PA = 18e3
SOUND_PA = 45e3
LEAK = {"kind": "vacuum_leak", "at_s": 40, "ramp_s": 10, "hold_s": 600, "magnitude": 1.3}
FROZEN_AT_S = 35.0
SHIFT_S = 100.0
NONSENSE_S = 45.0
DROPS_MORE_MAX = 4
"""Before a fault of the sensor is noticed, a policy that trusts it may lose so many parts more than fixed parameters;
unnoticed, the frozen one cost 16 more in 150 s."""
GOOD_FEWER_MAX = 2


@pytest.fixture(scope="module")
def golden_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("golden"))


def shift(folder, golden_dir, policy, duration_s, *events, **own):
    """Runs a shift in virtual time; returns its summary, the course of its parameters and its audit log."""
    folder.mkdir()
    scenario = folder / "scenario.yaml"
    scenario.write_text(yaml.safe_dump({"duration_s": 3600.0, "events": list(events)}))
    arguments = {"twin": "false", "policy": policy, "log_level": "error", "golden_dir": golden_dir, **own}
    results = run_shift(ShiftOptions(folder / "run", str(scenario), duration_s, seed=3, arguments=arguments))
    return results["summary"], results["series"], list(read(folder / "run" / "audit.jsonl"))


def told_instead(monkeypatch, lie):
    """Has the vacuum sensor say `lie(true value, shift time)`, on top of its own noise."""
    true_update, counts = SignalBoard.update, {}

    def update(self, names, values):
        true_update(self, names, values)
        count = counts[id(self)] = counts.get(id(self), 0) + 1
        row = self._table.index[VACUUM]
        self.values[row] = lie(self.values[row], count / SIGNALS_PER_S)

    monkeypatch.setattr(SignalBoard, "update", update)


class FrozenSensor:
    """From a while on, what it said when it last held a part."""

    def __init__(self):
        self.last_pa = None

    def __call__(self, true_pa, at_s):
        if self.last_pa is None and at_s >= FROZEN_AT_S and true_pa > SOUND_PA:
            self.last_pa = true_pa
        return true_pa if self.last_pa is None else self.last_pa


def lying_sensor(true_pa, _at_s):
    """A sound grip whenever anything is held, however it leaks."""
    return 47e3 if true_pa > SEALED_PA else true_pa


@pytest.mark.parametrize(("make_lie", "is_noticed"), [(FrozenSensor, True), (lambda: lying_sensor, False)])
def test_a_sensor_that_is_wrong_costs_hardly_more_than_with_fixed_parameters(
    tmp_path, golden_dir, monkeypatch, make_lie, is_noticed
):
    found = {}
    for policy in ("fixed", "reflex"):
        told_instead(monkeypatch, make_lie())
        found[policy] = shift(tmp_path / policy, golden_dir, policy, SHIFT_S, LEAK)
        monkeypatch.undo()
    fixed, reflex = found["fixed"][0], found["reflex"][0]
    assert fixed["drops"] > 0.0, "the leak must hurt"
    assert reflex["drops"] <= fixed["drops"] + DROPS_MORE_MAX
    assert reflex["good_parts"] >= fixed["good_parts"] - GOOD_FEWER_MAX
    rolled_back = [row for row in found["reflex"][2] if row["outcome"] == "rolled_back"]
    assert bool(rolled_back) is is_noticed
    if is_noticed:
        assert "with nothing on the cup" in rolled_back[0]["explanation"]["why"]
        assert rolled_back[0]["parameters"] == {"stage": 0.0}


class Nonsense(FixedPolicy):
    """A bold step within what is allowed, then something that no policy in its right mind says."""

    def __init__(self, wild):
        self._wild, self._calls = wild, 0

    def propose(self, observation):
        self._calls += 1
        speed = observation.parameters["cell"].get("speed_scale")
        if speed is None or observation.now_ns == 0:
            return []
        return self._wild(self._calls)


def speed(value):
    return [Proposal("cell", {"speed_scale": value}, "wild", "")]


def raising():
    raise ZeroDivisionError("a policy of somebody's own")


WILD = {
    "not a number": (lambda call: speed(math.nan), "proposes nan for cell.speed_scale"),
    "beyond the envelope": (lambda call: speed(3.0 + call), "values beyond the envelope 5 times"),
    "to and fro": (
        lambda call: speed(0.4 + 0.5 * (call // 12 % 2)) if call % 12 == 0 else [],
        "turned cell.speed_scale about 10 times",
    ),
    "flooding": (lambda call: speed(0.74) * 30, "more than 20 proposals within 1 s"),
    "its own stage": (lambda call: [Proposal("policy", {"stage": 2.0}, "wild", "")], "not a parameter of the robot"),
    "raising": (lambda call: raising(), "failed to propose: ZeroDivisionError"),
}
BOLD_CALL, WILD_CALL = 120, 280
"""Of the policy's calls, one per scan: a bold step within what is allowed, then what it does wrong."""


@pytest.fixture(scope="module")
def calm(tmp_path_factory, golden_dir):
    """The same shift with fixed parameters."""
    return shift(tmp_path_factory.mktemp("fixed") / "shift", golden_dir, "fixed", NONSENSE_S)[0]


@pytest.mark.parametrize("name", WILD)
def test_a_policy_that_talks_nonsense_is_taken_off_and_the_cell_goes_on_as_it_was(
    tmp_path, golden_dir, monkeypatch, calm, name
):
    wild, why = WILD[name]

    def course(call):
        if call < WILD_CALL:
            return [Proposal("cell", {"speed_scale": 0.75, "settle_s": 0.1}, "bold", "")] if call == BOLD_CALL else []
        return wild(call)

    monkeypatch.setitem(POLICIES, "reflex", lambda settings: Nonsense(course))
    summary, series, rows = shift(tmp_path / "wild", golden_dir, "reflex", NONSENSE_S)
    back = [index for index, row in enumerate(rows) if row["outcome"] == "rolled_back"]
    assert [rows[index]["node"] for index in back] == ["policy", "cell"]
    assert why in rows[back[0]]["explanation"]["why"]
    assert rows[back[1]]["parameters"].items() >= {"speed_scale": 0.6, "settle_s": 0.2}.items()
    assert all(row["explanation"].get("rule") != "wild" for row in rows[back[0] :]), "it is not heard any more"
    rule = load_governance("config/governance.yaml").rules["cell"]["speed_scale"]
    speeds = [value for _, value in series["cell.speed_scale"]]
    assert all(rule.low <= value <= rule.high for value in speeds)
    assert speeds[-1] == 0.6
    assert summary["good_parts"] >= calm["good_parts"] - GOOD_FEWER_MAX
    assert summary["drops"] <= calm["drops"]


class Dawdler(Nonsense):
    """Takes its time, and with it that of the policy's node."""

    def __init__(self, takes_s):
        super().__init__(lambda call: [])
        self._takes_ns = round(takes_s * 1e9)

    def propose(self, observation):
        said = super().propose(observation)
        if self._calls > WILD_CALL:
            Kernel.current().sleep(self._takes_ns)
        return said


@pytest.mark.parametrize(("takes_s", "does_return"), [(0.3, True), (1000.0, False)], ids=["late", "blocked"])
def test_a_policy_that_takes_its_time_costs_no_part(tmp_path, golden_dir, monkeypatch, calm, takes_s, does_return):
    monkeypatch.setitem(POLICIES, "optimiser", lambda settings: Dawdler(takes_s))
    own = {"policy_stage": "live", "composition": "node"}
    summary, series, rows = shift(tmp_path / "late", golden_dir, "optimiser", NONSENSE_S, **own)
    assert summary["good_parts"] >= calm["good_parts"] - GOOD_FEWER_MAX
    assert summary["drops"] <= calm["drops"]
    told = [row for row in rows if row["outcome"] == "fallback"]
    if does_return:
        assert told == []
        back = {row["node"]: row for row in rows if row["outcome"] == "rolled_back"}
        assert "reflexes had to wait" in back["policy"]["explanation"]["why"]
        assert back["policy"]["parameters"] == {"stage": 0.0}
    else:
        assert [row["node"] for row in told] == ["cell"]
        assert "policy" in told[0]["reason"]
        assert series["cell.speed_scale"][-1][1] == 0.4


def test_a_learner_that_is_fed_the_same_reward_for_ever_is_taken_off(tmp_path, golden_dir, monkeypatch):
    class Learner(FixedPolicy):
        """Climbs while it is told that nothing is lost by it."""

        state_version = 1

        def __init__(self):
            self._cycles = self._asked = 0

        def propose(self, observation):
            if self._cycles == self._asked:
                return []
            self._asked = self._cycles
            speed = observation.parameters["cell"]["speed_scale"]
            return [Proposal("cell", {"speed_scale": speed + 0.02}, "climb", "nothing was lost")]

        def learn(self, cycle):
            self._cycles += 1

        def snapshot(self):
            return {"cycles": self._cycles}

        def restore(self, state):
            self._cycles = state["cycles"]

    whole = cycles.CycleAssembler._cycle

    def fed(self):
        return dataclasses.replace(whole(self), cycle_time_s=4.0, energy_j=900.0, vacuum_min_pa=47e3, is_dropped=False)

    monkeypatch.setattr(cycles.CycleAssembler, "_cycle", fed)
    monkeypatch.setitem(POLICIES, "reflex", lambda settings: Learner())
    summary, series, rows = shift(tmp_path / "fed", golden_dir, "reflex", 80.0)
    speeds = [value for _, value in series["cell.speed_scale"]]
    assert max(speeds) <= 0.6 + 0.02 * (REPEATS_MAX + 2)
    assert speeds[-1] == 0.6
    (stage, *_) = [row for row in rows if row["outcome"] == "rolled_back"]
    assert "same to the last bit" in stage["explanation"]["why"]
    assert summary["drops"] == 0.0
