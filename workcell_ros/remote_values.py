"""Keeps other nodes' numeric parameters known: asked for once, then followed by their events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters
from rclpy.parameter import parameter_value_to_python

from workcell_ros import qos

RETRY_PERIOD_S = 0.5


class RemoteValues:
    """Values in force of named parameters of other nodes, by node base name and parameter.

    `on_value(node, parameter, value)` runs for each value as it becomes known or changes, and then
    `on_declared(node, parameters)` for those that a node has just declared: it has started, maybe again.
    """

    def __init__(
        self,
        node: Any,
        wanted: Mapping[str, Iterable[str]],
        on_value: Callable[[str, str, float], None] | None = None,
        on_declared: Callable[[str, list[str]], None] | None = None,
    ) -> None:
        self._node = node
        self._wanted = {name: tuple(parameters) for name, parameters in wanted.items()}
        self._on_value = on_value
        self._on_declared = on_declared
        self.values: dict[str, dict[str, float]] = {name: {} for name in self._wanted}
        namespace = node.get_namespace().rstrip("/")
        self._names = {f"{namespace}/{name}": name for name in self._wanted}
        self._clients = {name: node.create_client(GetParameters, f"{name}/get_parameters") for name in self._wanted}
        self._subscription = node.create_subscription(
            ParameterEvent, "/parameter_events", self._on_event, qos.reliable(1000)
        )
        self._timer = node.create_timer(RETRY_PERIOD_S, self._ask_for_missing)

    def destroy(self) -> None:
        """Stops following."""
        self._node.destroy_timer(self._timer)
        self._node.destroy_subscription(self._subscription)
        for client in self._clients.values():
            self._node.destroy_client(client)

    def _note(self, name: str, parameter: str, value: object) -> None:
        if parameter not in self._wanted[name] or isinstance(value, bool) or not isinstance(value, int | float):
            return
        self.values[name][parameter] = float(value)
        if self._on_value is not None:
            self._on_value(name, parameter, float(value))

    def _on_event(self, message: Any) -> None:
        name = self._names.get(message.node)
        if name is None:
            return
        for parameter in (*message.new_parameters, *message.changed_parameters):
            self._note(name, parameter.name, parameter_value_to_python(parameter.value))
        declared = [item.name for item in message.new_parameters if item.name in self._wanted[name]]
        if declared and self._on_declared is not None:
            self._on_declared(name, declared)

    def _ask_for_missing(self) -> None:
        for name, parameters in self._wanted.items():
            missing = [parameter for parameter in parameters if parameter not in self.values[name]]
            if missing and self._clients[name].service_is_ready():
                future = self._clients[name].call_async(GetParameters.Request(names=missing))
                future.add_done_callback(partial(self._on_answer, name, missing))

    def _on_answer(self, name: str, parameters: list[str], future: Any) -> None:
        # A node that does not declare one of them answers with an empty list.
        for parameter, value in zip(parameters, future.result().values, strict=False):
            self._note(name, parameter, parameter_value_to_python(value))
