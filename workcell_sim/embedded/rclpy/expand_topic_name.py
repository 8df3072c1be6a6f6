"""Expansion of topic and service names."""

from rclpy.impl.names import expand


def expand_topic_name(topic_name: str, node_name: str, node_namespace: str) -> str:
    """Make a name absolute: resolve ``~``, substitutions and the namespace.

    Raises:
        ValueError: a name is malformed.
    """
    return expand(topic_name, node_name, node_namespace)
