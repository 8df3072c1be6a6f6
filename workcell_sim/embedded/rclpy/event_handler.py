"""Events of publishers and subscriptions: deadlines, liveliness, incompatibilities, matches."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable
from enum import IntEnum
from typing import Any

from rclpy.impl.errors import UnsupportedEventTypeError
from rclpy.impl.event_types import EventHandle
from rclpy.impl.event_types import PublisherEventType as QoSPublisherEventType
from rclpy.impl.event_types import SubscriptionEventType as QoSSubscriptionEventType
from rclpy.logging import get_logger
from rclpy.qos import qos_policy_name_from_kind
from rclpy.waitable import NumberOfEntities, Waitable

from workcell_sim.embedded._kernel.status import IncompatibleQosStatus as QoSRequestedIncompatibleQoSInfo
from workcell_sim.embedded._kernel.status import IncompatibleTypeStatus as IncompatibleTypeInfo
from workcell_sim.embedded._kernel.status import LivelinessChangedStatus as QoSLivelinessChangedInfo
from workcell_sim.embedded._kernel.status import LivelinessLostStatus as QoSLivelinessLostInfo
from workcell_sim.embedded._kernel.status import MatchedStatus as QoSPublisherMatchedInfo
from workcell_sim.embedded._kernel.status import MatchedStatus as QoSSubscriptionMatchedInfo
from workcell_sim.embedded._kernel.status import MessageLostStatus as QoSMessageLostInfo
from workcell_sim.embedded._kernel.status import OfferedDeadlineMissedStatus as QoSOfferedDeadlineMissedInfo
from workcell_sim.embedded._kernel.status import RequestedDeadlineMissedStatus as QoSRequestedDeadlineMissedInfo

QoSOfferedIncompatibleQoSInfo = QoSRequestedIncompatibleQoSInfo

__all__ = [
    "EventHandler",
    "IncompatibleTypeInfo",
    "PublisherEventCallbacks",
    "QoSEventHandler",
    "QoSLivelinessChangedInfo",
    "QoSLivelinessLostInfo",
    "QoSMessageLostInfo",
    "QoSOfferedDeadlineMissedInfo",
    "QoSOfferedIncompatibleQoSInfo",
    "QoSPublisherEventType",
    "QoSPublisherMatchedInfo",
    "QoSRequestedDeadlineMissedInfo",
    "QoSRequestedIncompatibleQoSInfo",
    "QoSSubscriptionEventType",
    "QoSSubscriptionMatchedInfo",
    "SubscriptionEventCallbacks",
    "UnsupportedEventTypeError",
]


class EventHandler(Waitable):
    """Runs a callback with the status of an endpoint whenever it changes."""

    def __init__(
        self, *, callback_group: Any, callback: Callable[[Any], Any], event_type: IntEnum, parent_impl: Any
    ) -> None:
        super().__init__(callback_group)
        self.event_type = event_type
        self.callback = callback
        with parent_impl:
            self._event = EventHandle(parent_impl, event_type)
        self._event.owner = self
        self._ready_to_take_data = False
        self._event_index: int | None = None

    @property
    def _is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.callback)

    def _handles(self) -> list[Any]:
        return [self._event]

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        if not self._event.is_ready():
            return None
        return self.callback, (self._event.take_event(),)

    def is_ready(self, wait_set: Any) -> bool:
        if self._event_index is None:
            return False
        if wait_set.is_ready("event", self._event_index):
            self._ready_to_take_data = True
        return self._ready_to_take_data

    def take_data(self) -> Any:
        if not self._ready_to_take_data:
            return None
        self._ready_to_take_data = False
        with self._event:
            return self._event.take_event()

    async def execute(self, taken_data: Any) -> None:
        if not taken_data:
            return
        result = self.callback(taken_data)
        if self._is_async:
            await result

    def get_num_entities(self) -> NumberOfEntities:
        return NumberOfEntities(num_events=1)

    def add_to_wait_set(self, wait_set: Any) -> None:
        with self._event:
            self._event_index = wait_set.add_event(self._event)

    def __enter__(self) -> EventHandler:
        self._event.__enter__()
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self._event.__exit__(exc_type, exc, trace)

    def destroy(self) -> None:
        self._event.destroy_when_not_in_use()


class QoSEventHandler(EventHandler):
    """Deprecated name of :class:`EventHandler`."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        warnings.warn("QoSEventHandler foo is deprecated, use EventHandler instead.", DeprecationWarning, stacklevel=2)
        super().__init_subclass__(**kwargs)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        warnings.warn("QoSEventHandler is deprecated, use EventHandler instead.", DeprecationWarning, stacklevel=2)
        super().__init__(*args, **kwargs)


