"""Services through which others read and set a node's parameters."""

from __future__ import annotations

import weakref
from typing import Any

from rcl_interfaces.msg import ListParametersResult, SetParametersResult
from rcl_interfaces.srv import (
    DescribeParameters,
    GetParameters,
    GetParameterTypes,
    ListParameters,
    SetParameters,
    SetParametersAtomically,
)
from rclpy.exceptions import ParameterNotDeclaredException, ParameterUninitializedException
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_parameters


class ParameterService:
    """The six parameter services of a node."""

    def __init__(self, node: Any) -> None:
        self._node_weak_ref = weakref.ref(node)
        name = node.get_name()
        for srv_type, suffix, callback in (
            (DescribeParameters, "describe_parameters", self._describe_parameters_callback),
            (GetParameters, "get_parameters", self._get_parameters_callback),
            (GetParameterTypes, "get_parameter_types", self._get_parameter_types_callback),
            (ListParameters, "list_parameters", self._list_parameters_callback),
            (SetParameters, "set_parameters", self._set_parameters_callback),
            (SetParametersAtomically, "set_parameters_atomically", self._set_parameters_atomically_callback),
        ):
            node.create_service(srv_type, f"{name}/{suffix}", callback, qos_profile=qos_profile_parameters)

    def _describe_parameters_callback(self, request: Any, response: Any) -> Any:
        try:
            response.descriptors = self._get_node().describe_parameters(request.names)
        except ParameterNotDeclaredException:
            # As in rclcpp: one unknown name, and the answer is empty.
            response.descriptors = []
        return response

    def _get_parameters_callback(self, request: Any, response: Any) -> Any:
        node = self._get_node()
        try:
            response.values = [node.get_parameter(name).get_parameter_value() for name in request.names]
        except (ParameterNotDeclaredException, ParameterUninitializedException):
            response.values = []
        return response

    def _get_parameter_types_callback(self, request: Any, response: Any) -> Any:
        node = self._get_node()
        try:
            types = [node.get_parameter_type(name) for name in request.names]
        except ParameterNotDeclaredException:
            types = []
        response.types = [kind.value if isinstance(kind, Parameter.Type) else kind for kind in types]
        return response

    def _list_parameters_callback(self, request: Any, response: Any) -> Any:
        try:
            response.result = self._get_node().list_parameters(request.prefixes, request.depth)
        except (TypeError, ValueError):
            response.result = ListParametersResult()
        return response

    def _set_parameters_callback(self, request: Any, response: Any) -> Any:
        response.results = [self._set([message]) for message in request.parameters]
        return response

    def _set_parameters_atomically_callback(self, request: Any, response: Any) -> Any:
        response.result = self._set(request.parameters)
        return response

    def _set(self, messages: Any) -> SetParametersResult:
        parameters = [Parameter.from_parameter_msg(message) for message in messages]
        try:
            return self._get_node().set_parameters_atomically(parameters)
        except ParameterNotDeclaredException as error:
            return SetParametersResult(successful=False, reason=str(error))

    def _get_node(self) -> Any:
        node = self._node_weak_ref()
        if node is None:
            raise ReferenceError("Expected valid node weak reference")
        return node
