"""Service clients."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from rclpy.impl.endpoints import ClientHandle
from rclpy.impl.waiting import wait_for_future, wait_for_graph
from rclpy.task import Future


class Client:
    """Calls a service; made by :meth:`.Node.create_client`."""

    # Of entities that are ready at the same time, those of lower rank run first.
    _rank = 4

    def __init__(
        self,
        context: Any,
        client_impl: ClientHandle,
        srv_type: Any,
        srv_name: str,
        qos_profile: Any,
        callback_group: Any,
    ) -> None:
        self.context = context
        self._handle = client_impl
        self.srv_type = srv_type
        self.srv_name = srv_name
        self.qos_profile = qos_profile
        self.callback_group = callback_group
        self._pending_requests: dict[int, Future] = {}
        self._executor_event = False
        self._is_async = False
        # Who spins the node; set by the node.
        self._find_executor: Callable[[], Any] = lambda: None
        self._lock = threading.Lock()
        client_impl.owner = self

    def call(self, request: Any, timeout_sec: float | None = None) -> Any:
        """Call the service and wait for the response.

        The node must be spun by somebody else meanwhile: in a single-threaded executor a call from a callback
        waits forever.

        Returns:
            The response, ``None`` if none came in time.

        Raises:
            TypeError: the request is of another type.
        """
        future = self.call_async(request)
        if not wait_for_future(self._handle.kernel, future, timeout_sec):
            self.remove_pending_request(future)
        error = future.exception()
        if error is not None:
            raise error
        return future.result()

    def call_async(self, request: Any) -> Future:
        """Call the service; the future gets the response.

        Raises:
            TypeError: the request is of another type.
        """
        if not isinstance(request, self.srv_type.Request):
            raise TypeError
        with self._lock:
            with self._handle:
                sequence = self._handle.send_request(request)
            if sequence in self._pending_requests:
                raise RuntimeError(f"Sequence ({sequence}) conflicts with pending request")
            future = Future()
            self._pending_requests[sequence] = future
        future.add_done_callback(self.remove_pending_request)
        return future

    def get_pending_request(self, sequence_number: int) -> Future:
        """The future of a request.

        Raises:
            KeyError: it is not pending.
        """
        with self._lock:
            return self._pending_requests[sequence_number]

    def remove_pending_request(self, future: Future) -> None:
        """Forget a request; its response will be dropped."""
        with self._lock:
            for sequence, pending in self._pending_requests.items():
                if pending is future:
                    del self._pending_requests[sequence]
                    break

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        handle = self._handle
        info, response = handle.take_response(self.srv_type.Response)
        if handle.responses:
            handle.report()
        if info is None:
            return None
        with self._lock:
            future = self._pending_requests.get(info.request_id.sequence_number)
        if future is None:
            return None
        # Done callbacks run as tasks of the executor that spins the node, as everywhere.
        future._set_executor(self._find_executor())
        return future.set_result, (response,)

    def service_is_ready(self) -> bool:
        """Whether a server of the service exists."""
        with self._handle:
            return self._handle.service_server_is_available()

    def wait_for_service(self, timeout_sec: float | None = None) -> bool:
        """Wait until a server exists; returns whether one does."""
        return wait_for_graph(self._handle, self.context, self.service_is_ready, timeout_sec)

    def configure_introspection(self, clock: Any, service_event_qos_profile: Any, introspection_state: int) -> None:
        """Publish what this client does on ``<service>/_service_event``."""
        with self._handle:
            self._handle.configure_introspection(clock.handle, service_event_qos_profile, introspection_state)

    @property
    def handle(self) -> ClientHandle:
        return self._handle

    @property
    def service_name(self) -> str:
        with self._handle:
            return self._handle.service_name

    def destroy(self) -> None:
        """Destroy the client; use :meth:`.Node.destroy_client` instead."""
        self._handle.destroy_when_not_in_use()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self.destroy()
