"""Tells the parameters that nodes came up with: a bag begun after that would not hold them otherwise."""

from __future__ import annotations

from functools import partial
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import GetParameters, ListParameters

from workcell_ros import convert, qos
from workcell_ros.registry import NODES

TOPIC = "~/parameters"
PATH_ENDINGS = ("_file", "_dir")
"""Paths are of the machine and the run, not of the cell: the same shift has the same bag wherever it is kept."""


class ParameterSnapshot:
    """Asks each of the cell's nodes once for all its parameters and publishes them, latched, as `new_parameters`."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._publisher = node.create_publisher(ParameterEvent, TOPIC, qos.latched(len(NODES)))
        self._asked: set[str] = set()

    def destroy(self) -> None:
        """Withdraws the topic."""
        self._node.destroy_publisher(self._publisher)

    def look(self) -> None:
        """Asks the nodes that were not there before."""
        own = self._node.get_fully_qualified_name()
        for name, namespace in self._node.get_node_names_and_namespaces():
            full = f"{namespace.rstrip('/')}/{name}"
            if name in NODES and full != own and full not in self._asked:
                self._ask(full)

    def _ask(self, full: str) -> None:
        client = self._node.create_client(ListParameters, f"{full}/list_parameters")
        if not client.service_is_ready():
            self._node.destroy_client(client)
            return
        self._asked.add(full)
        client.call_async(ListParameters.Request()).add_done_callback(partial(self._on_names, client, full))

    def _on_names(self, client: Any, full: str, future: Any) -> None:
        self._node.destroy_client(client)
        names = sorted(name for name in future.result().result.names if not name.endswith(PATH_ENDINGS))
        getter = self._node.create_client(GetParameters, f"{full}/get_parameters")
        asked = getter.call_async(GetParameters.Request(names=names))
        asked.add_done_callback(partial(self._on_values, getter, full, names))

    def _on_values(self, client: Any, full: str, names: list[str], future: Any) -> None:
        self._node.destroy_client(client)
        event = ParameterEvent(node=full, stamp=convert.ns_to_stamp(self._node.now_ns()))
        values = future.result().values
        event.new_parameters = [
            ParameterMsg(name=name, value=value) for name, value in zip(names, values, strict=False)
        ]
        self._publisher.publish(event)
