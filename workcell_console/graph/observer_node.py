"""Writes down what each node of a running cell publishes, hears, offers and calls."""

from __future__ import annotations

from typing import Any

from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node


def observe(node: Any) -> dict[str, dict[str, dict[str, list[str]]]]:
    """Returns types by full name, by kind, by node, of all nodes in the observer's namespace but itself."""
    own = node.get_namespace()
    seen = {}
    for name, namespace in node.get_node_names_and_namespaces():
        if namespace == own and name != node.get_name():
            seen[name] = _of(node, name, namespace)
    return seen


def _of(node: Any, name: str, namespace: str) -> dict[str, dict[str, list[str]]]:
    return {
        "publishes": dict(node.get_publisher_names_and_types_by_node(name, namespace)),
        "subscribes": dict(node.get_subscriber_names_and_types_by_node(name, namespace)),
        "offers": dict(node.get_service_names_and_types_by_node(name, namespace)),
        "calls": dict(node.get_client_names_and_types_by_node(name, namespace)),
        "executes": dict(get_action_server_names_and_types_by_node(node, name, namespace)),
        "sends": dict(get_action_client_names_and_types_by_node(node, name, namespace)),
    }
