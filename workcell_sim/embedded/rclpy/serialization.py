"""Messages as bytes (CDR, as on the wire)."""

from __future__ import annotations

from typing import Any

from rclpy.type_support import check_for_type_support

from workcell_sim.embedded import _interfaces


def serialize_message(message: Any) -> bytes:
    """Serialize a message."""
    check_for_type_support(type(message))
    return _interfaces.serialize_message(message)


def deserialize_message(serialized_message: bytes, message_type: Any) -> Any:
    """Make a message from bytes."""
    check_for_type_support(message_type)
    return _interfaces.deserialize_message(serialized_message, message_type)