class SubscriptionEventCallbacks:
    """Callbacks for the events of a subscription; by default incompatible publishers are warned about."""

    def __init__(
        self,
        *,
        deadline: Callable[[QoSRequestedDeadlineMissedInfo], Any] | None = None,
        incompatible_qos: Callable[[QoSRequestedIncompatibleQoSInfo], Any] | None = None,
        liveliness: Callable[[QoSLivelinessChangedInfo], Any] | None = None,
        message_lost: Callable[[QoSMessageLostInfo], Any] | None = None,
        incompatible_type: Callable[[IncompatibleTypeInfo], Any] | None = None,
        matched: Callable[[QoSSubscriptionMatchedInfo], Any] | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        self.deadline = deadline
        self.incompatible_qos = incompatible_qos
        self.liveliness = liveliness
        self.message_lost = message_lost
        self.incompatible_type = incompatible_type
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks

    def create_event_handlers(self, callback_group: Any, subscription: Any, topic_name: str) -> list[EventHandler]:
        """Make the handlers for a subscription's handle."""
        incompatible_qos, incompatible_type = self.incompatible_qos, self.incompatible_type
        if self.use_default_callbacks:
            incompatible_qos = incompatible_qos or _qos_warning(
                subscription,
                f"New publisher discovered on topic '{topic_name}', offering incompatible QoS. "
                "No messages will be received from it. Last incompatible policy: {}",
            )
            incompatible_type = incompatible_type or _type_warning(subscription, topic_name)
        kinds = QoSSubscriptionEventType
        return _make_handlers(
            callback_group,
            subscription,
            {
                kinds.RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED: self.deadline,
                kinds.RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS: incompatible_qos,
                kinds.RCL_SUBSCRIPTION_LIVELINESS_CHANGED: self.liveliness,
                kinds.RCL_SUBSCRIPTION_MESSAGE_LOST: self.message_lost,
                kinds.RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE: incompatible_type,
                kinds.RCL_SUBSCRIPTION_MATCHED: self.matched,
            },
        )


class PublisherEventCallbacks:
    """Callbacks for the events of a publisher; by default incompatible subscriptions are warned about."""

    def __init__(
        self,
        *,
        deadline: Callable[[QoSOfferedDeadlineMissedInfo], Any] | None = None,
        liveliness: Callable[[QoSLivelinessLostInfo], Any] | None = None,
        incompatible_qos: Callable[[QoSRequestedIncompatibleQoSInfo], Any] | None = None,
        incompatible_type: Callable[[IncompatibleTypeInfo], Any] | None = None,
        matched: Callable[[QoSPublisherMatchedInfo], Any] | None = None,
        use_default_callbacks: bool = True,
    ) -> None:
        self.deadline = deadline
        self.liveliness = liveliness
        self.incompatible_qos = incompatible_qos
        self.incompatible_type = incompatible_type
        self.matched = matched
        self.use_default_callbacks = use_default_callbacks

    def create_event_handlers(self, callback_group: Any, publisher: Any, topic_name: str) -> list[EventHandler]:
        """Make the handlers for a publisher's handle."""
        incompatible_qos, incompatible_type = self.incompatible_qos, self.incompatible_type
        if self.use_default_callbacks:
            incompatible_qos = incompatible_qos or _qos_warning(
                publisher,
                f"New subscription discovered on topic '{topic_name}', requesting incompatible QoS. "
                "No messages will be sent to it. Last incompatible policy: {}",
            )
            incompatible_type = incompatible_type or _type_warning(publisher, topic_name)
        kinds = QoSPublisherEventType
        return _make_handlers(
            callback_group,
            publisher,
            {
                kinds.RCL_PUBLISHER_OFFERED_DEADLINE_MISSED: self.deadline,
                kinds.RCL_PUBLISHER_LIVELINESS_LOST: self.liveliness,
                kinds.RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS: incompatible_qos,
                kinds.RCL_PUBLISHER_INCOMPATIBLE_TYPE: incompatible_type,
                kinds.RCL_PUBLISHER_MATCHED: self.matched,
            },
        )


def _qos_warning(endpoint: Any, template: str) -> Callable[[Any], None]:
    def warn(event: Any) -> None:
        logger = get_logger(endpoint.get_logger_name())
        logger.warn(template.format(qos_policy_name_from_kind(event.last_policy_kind)))

    return warn


def _type_warning(endpoint: Any, topic_name: str) -> Callable[[Any], None]:
    def warn(event: Any) -> None:
        logger = get_logger(endpoint.get_logger_name())
        logger.warn(f"Incompatible type on topic '{topic_name}', no messages will be sent to it.")

    return warn


def _make_handlers(
    callback_group: Any, endpoint: Any, callbacks: dict[IntEnum, Callable[[Any], Any] | None]
) -> list[EventHandler]:
    return [
        EventHandler(callback_group=callback_group, callback=callback, event_type=kind, parent_impl=endpoint)
        for kind, callback in callbacks.items()
        if callback is not None
    ]
