"""Publishers."""

from __future__ import annotations

from typing import Any

from rclpy.duration import Duration
from rclpy.impl.endpoints import PublisherHandle


class Publisher:
    """Publishes messages on a topic; made by :meth:`.Node.create_publisher`."""

    def __init__(
        self,
        publisher_impl: PublisherHandle,
        msg_type: Any,
        topic: str,
        qos_profile: Any,
        event_callbacks: Any,
        callback_group: Any,
    ) -> None:
        self._handle = publisher_impl
        self._publish = publisher_impl.publish
        self.msg_type = msg_type
        self.topic = topic
        self.qos_profile = qos_profile
        self.event_handlers = event_callbacks.create_event_handlers(callback_group, publisher_impl, topic)

    def publish(self, msg: Any) -> None:
        """Send a message (or a serialized one) to the topic.

        Raises:
            TypeError: the message is of another type.
            InvalidHandle: the publisher has been destroyed.
        """
        if self._handle._destroy_asked:
            self._handle.__enter__()
        if msg.__class__ is self.msg_type or isinstance(msg, self.msg_type):
            self._publish(msg)
        elif isinstance(msg, bytes):
            self._handle.publish_raw(msg)
        else:
            raise TypeError(f"Expected {self.msg_type}, got {type(msg)}")

    def get_subscription_count(self) -> int:
        with self._handle:
            return self._handle.get_subscription_count()

    @property
    def topic_name(self) -> str:
        with self._handle:
            return self._handle.get_topic_name()

    @property
    def handle(self) -> PublisherHandle:
        return self._handle

    def destroy(self) -> None:
        """Destroy the publisher; use :meth:`.Node.destroy_publisher` instead."""
        for handler in self.event_handlers:
            handler.destroy()
        self._handle.destroy_when_not_in_use()

    def assert_liveliness(self) -> None:
        """Say that the publisher is alive, as MANUAL_BY_TOPIC liveliness asks for."""
        with self._handle:
            self._handle.assert_liveliness()

    def wait_for_all_acked(self, timeout: Duration | None = None) -> bool:
        """Wait until every message has reached its subscriptions; returns whether that was so in time."""
        limit = Duration(seconds=-1) if timeout is None else timeout
        with self._handle:
            return self._handle.wait_for_all_acked(limit.get_c_duration())

    def __enter__(self) -> Publisher:
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self.destroy()
