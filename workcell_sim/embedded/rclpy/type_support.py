"""Checks that a class is a message, service or action type."""

from __future__ import annotations

from typing import Any

from rclpy.exceptions import NoTypeSupportImportedException


def check_for_type_support(msg_or_srv_type: Any) -> None:
    """Make sure that the type support of an interface class is loaded.

    Raises:
        AttributeError: it is no interface class; the message says what was probably done wrong.
    """
    metaclass = type(msg_or_srv_type)
    try:
        type_support = metaclass._TYPE_SUPPORT
    except AttributeError as error:
        raise AttributeError(
            f"{error} This might be a ROS 1 message type but it should be a ROS 2 message type. "
            "Make sure to source your ROS 2 workspace after your ROS 1 workspace."
        ) from error
    if type_support is None:
        metaclass.__import_type_support__()
    if metaclass._TYPE_SUPPORT is None:
        raise NoTypeSupportImportedException


def check_is_valid_msg_type(msg_type: Any) -> None:
    """Make sure that a class is a message type.

    Raises:
        RuntimeError: it is not.
    """
    check_for_type_support(msg_type)
    if not hasattr(msg_type, "get_fields_and_field_types"):
        raise RuntimeError(f"The message type provided is not valid ({msg_type}), this might be a service or action")


def check_is_valid_srv_type(srv_type: Any) -> None:
    """Make sure that a class is a service type.

    Raises:
        RuntimeError: it is not.
    """
    check_for_type_support(srv_type)
    if getattr(srv_type, "Request", None) is None or getattr(srv_type, "Response", None) is None:
        raise RuntimeError(f"The service type provided is not valid ({srv_type}), this might be a message or action")
