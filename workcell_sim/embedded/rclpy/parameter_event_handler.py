"""Callbacks on changes of parameters, of any node."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from threading import RLock
from typing import Any

from rcl_interfaces.msg import Parameter as ParameterMsg
from rcl_interfaces.msg import ParameterEvent
from rclpy.qos import QoSProfile, qos_profile_parameter_events


class ParameterCallbackHandle:
    """A registered callback for one parameter of one node."""

    def __init__(self, parameter_name: str, node_name: str, callback: Callable[[ParameterMsg], Any]) -> None:
        self.parameter_name = parameter_name
        self.node_name = node_name
        self.callback = callback


class ParameterEventCallbackHandle:
    """A registered callback for all parameter events."""

    def __init__(self, callback: Callable[[ParameterEvent], Any]) -> None:
        self.callback = callback


class ParameterEventHandler:
    """Subscribes to ``/parameter_events`` and calls what is registered, the newest first.

    Args:
        node: node that subscribes.
        qos_profile, callback_group, event_callbacks, qos_overriding_options, raw: of the subscription.
    """

    class Callbacks:
        """The registered callbacks."""

        def __init__(self) -> None:
            self.parameter_callbacks: dict[tuple[str, str], list[ParameterCallbackHandle]] = {}
            self.event_callbacks: list[ParameterEventCallbackHandle] = []
            self.mutex = RLock()

        def event_callback(self, event: ParameterEvent) -> None:
            """Call whatever an event concerns."""
            with self.mutex:
                by_parameter = [(key, tuple(handles)) for key, handles in self.parameter_callbacks.items()]
                for_events = tuple(self.event_callbacks)
            for (parameter_name, node_name), handles in by_parameter:
                parameter = ParameterEventHandler.get_parameter_from_event(event, parameter_name, node_name)
                if parameter is None:
                    continue
                for handle in handles:
                    handle.callback(parameter)
            for event_handle in for_events:
                event_handle.callback(event)

        def add_parameter_callback(
            self, parameter_name: str, node_name: str, callback: Callable[[ParameterMsg], Any]
        ) -> ParameterCallbackHandle:
            handle = ParameterCallbackHandle(parameter_name, node_name, callback)
            with self.mutex:
                self.parameter_callbacks.setdefault((parameter_name, node_name), []).insert(0, handle)
            return handle

        def remove_parameter_callback(self, handle: ParameterCallbackHandle) -> None:
            """Forget a callback.

            Raises:
                RuntimeError: it is not registered.
            """
            key = (handle.parameter_name, handle.node_name)
            with self.mutex:
                handles = self.parameter_callbacks.get(key, [])
                if handle not in handles:
                    raise RuntimeError("Callback doesn't exist")
                handles.remove(handle)
                if not handles:
                    del self.parameter_callbacks[key]

        def add_parameter_event_callback(
            self, callback: Callable[[ParameterEvent], Any]
        ) -> ParameterEventCallbackHandle:
            handle = ParameterEventCallbackHandle(callback)
            with self.mutex:
                self.event_callbacks.insert(0, handle)
            return handle

        def remove_parameter_event_callback(self, handle: ParameterEventCallbackHandle) -> None:
            """Forget a callback.

            Raises:
                RuntimeError: it is not registered.
            """
            with self.mutex:
                if handle not in self.event_callbacks:
                    raise RuntimeError("Callback doesn't exist")
                self.event_callbacks.remove(handle)

    def __init__(
        self,
        node: Any,
        qos_profile: QoSProfile = qos_profile_parameter_events,
        callback_group: Any = None,
        event_callbacks: Any = None,
        qos_overriding_options: Any = None,
        raw: bool = False,
    ) -> None:
        self.node = node
        self.qos_profile = qos_profile
        self._callbacks = ParameterEventHandler.Callbacks()
        self.parameter_event_subscription = node.create_subscription(
            ParameterEvent,
            "/parameter_events",
            self._callbacks.event_callback,
            qos_profile,
            callback_group=callback_group,
            event_callbacks=event_callbacks,
            qos_overriding_options=qos_overriding_options,
            raw=raw,
        )

    def destroy(self) -> None:
        """End the subscription."""
        self.node.destroy_subscription(self.parameter_event_subscription)

    @staticmethod
    def get_parameter_from_event(event: ParameterEvent, parameter_name: str, node_name: str) -> ParameterMsg | None:
        """The new value of a parameter, ``None`` if the event is not about it."""
        if event.node != node_name:
            return None
        for parameter in ParameterEventHandler.get_parameters_from_event(event):
            if parameter.name == parameter_name:
                return parameter
        return None

    @staticmethod
    def get_parameters_from_event(event: ParameterEvent) -> Iterable[ParameterMsg]:
        """All new and changed parameters of an event."""

        def found() -> Iterator[ParameterMsg]:
            yield from chain(event.new_parameters, event.changed_parameters)

        return found()

    def add_parameter_callback(
        self, parameter_name: str, node_name: str, callback: Callable[[ParameterMsg], Any]
    ) -> ParameterCallbackHandle:
        """Call ``callback(parameter)`` when a parameter of a node (empty name: of this one) is set."""
        return self._callbacks.add_parameter_callback(parameter_name, self._resolve_path(node_name), callback)

    def remove_parameter_callback(self, handle: ParameterCallbackHandle) -> None:
        self._callbacks.remove_parameter_callback(handle)

    def add_parameter_event_callback(self, callback: Callable[[ParameterEvent], Any]) -> ParameterEventCallbackHandle:
        """Call ``callback(event)`` on every event of every node."""
        return self._callbacks.add_parameter_event_callback(callback)

    def remove_parameter_event_callback(self, handle: ParameterEventCallbackHandle) -> None:
        self._callbacks.remove_parameter_event_callback(handle)

    def _resolve_path(self, node_path: str | None = None) -> str:
        if not node_path:
            return self.node.get_fully_qualified_name()
        if node_path.startswith("/"):
            return node_path
        return f"{self.node.get_namespace().rstrip('/')}/{node_path}"
