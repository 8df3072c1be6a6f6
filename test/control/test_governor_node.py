"""The governor, the policy and the twin as nodes, on either runtime: a proposal's whole way over the graph."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage, StatisticDataPoint
from std_srvs.srv import Trigger

from workcell_control.governance.audit import read, verify
from workcell_control.governance.governor_node import GovernorNode
from workcell_control.policy.cycles import WANTED
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.policy import Proposal
from workcell_control.policy.policy_node import ANSWERED_NS, PolicyNode
from workcell_control.policy.registry import POLICIES
from workcell_control.policy.stages.stage import Stage
from workcell_ros import convert, qos

ROOT = Path(__file__).parents[2]
CELL = {
    "speed_scale": 0.6,
    "acceleration_scale": 0.5,
    "jerk_scale": 0.5,
    "part_acceleration_max_m_s2": 7.0,
    "grip_vacuum_pa": 55e3,
    "grip_dwell_s": 0.2,
    "settle_s": 0.2,
}
CYCLE = {"vacuum_min": 48e3, "acceleration_max": 3.3, "cycle_time": 5.0, "pick_attempts": 1.0, "energy": 900.0}
WAIT_S = 8.0


class Shop(Node):
    """Everything around policy and governor: says what a cell would say, and hears what they say."""

    def __init__(self) -> None:
        super().__init__("shop")
        self.verdicts: list[dict[str, str]] = []
        self.proposals: list[Any] = []
        self.pending: list[int] = []
        self._proposal_pub = self.create_publisher(ParameterEvent, "policy/proposals", qos.reliable())
        self._forecast_pub = self.create_publisher(DiagnosticArray, "twin/forecasts", qos.reliable())
        self._diagnostics_pub = self.create_publisher(DiagnosticArray, "diagnostics", qos.DIAGNOSTICS)
        self._readings_pub = self.create_publisher(DynamicInterfaceGroupValues, "readings", qos.READINGS)
        self._kpi_pub = self.create_publisher(MetricsMessage, "cell/kpi", qos.KPI)
        self.create_subscription(DiagnosticArray, "governor/verdicts", self._on_verdict, qos.VERDICTS)
        self.create_subscription(ParameterEvent, "policy/proposals", self.proposals.append, qos.reliable())

    def now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def propose(self, node: str, **values: float) -> int:
        stamp_ns = self.now_ns()
        event = ParameterEvent(stamp=convert.ns_to_stamp(stamp_ns), node=f"/{node}")
        event.changed_parameters = [convert.parameter_message(*item) for item in values.items()]
        self._proposal_pub.publish(event)
        return stamp_ns

    def forecast(self, stamp_ns: int, good: float, baseline: float) -> None:
        values = {"good_parts_per_hour_mean": good, "baseline_good_parts_per_hour_mean": baseline}
        values |= {"drops_per_hour_mean": 0.0, "baseline_drops_per_hour_mean": 0.0}
        status = convert.make_status("twin: forecast", convert.OK, "next hour", values)
        self._forecast_pub.publish(convert.make_diagnostics(stamp_ns, [status]))

    def say_policy_lives(self) -> None:
        status = convert.make_status("policy: node", convert.OK, "active")
        self._diagnostics_pub.publish(convert.make_diagnostics(self.now_ns(), [status]))

    def read(self, **values: float) -> None:
        message = DynamicInterfaceGroupValues()
        message.header.stamp = convert.ns_to_stamp(self.now_ns())
        message.interface_groups = [name.replace("__", "/") for name in values]
        message.interface_values = [
            InterfaceValue(interface_names=["value", "quality"], values=[value, 0.0]) for value in values.values()
        ]
        self._readings_pub.publish(message)

    def end_cycle(self, age_ns: int = 0, **changes: float) -> int:
        stop_ns = self.now_ns() - age_ns
        stop = convert.ns_to_stamp(stop_ns)
        for name in WANTED:
            message = MetricsMessage(measurement_source_name="cycle", metrics_source=name, window_stop=stop)
            value = (CYCLE | changes).get(name, 0.0)
            message.statistics = [StatisticDataPoint(data_type=1, data=value)]
            self._kpi_pub.publish(message)
        return stop_ns

    def _on_verdict(self, message: Any) -> None:
        values = convert.status_values(message.status[0])
        self.verdicts.append(values)
        if values["outcome"] == "pending":
            self.pending.append(convert.stamp_to_ns(message.header.stamp))


class Rig:
    """A governor, stand-ins that hold the governed parameters, and the shop, on one executor."""

    def __init__(self, tmp_path: Path) -> None:
        self.audit_file = tmp_path / "audit.jsonl"
        overrides = [
            Parameter("governance_file", value=str(ROOT / "config" / "governance.yaml")),
            Parameter("audit_file", value=str(self.audit_file)),
            Parameter("known_good_file", value=str(tmp_path / "known_good.json")),
        ]
        self.executor = SingleThreadedExecutor()
        self.cell = Node("cell")
        for name, value in CELL.items():
            self.cell.declare_parameter(name, value)
        self.inspection = Node("inspection")
        self.inspection.declare_parameter("exposure_s", 0.004)
        self.governor = GovernorNode(parameter_overrides=overrides)
        self.shop = Shop()
        self.nodes = [self.cell, self.inspection, self.governor, self.shop]
        for node in self.nodes:
            self.executor.add_node(node)
        self.bring_up(self.governor)
        self.until(lambda: len(self.governor._gate.current["cell"]) == len(CELL), "the values in force")

    def bring_up(self, node: Any) -> None:
        assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert node.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def add(self, node: Any) -> Any:
        self.nodes.append(node)
        self.executor.add_node(node)
        self.bring_up(node)
        return node

    def until(self, is_so: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
        """Spins until something is so, for at most `wait_s` of node time."""
        end_ns = self.shop.now_ns() + round(wait_s * 1e9)
        while not is_so():
            assert self.shop.now_ns() < end_ns, f"waited in vain for {what}"
            self.executor.spin_once(timeout_sec=0.05)

    def outcome(self, count: int = 1) -> str:
        """Waits for the `count`-th verdict and returns its outcome."""
        self.until(lambda: len(self.shop.verdicts) >= count, f"verdict {count}")
        return self.shop.verdicts[count - 1]["outcome"]

    def cell_value(self, name: str) -> float:
        return float(self.cell.get_parameter(name).value)

    def close(self) -> None:
        for node in self.nodes:
            if hasattr(node, "take_down"):
                node.take_down()
            node.destroy_node()
        self.executor.shutdown()


@pytest.fixture
def rig(kernel: object, tmp_path: Path) -> Iterator[Rig]:
    if not rclpy.ok():
        rclpy.init(args=[])
    made = Rig(tmp_path)
    yield made
    made.close()
    assert verify(made.audit_file).rows >= 0
    rclpy.try_shutdown()


def test_a_gentle_change_is_set_and_audited(rig: Rig) -> None:
    rig.shop.propose("cell", speed_scale=0.5)
    assert rig.outcome() == "applied"
    assert rig.cell_value("speed_scale") == 0.5
    (row,) = list(read(rig.audit_file))
    assert (row["outcome"], row["node"], row["parameters"]) == ("applied", "cell", {"speed_scale": 0.5})


def test_several_parameters_are_set_together_or_not_at_all(rig: Rig) -> None:
    def refuse_settling(parameters: list[Parameter]) -> Any:
        from rcl_interfaces.msg import SetParametersResult

        return SetParametersResult(successful=all(item.name != "settle_s" for item in parameters), reason="not now")

    rig.cell.add_on_set_parameters_callback(refuse_settling)
    rig.shop.propose("cell", speed_scale=0.5, settle_s=0.3)
    assert rig.outcome() == "failed"
    assert "not now" in rig.shop.verdicts[0]["reason"]
    assert rig.cell_value("speed_scale") == 0.6


def test_a_bold_change_waits_for_the_twins_word(rig: Rig) -> None:
    stamp_ns = rig.shop.propose("cell", speed_scale=0.7)
    for _ in range(10):
        rig.executor.spin_once(timeout_sec=0.02)
    assert rig.shop.verdicts == []
    rig.shop.forecast(stamp_ns, good=640.0, baseline=600.0)
    assert rig.outcome() == "applied"
    assert rig.cell_value("speed_scale") == 0.7


def test_what_the_twin_warns_of_is_refused(rig: Rig) -> None:
    stamp_ns = rig.shop.propose("cell", speed_scale=0.7)
    rig.executor.spin_once(timeout_sec=0.05)
    rig.shop.forecast(stamp_ns, good=400.0, baseline=600.0)
    assert rig.outcome() == "refused"
    assert "400 good parts/h against 600" in rig.shop.verdicts[0]["reason"]
    assert rig.cell_value("speed_scale") == 0.6


@pytest.mark.parametrize(("verb", "outcome", "value"), [("approve", "approved", 72e3), ("reject", "rejected", 68e3)])
def test_a_person_decides_beyond_the_mark(rig: Rig, verb: str, outcome: str, value: float) -> None:
    rig.cell.set_parameters([Parameter("grip_vacuum_pa", value=68e3)])
    rig.until(lambda: rig.governor._gate.current["cell"]["grip_vacuum_pa"] == 68e3, "the new value")
    rig.shop.propose("cell", grip_vacuum_pa=72e3)
    assert rig.outcome() == "pending"
    client = rig.shop.create_client(Trigger, f"governor/pending/p{rig.shop.pending[0]}/{verb}")
    rig.until(client.service_is_ready, "the service to answer by")
    answer = client.call_async(Trigger.Request())
    rig.until(answer.done, "the answer's receipt")
    assert answer.result().success
    assert rig.outcome(2) == outcome
    rig.until(lambda: rig.cell_value("grip_vacuum_pa") == value, "the value")
    rig.until(lambda: not client.service_is_ready(), "the service to be gone")
    assert list(read(rig.audit_file))[-1]["actor"] == "person"


def test_a_node_that_was_started_again_gets_back_what_was_authorised(rig: Rig) -> None:
    rig.shop.propose("cell", speed_scale=0.5)
    assert rig.outcome() == "applied"
    rig.cell.undeclare_parameter("speed_scale")
    rig.cell.declare_parameter("speed_scale", 0.6)
    rig.until(lambda: rig.shop.verdicts[-1]["outcome"] == "reinstated", "the authorised value")
    assert rig.cell_value("speed_scale") == 0.5
    assert list(read(rig.audit_file))[-1]["reason"] == "cell has started again"


def test_nonsense_is_refused_with_its_reason(rig: Rig) -> None:
    rig.shop.propose("cell", speed_scale=float("nan"))
    assert rig.outcome() == "refused"
    assert "not a finite number" in rig.shop.verdicts[0]["reason"]
    rig.shop.propose("world", speed_scaling=1.0)
    assert rig.outcome(2) == "refused"
    assert rig.cell_value("speed_scale") == 0.6


def test_silence_brings_the_safe_set_and_speech_what_was_in_force(rig: Rig) -> None:
    rig.shop.say_policy_lives()
    rig.shop.read(gripper__vacuum=48e3)
    assert rig.outcome() == "fallback"
    assert rig.cell_value("speed_scale") == 0.4

    def speak() -> None:
        rig.shop.say_policy_lives()
        rig.shop.read(gripper__vacuum=48e3)

    rig.shop.create_timer(0.5, speak)
    rig.until(lambda: rig.shop.verdicts[-1]["outcome"] == "restored", "the set in force before")
    assert rig.cell_value("speed_scale") == 0.6
    assert [row["outcome"] for row in read(rig.audit_file)] == [item["outcome"] for item in rig.shop.verdicts]


def test_a_governor_that_comes_back_goes_on_with_its_log(rig: Rig) -> None:
    rig.shop.propose("cell", speed_scale=0.5)
    assert rig.outcome() == "applied"
    assert rig.governor.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert rig.governor.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    with rig.audit_file.open("ab") as file:
        file.write(b'{"sequence": 1, "outc')
    rig.bring_up(rig.governor)
    assert [row["outcome"] for row in read(rig.audit_file)] == ["applied", "recovered"]


def test_the_policy_proposes_from_cycles_and_readings_and_says_why(rig: Rig) -> None:
    explanations: list[Any] = []
    rig.shop.create_subscription(DiagnosticArray, "policy/explanations", explanations.append, qos.reliable())
    rig.add(PolicyNode())
    rig.until(lambda: bool(rig.nodes[-1]._remote.values["cell"]), "the policy to know the values")
    rig.shop.read(gripper__vacuum=48e3)
    rig.shop.end_cycle(drop=1.0, verdict=3.0, vacuum_min=20e3)
    rig.until(lambda: bool(rig.shop.proposals), "a proposal")
    proposal = rig.shop.proposals[0]
    values = convert.parameters_to_dict(proposal.changed_parameters)
    assert proposal.node == "/cell"
    assert values["part_acceleration_max_m_s2"] < CYCLE["acceleration_max"]
    assert values["grip_vacuum_pa"] > 55e3
    rig.until(lambda: any(item.header.stamp == proposal.stamp for item in explanations), "its explanation")
    assert json.loads(convert.status_values(explanations[0].status[0])["readings"])["part_mass_kg"] > 0.12
    assert rig.outcome() in ("applied", "clipped")
    rig.until(lambda: rig.cell_value("part_acceleration_max_m_s2") < CYCLE["acceleration_max"], "gentler motion")


@pytest.mark.parametrize(("age_s", "is_its_stamp"), [(0.2, True), (5.0, False)])
def test_a_proposal_is_of_the_time_of_what_led_to_it_unless_that_is_of_another_clock(
    rig: Rig, age_s: float, is_its_stamp: bool
) -> None:
    rig.add(PolicyNode())
    rig.until(lambda: bool(rig.nodes[-1]._remote.values["cell"]), "the policy to know the values")
    told_ns = rig.shop.now_ns()
    stop_ns = rig.shop.end_cycle(age_ns=round(age_s * 1e9), drop=1.0, verdict=3.0, vacuum_min=20e3)
    rig.until(lambda: bool(rig.shop.proposals), "a proposal")
    stamp_ns = convert.stamp_to_ns(rig.shop.proposals[0].stamp)
    assert (0 <= stamp_ns - stop_ns <= 1) is is_its_stamp
    assert (stamp_ns >= told_ns) is not is_its_stamp


def test_how_soon_the_governor_answers_decides_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []
    policy = rig.add(PolicyNode())
    monkeypatch.setattr(policy._policy, "hear", lambda _node, _values, _outcome, now_ns: heard.append(now_ns))
    rig.until(lambda: bool(policy._remote.values["cell"]), "the policy to know the values")
    rig.shop.end_cycle(drop=1.0, verdict=3.0, vacuum_min=20e3)
    rig.until(lambda: bool(heard), "the policy to hear of it")
    assert heard[0] >= convert.stamp_to_ns(rig.shop.proposals[0].stamp) + ANSWERED_NS


def test_bad_readings_never_reach_the_policy(rig: Rig) -> None:
    policy = rig.add(PolicyNode())
    rig.shop.read(gripper__vacuum=48e3)
    rig.until(lambda: policy._readings == {"gripper/vacuum": 48e3}, "a good reading")
    bad = DynamicInterfaceGroupValues(interface_groups=["gripper/vacuum"])
    bad.interface_values = [InterfaceValue(interface_names=["value", "quality"], values=[1.0, 2.0])]
    rig.shop._readings_pub.publish(bad)
    rig.until(lambda: policy._readings == {}, "the bad reading to be dropped")


def asked(rig: Rig, service: str) -> Any:
    """Calls a Trigger service and returns its response."""
    client = rig.shop.create_client(Trigger, service)
    rig.until(client.service_is_ready, f"service {service}")
    future = client.call_async(Trigger.Request())
    rig.until(future.done, f"the answer of {service}")
    return future.result()


def test_one_command_brings_the_last_known_good_set_back(rig: Rig) -> None:
    rig.shop.propose("cell", speed_scale=0.3)
    assert rig.outcome() == "applied"
    assert asked(rig, "governor/rollback").success
    rig.until(lambda: rig.cell_value("speed_scale") == 0.6, "the set the cell started with")
    rig.until(lambda: rig.shop.verdicts[-1]["outcome"] == "rolled_back", "the verdict")
    assert list(read(rig.audit_file))[-1]["actor"] == "person"


def test_a_policy_is_demoted_at_once_and_promoted_by_a_person(rig: Rig) -> None:
    policy = rig.add(PolicyNode())
    in_force = rig.governor._gate.current
    rig.until(lambda: in_force["policy"].get("stage") == 2.0, "the governor to know the stage")
    rig.shop.propose("cell", speed_scale=0.3)
    assert rig.outcome() == "applied"
    assert asked(rig, "policy/demote").success
    rig.until(lambda: policy._policy.stage.name == "CANARY", "the stage")
    rig.until(lambda: rig.cell_value("speed_scale") == 0.6, "the last known good set with it")
    assert asked(rig, "policy/promote").success
    rig.until(lambda: bool(rig.shop.pending), "the governor to ask a person")
    assert policy._policy.stage.name == "CANARY"
    assert asked(rig, f"governor/pending/p{rig.shop.pending[0]}/approve").success
    rig.until(lambda: policy._policy.stage.name == "LIVE", "the stage")
    assert not asked(rig, "policy/promote").success
    rows = [row for row in read(rig.audit_file) if row["node"] == "policy"]
    assert [row["outcome"] for row in rows] == ["rolled_back", "pending", "approved"]
    assert rows[0]["explanation"]["why"] == "asked for by a person"


def test_a_candidate_that_fails_in_the_shadow_has_one_row_that_says_why(rig: Rig) -> None:
    policy = rig.add(PolicyNode(parameter_overrides=[Parameter("initial_stage", value="shadow")]))
    rig.until(lambda: rig.governor._gate.current["policy"].get("stage") == 0.0, "the governor to know the stage")

    def fail(_observation: object) -> list[Proposal]:
        raise ZeroDivisionError("a policy of somebody's own")

    policy._policy._candidate.policy.propose = fail
    rig.shop.read(gripper__vacuum=48e3)
    rig.until(lambda: bool(rig.shop.verdicts), "the verdict")
    policy._trust.check()
    policy._policy.set_stage(Stage.CANARY)
    policy._policy.set_stage(Stage.SHADOW)
    policy._trust.check()
    rig.shop.read(gripper__vacuum=48e3)
    rig.until(lambda: len(rig.shop.verdicts) > 1, "the verdict on one that a person had forgiven")
    rows = [row for row in read(rig.audit_file) if row["node"] == "policy"]
    assert [row["outcome"] for row in rows] == ["barred", "barred"], "once each, however often it is asked"
    assert "ZeroDivisionError: a policy of somebody's own" in rows[0]["explanation"]["why"]
    assert rows[0]["parameters"] == {"stage": 0.0}


def test_a_policy_that_goes_wild_is_taken_off_and_the_log_says_why(rig: Rig) -> None:
    policy = rig.add(PolicyNode())
    rig.until(lambda: rig.governor._gate.current["policy"].get("stage") == 2.0, "the governor to know the stage")

    def propose(_observation: object) -> list[Proposal]:
        return [Proposal("cell", {"speed_scale": float("nan")}, "wild", "why not")]

    policy._policy._candidate.policy.propose = propose
    rig.shop.read(gripper__vacuum=48e3)
    rig.until(lambda: rig.governor._gate.current["policy"]["stage"] == 0.0, "the governor to take it off")
    rig.until(lambda: bool(rig.shop.verdicts), "the verdict")
    assert rig.cell_value("speed_scale") == 0.6
    row = list(read(rig.audit_file))[-1]
    assert (row["node"], row["outcome"]) == ("policy", "rolled_back")
    assert "proposes nan for cell.speed_scale" in row["explanation"]["why"]


def test_learned_state_that_is_damaged_is_refused_and_the_policy_starts_in_the_shadow(
    rig: Rig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Learner(FixedPolicy):
        state_version = 1

        def snapshot(self) -> dict[str, Any]:
            return {"cycles": 3}

        def restore(self, state: dict[str, Any]) -> None:
            self.cycles = state["cycles"]

    monkeypatch.setitem(POLICIES, "fixed", lambda settings: Learner())
    file = tmp_path / "learned.json"
    overrides = [Parameter("policy", value="fixed"), Parameter("learned_file", value=str(file))]
    policy = rig.add(PolicyNode(parameter_overrides=overrides))
    rig.shop.read(gripper__vacuum=48e3)
    rig.until(lambda: bool(policy._readings), "the policy to listen")
    rig.shop.end_cycle()
    rig.until(lambda: policy._learned._cycles == 1, "the cycle")
    assert policy.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert policy.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    rig.bring_up(policy)
    assert policy._policy.stage.name == "LIVE"
    assert policy._policy.learner.cycles == 3
    assert policy.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert policy.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    damaged = file.read_text().replace('"cycles": 3', '"cycles": 4')
    file.write_text(damaged)
    rig.bring_up(policy)
    assert policy._policy.stage.name == "SHADOW"
    assert "digest does not match" in policy._learned.fault
    policy._learned.note_cycle()
    policy._learned.save()
    assert file.read_text() == damaged
