"""Reading and setting the parameters of another node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterEvent
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.impl.waiting import wait_for_graph
from rclpy.parameter import Parameter, parameter_dict_from_yaml_file
from rclpy.qos import QoSProfile, qos_profile_parameter_events, qos_profile_services_default
from rclpy.task import Future

DoneCallback = Callable[[Future], Any]


class AsyncParameterClient:
    """Calls the parameter services of a node; every call returns the future of the response.

    Args:
        node: node that makes the calls.
        remote_node_name: node whose parameters are meant.
        qos_profile, callback_group: of the underlying clients.
    """

    def __init__(
        self,
        node: Any,
        remote_node_name: str,
        qos_profile: QoSProfile = qos_profile_services_default,
        callback_group: Any = None,
    ) -> None:
        self.node = node
        self.remote_node_name = remote_node_name

        def client(srv_type: Any, suffix: str) -> Any:
            name = f"{remote_node_name}/{suffix}"
            return node.create_client(srv_type, name, qos_profile=qos_profile, callback_group=callback_group)

        self._get_parameter_client = client(GetParameters, "get_parameters")
        self._list_parameter_client = client(ListParameters, "list_parameters")
        self._set_parameter_client = client(SetParameters, "set_parameters")
        self._get_parameter_types_client = client(GetParameterTypes, "get_parameter_types")
        self._describe_parameters_client = client(DescribeParameters, "describe_parameters")
        self._set_parameters_atomically_client = client(SetParametersAtomically, "set_parameters_atomically")
        self._clients = (
            self._get_parameter_client,
            self._list_parameter_client,
            self._set_parameter_client,
            self._get_parameter_types_client,
            self._describe_parameters_client,
            self._set_parameters_atomically_client,
        )

    def services_are_ready(self) -> bool:
        """Whether all parameter services of the node exist."""
        return all(client.service_is_ready() for client in self._clients)

    def wait_for_services(self, timeout_sec: float | None = None) -> bool:
        """Wait until all parameter services exist; returns whether they do."""
        return wait_for_graph(
            self._get_parameter_client.handle, self.node.context, self.services_are_ready, timeout_sec
        )

    def list_parameters(
        self, prefixes: list[str] | None = None, depth: int | None = None, callback: DoneCallback | None = None
    ) -> Future:
        request = ListParameters.Request(prefixes=prefixes or [], depth=depth or 0)
        return _call(self._list_parameter_client, request, callback)

    def get_parameters(self, names: list[str], callback: DoneCallback | None = None) -> Future:
        return _call(self._get_parameter_client, GetParameters.Request(names=names), callback)

    def set_parameters(
        self, parameters: Sequence[Parameter | ParameterMsg], callback: DoneCallback | None = None
    ) -> Future:
        request = SetParameters.Request(parameters=_messages(parameters))
        return _call(self._set_parameter_client, request, callback)

    def describe_parameters(self, names: list[str], callback: DoneCallback | None = None) -> Future:
        return _call(self._describe_parameters_client, DescribeParameters.Request(names=names), callback)

    def get_parameter_types(self, names: list[str], callback: DoneCallback | None = None) -> Future:
        return _call(self._get_parameter_types_client, GetParameterTypes.Request(names=names), callback)

    def set_parameters_atomically(
        self, parameters: Sequence[Parameter | ParameterMsg], callback: DoneCallback | None = None
    ) -> Future:
        request = SetParametersAtomically.Request(parameters=_messages(parameters))
        return _call(self._set_parameters_atomically_client, request, callback)

    def delete_parameters(self, names: list[str], callback: DoneCallback | None = None) -> Future:
        """Undeclare parameters; only dynamically typed ones can be."""
        return self.set_parameters([Parameter(name=name) for name in names], callback)

    def load_parameter_file(
        self, parameter_file: str, use_wildcard: bool = False, callback: DoneCallback | None = None
    ) -> Future:
        """Set the parameters of a file."""
        parameters = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters(list(parameters.values()), callback)

    def load_parameter_file_atomically(
        self, parameter_file: str, use_wildcard: bool = False, callback: DoneCallback | None = None
    ) -> Future:
        """Set all parameters of a file or none."""
        parameters = parameter_dict_from_yaml_file(parameter_file, use_wildcard)
        return self.set_parameters_atomically(list(parameters.values()), callback)

    def on_parameter_event(
        self,
        callback: Callable[[ParameterEvent], Any],
        qos_profile: QoSProfile = qos_profile_parameter_events,
        **kwargs: Any,
    ) -> Any:
        """Subscribe to the parameter events of all nodes; takes what ``create_subscription`` takes."""
        return self.node.create_subscription(ParameterEvent, "/parameter_events", callback, qos_profile, **kwargs)


def _messages(parameters: Sequence[Parameter | ParameterMsg]) -> list[ParameterMsg]:
    return [item.to_parameter_msg() if isinstance(item, Parameter) else item for item in parameters]


def _call(client: Any, request: Any, callback: DoneCallback | None) -> Future:
    future: Future = client.call_async(request)
    if callback is not None:
        future.add_done_callback(callback)
    return future
