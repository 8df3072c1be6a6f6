"""The service through which others ask for descriptions of a node's types."""

from __future__ import annotations

from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterType
from rclpy.parameter import Parameter

START_TYPE_DESCRIPTION_SERVICE_PARAM = "start_type_description_service"


class TypeDescriptionService:
    """``~/get_type_description``, unless the node's parameter switches it off. Sources of types are not sent."""

    def __init__(self, node: Any) -> None:
        self.service_name = f"{node.get_name()}/get_type_description"
        self.enabled = False
        self._node = node
        self._service: Any = None
        if not node.has_parameter(START_TYPE_DESCRIPTION_SERVICE_PARAM):
            descriptor = ParameterDescriptor(
                name=START_TYPE_DESCRIPTION_SERVICE_PARAM,
                type=ParameterType.PARAMETER_BOOL,
                description="If enabled, start the ~/get_type_description service.",
                read_only=True,
            )
            node.declare_parameter(START_TYPE_DESCRIPTION_SERVICE_PARAM, True, descriptor)
        parameter = node.get_parameter(START_TYPE_DESCRIPTION_SERVICE_PARAM)
        if parameter.type_ is Parameter.Type.BOOL:
            self.enabled = parameter.value
        elif parameter.type_ is not Parameter.Type.NOT_SET:
            node.get_logger().error(
                f"Invalid type for parameter '{START_TYPE_DESCRIPTION_SERVICE_PARAM}' "
                f"{parameter.type_!r} should be bool"
            )
        if self.enabled:
            from type_description_interfaces.srv import GetTypeDescription

            self._service = node.create_service(GetTypeDescription, self.service_name, self._service_callback)

    def _service_callback(self, request: Any, response: Any) -> Any:
        from rclpy.impl.type_description import answer

        return answer(request, response)

    def destroy(self) -> None:
        """Stop the service."""
        if self._service is not None:
            self._node.destroy_service(self._service)
            self._service = None
