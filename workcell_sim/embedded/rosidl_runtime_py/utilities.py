"""Classes of interfaces by name, as ``std_msgs/msg/String`` or ``std_msgs/String``."""

from __future__ import annotations

from typing import Any

from rosidl_parser.definition import NamespacedType

from .import_message import import_message_from_namespaced_type


def get_interface(identifier: str) -> Any:
    """Return any interface by its full name."""
    return import_message_from_namespaced_type(get_namespaced_type(identifier))


def get_message(identifier: str) -> Any:
    """Return a message by name; ValueError where the name is not a message's."""
    interface = import_message_from_namespaced_type(get_message_namespaced_type(identifier))
    if not is_message(interface):
        raise ValueError(f"Expected the full name of a message, got '{identifier}'")
    return interface


def get_service(identifier: str) -> Any:
    """Return a service by name; ValueError where the name is not a service's."""
    interface = import_message_from_namespaced_type(get_service_namespaced_type(identifier))
    if not is_service(interface):
        raise ValueError(f"Expected the full name of a service, got '{identifier}'")
    return interface


def get_action(identifier: str) -> Any:
    """Return an action by name; ValueError where the name is not an action's."""
    interface = import_message_from_namespaced_type(get_action_namespaced_type(identifier))
    if not is_action(interface):
        raise ValueError(f"Expected the full name of an action, got '{identifier}'")
    return interface


def get_namespaced_type(identifier: str) -> NamespacedType:
    """Return the type of a full name."""
    return _namespaced_type(identifier, None)


def get_message_namespaced_type(identifier: str) -> NamespacedType:
    """Return the type of a message's name, with or without ``msg``."""
    return _namespaced_type(identifier, "msg")


def get_service_namespaced_type(identifier: str) -> NamespacedType:
    """Return the type of a service's name, with or without ``srv``."""
    return _namespaced_type(identifier, "srv")


def get_action_namespaced_type(identifier: str) -> NamespacedType:
    """Return the type of an action's name, with or without ``action``."""
    return _namespaced_type(identifier, "action")


def is_message(interface: Any) -> bool:
    """Whether it is a message class."""
    return hasattr(interface, "SLOT_TYPES")


def is_service(interface: Any) -> bool:
    """Whether it is a service class."""
    return hasattr(interface, "Request") and hasattr(interface, "Response")


def is_action(interface: Any) -> bool:
    """Whether it is an action class."""
    return all(hasattr(interface, part) for part in ("Goal", "Result", "Feedback"))


def _namespaced_type(identifier: str, kind: str | None) -> NamespacedType:
    *namespaces, name = identifier.split("/")
    if len(namespaces) == 1 and kind is not None:
        namespaces.append(kind)
    return NamespacedType(namespaces, name)
