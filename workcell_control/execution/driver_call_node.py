"""Calls a service of an arm driver's own type, without waiting for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rosidl_runtime_py.utilities import get_service

from workcell_control.execution.drivers.driver import ServiceCall
from workcell_ros.errors import WorkcellError

Done = Callable[[bool, str], None]


class DriverCall:
    """One service of a driver.

    Args:
        node: Owns the client.
        call: Names service and type; its fields do not matter here.

    Raises:
        WorkcellError: the driver's service type is not installed.
    """

    def __init__(self, node: Any, call: ServiceCall) -> None:
        self._node = node
        self._service = call.service
        try:
            self._type = get_service(call.type_name)
        except (ImportError, AttributeError, LookupError, ValueError) as error:
            raise WorkcellError(f"service type {call.type_name} is not installed ({error})") from error
        self._client = node.create_client(self._type, call.service)

    @property
    def is_ready(self) -> bool:
        """Whether the driver offers it now."""
        return bool(self._client.service_is_ready())

    def call(self, call: ServiceCall, done: Done) -> None:
        """`done(is_ok, reason)` comes with the answer; never, where the server dies first."""
        if not self.is_ready:
            done(False, f"service {self._service} is not there")
            return
        request = self._type.Request()
        for name, value in call.fields.items():
            setattr(request, name, value)
        future = self._client.call_async(request)
        future.add_done_callback(lambda f: done(bool(f.result().success), f"{self._service} refused"))

    def destroy(self) -> None:
        """Frees the client."""
        self._node.destroy_client(self._client)
