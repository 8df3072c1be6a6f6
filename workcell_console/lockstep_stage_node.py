"""A replay's stage on a real ROS 2: the deciders in this process, their clocks moved from one event to the next.

What is published is taken in before time goes on. That rests on the middleware handing a message to readers of the same
process within the call that publishes it, as Cyclone DDS does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Self

import rclpy
from rclpy.executors import SingleThreadedExecutor, TimeoutException
from rclpy.subscription import Subscription
from rclpy.time import Time

from workcell_console.agenda import Agenda
from workcell_console.player_node import PLAYED
from workcell_ros.errors import WorkcellError
from workcell_ros.registry import NODES

READY_TIMEOUT_S = 10.0
"""Wall time for a client to find its service: the graph is told by a thread of the middleware."""
SIM_TIME = ["-p", "use_sim_time:=true"]
ANSWERED = ("policy/proposals", "twin/forecasts")
"""Topics on which a decider is told what it may act on at once, by setting a parameter of another node."""
INPUTS = tuple(f"/{topic}" for topic in PLAYED if topic not in ANSWERED)
"""Endings of topics on which a decider only hears."""


class LockstepStage:
    """Runs every decider as a node of this process.

    Args:
        start_ns: when time begins.
        namespace: of the deciders; their arguments name it too.
    """

    told_elsewhere: frozenset[str] = frozenset()
    discovery_s: float = 1.0

    def __init__(self, start_ns: int, namespace: str) -> None:
        self._now_ns = start_ns
        self._namespace = namespace
        self._deciders: dict[str, Any] = {}
        self._others: list[Any] = []
        self._stalled: set[str] = set()
        self._agenda = Agenda()
        self._met: set[int] = set()

    def __enter__(self) -> Self:
        rclpy.init(args=[])
        self._executor = SingleThreadedExecutor()
        return self

    def __exit__(self, *error: object) -> None:
        self._executor.shutdown()
        for node in (*self._deciders.values(), *self._others):
            node.destroy_node()
        rclpy.try_shutdown()

    def spawn(self, name: str, arguments: Sequence[str]) -> None:
        """Starts a node of the cell with ROS arguments."""
        node = NODES[name].load_class()(cli_args=[*arguments, *SIM_TIME])
        self._deciders[name] = node
        self._executor.add_node(node)
        self._pass_to(self._now_ns)
        self.happen()

    def kill(self, name: str) -> None:
        """Ends a node without warning."""
        node = self._deciders.pop(name)
        self._executor.remove_node(node)
        node.destroy_node()

    def stall(self, name: str, duration_ns: int) -> None:
        """Lets a node stand still."""
        self._stalled.add(name)
        self.call_later(duration_ns, lambda: self._stalled.discard(name))

    def call_later(self, delay_ns: int, call: Callable[[], object]) -> None:
        """Has something done when that time has passed."""
        self._agenda.add(self._now_ns + delay_ns, call)

    def play_along(self, make_nodes: Callable[[], Sequence[Any]]) -> None:
        """Runs nodes of the replay itself beside the deciders."""
        for node in make_nodes():
            self._others.append(node)
            self._executor.add_node(node)
        self.happen()

    def happen(self) -> None:
        """Lets everything happen that follows, at this instant, from what the replay's nodes have just said.

        The nodes of the replay take part only where a decider has done more than hear: waiting on all of their
        services for each message would be most of the work.
        """
        deciders = self._awake()
        has_spoken = False
        while (heard := self._run_ready(deciders)) is not None:
            has_spoken |= not heard
        while has_spoken or self._meet_services():
            has_spoken = self._run_ready([*deciders, *self._others]) is not None

    def run_until(self, now_ns: int) -> None:
        """Lets time pass, and everything happen that is due by then; `happen` comes before."""
        while (due_ns := self._next_ns()) <= now_ns:
            self._pass_to(due_ns)
            self._agenda.do_due(self._now_ns)
            self.happen()
        self._pass_to(now_ns)

    def _pass_to(self, now_ns: int) -> None:
        self._now_ns = max(self._now_ns, now_ns)
        for node in self._deciders.values():
            node.get_clock().set_ros_time_override(Time(nanoseconds=self._now_ns))

    def _awake(self) -> list[Any]:
        return [node for name, node in self._deciders.items() if name not in self._stalled]

    def _next_ns(self) -> int:
        """Returns when the next timer is due or something is to be done; never where nothing is."""
        timers = [timer for node in self._awake() for timer in node.timers]
        waits_ns = [timer.time_until_next_call() for timer in timers if not timer.is_canceled()]
        at_ns: list[int] = [self._now_ns + max(wait_ns, 0) for wait_ns in waits_ns if wait_ns is not None]
        return min([*at_ns, self._agenda.next_ns])

    def _run_ready(self, nodes: list[Any]) -> bool | None:
        """Runs what is ready; returns None where nothing was, else whether all of it was hearing an input."""
        only_heard: bool | None = None
        while True:
            try:
                handler, entity, _ = self._executor.wait_for_ready_callbacks(timeout_sec=0.0, nodes=nodes)
            except TimeoutException:
                return only_heard
            handler()
            if handler.exception() is not None:
                raise handler.exception()
            only_heard = only_heard is not False and _is_input(entity)

    def _meet_services(self) -> bool:
        """Waits until new clients know the services that are there; returns whether there were any."""
        clients = {id(client): client for node in self._executor.get_nodes() for client in node.clients}
        new = [client for key, client in clients.items() if key not in self._met]
        self._met = set(clients)
        for client in new:
            is_there = client.service_name in set(self._service_names())
            if is_there and not client.wait_for_service(READY_TIMEOUT_S):
                raise WorkcellError(f"replay on ROS 2: {client.service_name} is not found in {READY_TIMEOUT_S:g} s")
        return bool(new)

    def _service_names(self) -> Iterator[str]:
        for node in self._executor.get_nodes():
            yield from (service.service_name for service in node.services)


def _is_input(entity: Any) -> bool:
    return isinstance(entity, Subscription) and entity.topic_name.endswith(INPUTS)
