"""The lifecycle manager as a node: brings the cell's nodes up in order, watches them, takes them down."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState as ChangeStateService
from lifecycle_msgs.srv import GetState as GetStateService
from rclpy.node import Node
from std_srvs.srv import Trigger

from workcell_ros import convert, qos
from workcell_ros.lifecycle import run_node
from workcell_ros.lifecycle_manager import LifecycleManager, Limits, Phase
from workcell_ros.managed_node import ChangeState, Command, Health, NodeReport
from workcell_ros.params import ParameterSet
from workcell_ros.schema import param

TICK_PERIOD_S = 0.1
PRESENCE_TICKS = 5
"""Ticks between two looks at who is there, while all nodes run."""
EXIT_BRINGUP_FAILED = 3

_TRANSITION_IDS = {
    "configure": Transition.TRANSITION_CONFIGURE,
    "activate": Transition.TRANSITION_ACTIVATE,
    "deactivate": Transition.TRANSITION_DEACTIVATE,
    "cleanup": Transition.TRANSITION_CLEANUP,
    "shutdown": Transition.TRANSITION_UNCONFIGURED_SHUTDOWN,
}


@dataclass(frozen=True)
class LifecycleManagerParameters:
    """Parameters of the lifecycle manager."""

    node_names: list[str] = param([], "Managed nodes in the order they are brought up", read_only=True)
    bringup_timeout_s: float = param(
        120.0,  # a PC just switched on starts every process and driver of the cell at once
        "From a node's turn to its being active, and for each request",
        unit="s",
        low=0.1,
        high=600.0,
        read_only=True,
    )
    heartbeat_timeout_s: float = param(
        2.5, "Since a node's last heartbeat, before it is stale", unit="s", low=0.1, high=600.0, read_only=True
    )
    diagnostics_period_s: float = param(1.0, "Between two reports", unit="s", low=0.1, high=60.0, read_only=True)
    exit_on_failure: bool = param(True, "Whether a failed bring-up ends the manager, with exit code 3", read_only=True)


@dataclass
class _Clients:
    """The clients of one managed node."""

    change_state: Any
    get_state: Any
    pending: Any = None
    asked: Any = None

    @property
    def are_ready(self) -> bool:
        """Whether the node's services are there."""
        return bool(self.change_state.service_is_ready() and self.get_state.service_is_ready())

    def call(self, client: Any, request: Any) -> None:
        """Sends a request; its answer is the future `pending`."""
        self.asked = client
        self.pending = client.call_async(request)

    def abandon(self) -> None:
        """Forgets a request that was not answered, so that none pile up while a node is dead."""
        if self.pending is not None and not self.pending.done():
            self.asked.remove_pending_request(self.pending)
            self.pending.cancel()


