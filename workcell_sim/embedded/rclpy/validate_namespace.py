"""Check of namespaces."""

from typing import Literal

from rclpy.exceptions import InvalidNamespaceException
from rclpy.impl.names import namespace_error


def validate_namespace(namespace: str) -> Literal[True]:
    """Return true for a good namespace, else raise :class:`InvalidNamespaceException`."""
    error = namespace_error(namespace)
    if error is not None:
        raise InvalidNamespaceException(namespace, *error)
    return True
