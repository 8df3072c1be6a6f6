"""Waiting for a single message."""

from __future__ import annotations

from typing import Any

from rclpy.impl.wait_set import WaitSet
from rclpy.qos import QoSProfile
from rclpy.utilities import timeout_sec_to_nsec


def wait_for_message(
    msg_type: Any, node: Any, topic: str, *, qos_profile: QoSProfile | int = 1, time_to_wait: float = -1
) -> tuple[bool, Any]:
    """Wait for the next message of a topic.

    Returns:
        Whether one came in time, and the message.
    """
    subscription = node.create_subscription(msg_type, topic, lambda _: None, qos_profile=qos_profile)
    try:
        wait_set = WaitSet(1, context=node.context.handle)
        wait_set.add_subscription(subscription.handle)
        wait_set.wait(timeout_sec_to_nsec(time_to_wait))
        taken = subscription.handle.take_message(subscription.msg_type, subscription.raw)
        return (False, None) if taken is None else (True, taken[0])
    finally:
        node.destroy_subscription(subscription)
