"""Service servers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from rclpy.impl.endpoints import ServiceHandle


class Service:
    """Answers requests of a service; made by :meth:`.Node.create_service`."""

    # Of entities that are ready at the same time, those of lower rank run first.
    _rank = 5

    def __init__(
        self,
        service_impl: ServiceHandle,
        srv_type: Any,
        srv_name: str,
        callback: Callable[[Any, Any], Any],
        callback_group: Any,
        qos_profile: Any,
    ) -> None:
        self._handle = service_impl
        self.srv_type = srv_type
        self.srv_name = srv_name
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self.qos_profile = qos_profile
        service_impl.owner = self

    def send_response(self, response: Any, header: Any) -> None:
        """Answer a request.

        Raises:
            TypeError: the response is of another type.
        """
        if not isinstance(response, self.srv_type.Response):
            raise TypeError
        with self._handle:
            self._handle.service_send_response(response, header)

    @property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.callback)

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        handle = self._handle
        request, header = handle.service_take_request(self.srv_type.Request)
        if handle.requests:
            handle.report()
        if header is None:
            return None
        return (self._answer_async if self._is_async else self._answer), (request, header)

    def _answer(self, request: Any, header: Any) -> None:
        self.send_response(self.callback(request, self.srv_type.Response()), header)

    async def _answer_async(self, request: Any, header: Any) -> None:
        self.send_response(await self.callback(request, self.srv_type.Response()), header)

    def configure_introspection(self, clock: Any, service_event_qos_profile: Any, introspection_state: int) -> None:
        """Publish what this server does on ``<service>/_service_event``."""
        with self._handle:
            self._handle.configure_introspection(clock.handle, service_event_qos_profile, introspection_state)

    @property
    def handle(self) -> ServiceHandle:
        return self._handle

    @property
    def service_name(self) -> str:
        with self._handle:
            return self._handle.name

    def destroy(self) -> None:
        """Destroy the service; use :meth:`.Node.destroy_service` instead."""
        self._handle.destroy_when_not_in_use()

    def __enter__(self) -> Service:
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self.destroy()