class LifecycleManagerNode(Node):
    """Asks nodes for transitions as `LifecycleManager` says, and tells on `diagnostics` how each stands."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("lifecycle_manager", **kwargs)
        values = ParameterSet(self, LifecycleManagerParameters).values
        limits = Limits(values.bringup_timeout_s, values.heartbeat_timeout_s)
        self._exit_on_failure = values.exit_on_failure
        self._manager = LifecycleManager(values.node_names, limits, self._now_ns())
        self._phase = self._manager.phase
        self._ticks = 0
        self._has_told_failure = False
        self._clients_of = {name: self._make_clients(name) for name in self._manager.names}
        self._diagnostics_pub = self.create_publisher(DiagnosticArray, "diagnostics", qos.DIAGNOSTICS)
        self.create_subscription(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS)
        self.create_timer(TICK_PERIOD_S, self._tick)
        self.create_timer(values.diagnostics_period_s, self._publish)
        self.create_service(Trigger, "~/is_active", self._on_is_active)
        for name, begin in {
            "shutdown": self._manager.shut_down,
            "pause": self._manager.pause,
            "resume": self._manager.resume,
        }.items():
            self.create_service(Trigger, f"~/{name}", partial(self._on_request, name, begin))

    def safe_stop(self) -> None:
        """Nothing: the manager moves nothing, and the nodes take themselves down."""

    def take_down(self) -> None:
        """Nothing, for the same reason."""

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _make_clients(self, name: str) -> _Clients:
        return _Clients(
            change_state=self.create_client(ChangeStateService, f"{name}/change_state"),
            get_state=self.create_client(GetStateService, f"{name}/get_state"),
        )

    def _tick(self) -> None:
        now_ns = self._now_ns()
        self._ticks += 1
        # Where all runs, heartbeats tell sooner of a node that stands still than its absence.
        if self._phase is not Phase.ACTIVE or self._ticks % PRESENCE_TICKS == 0:
            for name, clients in self._clients_of.items():
                self._manager.on_presence(name, clients.are_ready, now_ns)
        had_failed = self._phase is Phase.FAILED
        self._act()
        # Told a tick late, so that the failing node's own words on diagnostics have come.
        if had_failed and self._phase is Phase.FAILED and not self._has_told_failure:
            self._tell_failure()

    def _tell_failure(self) -> None:
        self._has_told_failure = True
        self.get_logger().error(f"bring-up failed: {self._manager.reason}")
        self._publish()
        if self._exit_on_failure:
            raise SystemExit(EXIT_BRINGUP_FAILED)

    def _act(self) -> None:
        for command in self._manager.tick(self._now_ns()):
            self._send(command)
        if self._manager.phase is not self._phase:
            self._phase = self._manager.phase
            self._has_told_failure = False
            if self._phase is not Phase.FAILED:
                self.get_logger().info(f"the cell is {self._phase.value}")
                self._publish()

    def _send(self, command: Command) -> None:
        clients = self._clients_of[command.node]
        clients.abandon()
        request: Any
        if isinstance(command, ChangeState):
            self.get_logger().debug(f"{command.node}: {command.transition}")
            request = ChangeStateService.Request()
            request.transition.id = _TRANSITION_IDS[command.transition]
            clients.call(clients.change_state, request)
        else:
            clients.call(clients.get_state, GetStateService.Request())
        clients.pending.add_done_callback(partial(self._on_answer, command))

    def _on_answer(self, command: Command, future: Any) -> None:
        # A request that timed out may be answered after the next one was sent.
        if future is not self._clients_of[command.node].pending or future.cancelled():
            return
        now_ns = self._now_ns()
        answer = future.result()
        if isinstance(command, ChangeState):
            self._manager.on_transition(command.node, bool(answer.success), now_ns)
        else:
            self._manager.on_state(command.node, str(answer.current_state.label), now_ns)
        self._act()

    def _on_diagnostics(self, message: Any) -> None:
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        for status in message.status:
            node, _, thing = str(status.name).partition(": ")
            if thing != "node":
                continue
            state = convert.status_values(status).get("state")
            if convert.level_of(status) == Health.ERROR.value:
                self._manager.on_complaint(node, status.message)
            elif state is not None:
                self._manager.on_heartbeat(node, state, stamp_ns, self._now_ns())

    def _publish(self) -> None:
        now_ns = self._now_ns()
        level = convert.OK if self._manager.is_active(now_ns) else convert.WARN
        if self._phase is Phase.FAILED:
            level = convert.ERROR
        own = convert.make_status(
            "lifecycle_manager: node",
            level,
            self._manager.reason or self._phase.value,
            {"state": self._phase.value, "managed": len(self._manager.names)},
        )
        managed = [_status(report) for report in self._manager.reports(now_ns)]
        self._diagnostics_pub.publish(convert.make_diagnostics(now_ns, [own, *managed]))

    def _on_is_active(self, _request: Any, response: Any) -> Any:
        now_ns = self._now_ns()
        response.success = self._manager.is_active(now_ns)
        lacking = [f"{item.name}: {item.reason}" for item in self._manager.reports(now_ns) if item.reason != "active"]
        response.message = self._manager.reason or "; ".join(lacking) or self._phase.value
        return response

    def _on_request(self, name: str, begin: Callable[[], bool], _request: Any, response: Any) -> Any:
        response.success = begin()
        response.message = f"{name} begun" if response.success else f"cannot {name} while {self._phase.value}"
        self._act()
        return response


def _status(report: NodeReport) -> Any:
    levels = (convert.OK, convert.WARN, convert.ERROR, convert.STALE)
    return convert.make_status(
        f"lifecycle_manager: {report.name}",
        levels[report.health.value],
        report.reason,
        {"state": report.state, "restarts": report.restarts},
    )


def main(args: list[str] | None = None) -> None:
    """Runs the lifecycle manager until it is told to stop."""
    run_node(LifecycleManagerNode, args)


if __name__ == "__main__":
    main()
