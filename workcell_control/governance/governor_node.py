"""The governor: the only node that sets robot parameters."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import SetParametersAtomically
from statistics_msgs.msg import MetricsMessage
from std_srvs.srv import Trigger

from workcell_control.governance.audit import AuditLog
from workcell_control.governance.authority import Forecast
from workcell_control.governance.explained import Explained
from workcell_control.governance.gate import (
    GOOD_OUTCOMES,
    Action,
    Apply,
    ClosePending,
    Gate,
    OpenPending,
    Verdict,
)
from workcell_control.governance.pending_services_node import PendingServices
from workcell_control.governance.quiet import QuietWatch
from workcell_control.governance.rules import Governance, load_governance
from workcell_ros import convert, qos
from workcell_ros.errors import ConfigError
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.remote_values import RemoteValues
from workcell_ros.schema import param

TICK_PERIOD_S = 0.5


@dataclass(frozen=True)
class GovernorParameters:
    """Parameters of the governor."""

    governance_file: str = param("config/governance.yaml", "Envelopes and authority", read_only=True)
    audit_file: str = param("out/audit.jsonl", "Append-only, hash-chained log", read_only=True)
    known_good_file: str = param("out/known_good.json", "The last known good set", read_only=True)
    policy_timeout_s: float = param(3.0, "Silence of the policy that brings the safe set", unit="s", low=0.1)
    readings_timeout_s: float = param(2.0, "Silence of the readings that brings the safe set", unit="s", low=0.1)
    restore_after_s: float = param(2.0, "Time all must be back before the safe set is left", unit="s", low=0.0)


class GovernorNode(WorkcellNode[GovernorParameters]):
    """Converts messages for the `Gate` and carries out what it decides."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("governor", GovernorParameters, **kwargs)
        self._verdict_pub = self.create_publisher(DiagnosticArray, "governor/verdicts", qos.VERDICTS)
        self._governance: Governance | None = None
        self._answers = PendingServices(self, self._on_answer)
        self._subscriptions_held: list[Any] = []
        self._set_clients: dict[str, Any] = {}
        self.add_status_source(self._statuses)

    def configure(self) -> None:
        """Loads the rules, opens the audit log and the way to each governed node."""
        self._governance = load_governance(self.values.governance_file)
        self._gate = Gate(self._governance)
        self._audit = AuditLog(self.values.audit_file)
        if self._audit.torn_bytes:
            reason = f"cut {self._audit.torn_bytes} bytes of a row that was being written when the governor died"
            self._note_recovered(reason)
        try:
            self._gate.known_good.load(self.values.known_good_file, self._governance)
        except ConfigError as error:
            self.get_logger().error(f"{error}; the set that the cell starts with counts as good instead")
            self._note_recovered(str(error))
        self._explained = Explained()
        for node in self._governance.rules:
            self._set_clients[node] = self.create_client(SetParametersAtomically, f"{node}/set_parameters_atomically")

    def activate(self) -> None:
        """Opens the inputs and reads the values in force."""
        timeouts_s = {"policy": self.values.policy_timeout_s, "readings": self.values.readings_timeout_s}
        self._quiet = QuietWatch(timeouts_s, self.values.restore_after_s)
        subscribe = self.create_subscription
        self._subscriptions_held = [
            # First: of what has come an executor takes in the order of subscriptions, and a reason belongs into the log
            # with what is decided at once.
            subscribe(DiagnosticArray, "policy/explanations", self._on_explanation, qos.reliable()),
            subscribe(ParameterEvent, "policy/proposals", self._on_proposal, qos.reliable()),
            subscribe(DiagnosticArray, "twin/forecasts", self._on_forecast, qos.reliable()),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(MetricsMessage, "cell/kpi", self._on_kpi, qos.KPI),
        ]
        self._rollback_service = self.create_service(Trigger, "governor/rollback", self._on_rollback)
        assert self._governance is not None
        self._remote = RemoteValues(self, self._governance.rules, self._gate.note_value, self._on_declared)
        self._tick_timer = self.create_timer(TICK_PERIOD_S, self._tick)

    def deactivate(self) -> None:
        """Closes the inputs; what waits for a person ends unanswered."""
        self.destroy_timer(self._tick_timer)
        self.destroy_service(self._rollback_service)
        self._remote.destroy()
        for subscription in self._subscriptions_held:
            self.destroy_subscription(subscription)
        for stamp_ns in self._answers.stamps:
            self._carry_out(self._gate.on_answer(stamp_ns, False, "shutdown"))

    def cleanup(self) -> None:
        """Closes the audit log."""
        self._audit.close()
        for client in self._set_clients.values():
            self.destroy_client(client)
        self._set_clients = {}

    def _on_proposal(self, message: Any) -> None:
        now_ns = self.now_ns()
        self.activity.note(now_ns)
        stamp_ns = convert.stamp_to_ns(message.stamp)
        node = message.node.rpartition("/")[2]
        proposed = convert.parameters_to_dict(message.changed_parameters)
        self._carry_out(self._gate.on_proposal(stamp_ns, node, proposed, now_ns))
        if self.count_publishers("twin/forecasts") == 0:
            self._carry_out(self._gate.on_no_twin(stamp_ns, now_ns))

    def _on_forecast(self, message: Any) -> None:
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        values = convert.status_values(message.status[0])
        forecast = Forecast(
            good_parts_per_hour=float(values["good_parts_per_hour_mean"]),
            baseline_good_parts_per_hour=float(values["baseline_good_parts_per_hour_mean"]),
            drops_per_hour=float(values["drops_per_hour_mean"]),
            baseline_drops_per_hour=float(values["baseline_drops_per_hour_mean"]),
            basis=values.get("basis", ""),
        )
        self._carry_out(self._gate.on_forecast(stamp_ns, forecast, self.now_ns()))

    def _on_diagnostics(self, message: Any) -> None:
        if any(status.name == "policy: node" and status.message == "active" for status in message.status):
            self._quiet.heard("policy", self.now_ns())

    def _on_declared(self, node: str, names: list[str]) -> None:
        self._gate.note_declared(node, names, self.now_ns())

    def _on_readings(self, _message: Any) -> None:
        self._quiet.heard("readings", self.now_ns())

    def _on_explanation(self, message: Any) -> None:
        status = message.status[0]
        rule = status.name.partition(": ")[2]
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        self._explained.note(stamp_ns, rule, status.message, convert.status_values(status))

    def _on_kpi(self, message: Any) -> None:
        if message.measurement_source_name == "cycle" and message.metrics_source == "drop":
            actions = self._gate.on_cycle(message.statistics[0].data < 0.5, self.now_ns())
            if actions:
                self._gate.known_good.save(self.values.known_good_file)
            self._carry_out(actions)

    def _on_rollback(self, _request: Any, response: Any) -> Any:
        actions = self._gate.roll_back(self.now_ns(), "person", "asked for by a person")
        self._carry_out(actions)
        changed = sum(isinstance(action, Apply) for action in actions)
        response.success = True
        response.message = f"rolling back on {changed} nodes" if changed else "the last known good set is in force"
        return response

    def _tick(self) -> None:
        now_ns = self.now_ns()
        self._carry_out(self._gate.on_tick(now_ns))
        for node in self._gate.started_again(now_ns):
            if self._set_clients[node].service_is_ready():
                self._carry_out(self._gate.reinstate(node, now_ns))
        quiet = self._quiet.check(now_ns)
        if quiet and not self._gate.has_fallen_back:
            self.get_logger().warning(f"safe parameters: {quiet}")
            self._carry_out(self._gate.fall_back(now_ns, quiet))
        elif not quiet and self._gate.has_fallen_back:
            self.get_logger().info("all inputs are back, restoring the parameters in force before")
            self._carry_out(self._gate.restore(now_ns, "all inputs are back"))

    def _carry_out(self, actions: list[Action]) -> None:
        for action in actions:
            match action:
                case Verdict():
                    self._publish(action)
                case Apply():
                    self._apply(action)
                case OpenPending(stamp_ns):
                    self._answers.open(stamp_ns)
                case ClosePending(stamp_ns):
                    self._answers.close(stamp_ns)

    def _apply(self, action: Apply) -> None:
        client = self._set_clients[action.node]
        if not client.service_is_ready():
            self._carry_out(self._gate.on_applied(action, f"node {action.node} is not there", self.now_ns()))
            return
        parameters = [convert.parameter_message(name, value) for name, value in action.parameters.items()]
        future = client.call_async(SetParametersAtomically.Request(parameters=parameters))
        future.add_done_callback(partial(self._on_applied, action))

    def _on_applied(self, action: Apply, future: Any) -> None:
        result = future.result().result
        error = "" if result.successful else f"{action.node} refused: {result.reason}"
        self._carry_out(self._gate.on_applied(action, error, self.now_ns()))

    def _on_answer(self, stamp_ns: int, approved: bool) -> bool:
        actions = self._gate.on_answer(stamp_ns, approved, "person")
        self._carry_out(actions)
        return bool(actions)

    def _note_recovered(self, reason: str) -> None:
        self._audit.append(self.now_ns(), {"outcome": "recovered", "actor": "governor", "reason": reason})

    def _publish(self, verdict: Verdict) -> None:
        now_ns = self.now_ns()
        content = {
            "proposal_ns": verdict.stamp_ns,
            "outcome": verdict.outcome.value,
            "node": verdict.node,
            "parameters": verdict.parameters,
            "actor": verdict.actor,
            "reason": verdict.reason,
        }
        self._audit.append(now_ns, {**content, **self._explained.of(verdict.stamp_ns)})
        level = convert.OK if verdict.outcome in GOOD_OUTCOMES else convert.WARN
        values = {**content, "parameters": json.dumps(verdict.parameters, sort_keys=True)}
        del values["proposal_ns"]
        status = convert.make_status("governor: verdict", level, verdict.outcome.value, values)
        self._verdict_pub.publish(convert.make_diagnostics(verdict.stamp_ns, [status]))

    def _statuses(self) -> list[Any]:
        if not self.is_active:
            return []
        fallen = self._gate.has_fallen_back
        level = convert.WARN if fallen else convert.OK
        message = f"safe set in force: {self._quiet.reason}" if fallen else f"{len(self._gate.pending)} pending"
        return [self.status("gate", level, message, pending=len(self._gate.pending), audit_hash=self._audit.last_hash)]


def main(args: list[str] | None = None) -> None:
    """Runs the governor."""
    run_node(GovernorNode, args)
