"""Check of node names."""

from typing import Literal

from rclpy.exceptions import InvalidNodeNameException
from rclpy.impl.names import node_name_error


def validate_node_name(node_name: str) -> Literal[True]:
    """Return true for a good name, else raise :class:`InvalidNodeNameException`."""
    error = node_name_error(node_name)
    if error is not None:
        raise InvalidNodeNameException(node_name, *error)
    return True
