"""The counting of node names in a launch context."""

from __future__ import annotations

from collections import Counter

from launch.launch_context import LaunchContext

_KEY = "unique_ros_node_names"


def add_node_name(context: LaunchContext, node_name: str) -> None:
    """Note that a node of that name was started."""
    if _KEY not in context.get_locals_as_dict():
        context.extend_globals({_KEY: Counter()})
    context.get_locals_as_dict()[_KEY][node_name] += 1


def get_node_name_count(context: LaunchContext, node_name: str) -> int:
    """Return how many nodes of that name were started."""
    names: Counter[str] = context.get_locals_as_dict().get(_KEY, Counter())
    return names[node_name]
