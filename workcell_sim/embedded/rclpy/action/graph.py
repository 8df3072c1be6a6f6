"""What can be found out about actions in the graph."""

from __future__ import annotations

from typing import Any

_FEEDBACK = "/_action/feedback"
_FEEDBACK_TYPE = "_FeedbackMessage"

NamesAndTypes = list[tuple[str, list[str]]]


def _actions(topics: NamesAndTypes) -> NamesAndTypes:
    """Actions whose feedback topics are among ``topics``."""
    return [
        (name.removesuffix(_FEEDBACK), [kind.removesuffix(_FEEDBACK_TYPE) for kind in kinds])
        for name, kinds in topics
        if name.endswith(_FEEDBACK)
    ]


def get_action_client_names_and_types_by_node(
    node: Any, remote_node_name: str, remote_node_namespace: str
) -> NamesAndTypes:
    """Actions that a node is a client of."""
    return _actions(node.get_subscriber_names_and_types_by_node(remote_node_name, remote_node_namespace))


def get_action_server_names_and_types_by_node(
    node: Any, remote_node_name: str, remote_node_namespace: str
) -> NamesAndTypes:
    """Actions that a node serves."""
    return _actions(node.get_publisher_names_and_types_by_node(remote_node_name, remote_node_namespace))


def get_action_names_and_types(node: Any) -> NamesAndTypes:
    """All actions."""
    return _actions(node.get_topic_names_and_types())
