"""Subscriptions."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from enum import Enum
from typing import Any

from rclpy.impl.endpoints import SubscriptionHandle


class Subscription:
    """Runs a callback for every message of a topic; made by :meth:`.Node.create_subscription`.

    The callback takes the message, or the message and a dict with time stamps and sequence numbers.
    """

    # Of entities that are ready at the same time, those of lower rank run first.
    _rank = 2

    class CallbackType(Enum):
        """What a callback takes."""

        MessageOnly = 0
        WithMessageInfo = 1

    def __init__(
        self,
        subscription_impl: SubscriptionHandle,
        msg_type: Any,
        topic: str,
        callback: Callable[..., Any],
        callback_group: Any,
        qos_profile: Any,
        raw: bool,
        event_callbacks: Any,
    ) -> None:
        self._handle = subscription_impl
        self.msg_type = msg_type
        self.topic = topic
        self.raw = raw
        self.callback = callback
        self.callback_group = callback_group
        self._executor_event = False
        self.qos_profile = qos_profile
        self.event_handlers = event_callbacks.create_event_handlers(callback_group, subscription_impl, topic)
        subscription_impl.owner = self

    @property
    def handle(self) -> SubscriptionHandle:
        return self._handle

    @property
    def topic_name(self) -> str:
        with self._handle:
            return self._handle.get_topic_name()

    @property
    def callback(self) -> Callable[..., Any]:
        return self._callback

    @callback.setter
    def callback(self, value: Callable[..., Any]) -> None:
        self._callback_type = self._type_of(value)
        self._callback = value
        self._is_async = inspect.iscoroutinefunction(value)
        self._plain = self._callback_type is Subscription.CallbackType.MessageOnly and not self.raw

    @staticmethod
    def _type_of(callback: Callable[..., Any]) -> Subscription.CallbackType:
        signature = inspect.signature(callback)
        for kind, arguments in (
            (Subscription.CallbackType.MessageOnly, (None,)),
            (Subscription.CallbackType.WithMessageInfo, (None, None)),
        ):
            try:
                signature.bind(*arguments)
            except TypeError:
                continue
            return kind
        raise RuntimeError(
            "Subscription.__init__(): callback should be either be callable with one argument"
            "(to get only the message) or two (to get message and message info)"
        )

    def _take(self) -> tuple[Any, tuple[Any, ...]] | None:
        handle = self._handle
        if self._plain:
            sample = handle.take()
            if handle.samples:
                handle.report()
            return None if sample is None else (self._callback, sample[:1])
        taken = handle.take_message(self.msg_type, self.raw)
        if handle.samples:
            handle.report()
        if taken is None:
            return None
        if self._callback_type is Subscription.CallbackType.MessageOnly:
            return self._callback, taken[:1]
        return self._callback, taken

    def get_publisher_count(self) -> int:
        """Publishers that this subscription receives from."""
        with self._handle:
            return self._handle.get_publisher_count()

    def destroy(self) -> None:
        """Destroy the subscription; use :meth:`.Node.destroy_subscription` instead."""
        for handler in self.event_handlers:
            handler.destroy()
        self._handle.destroy_when_not_in_use()

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self.destroy()
