"""Check of parameter names."""

from typing import Literal

from rclpy.exceptions import InvalidParameterException


def validate_parameter_name(name: str) -> Literal[True]:
    """Return true for a good name, else raise :class:`InvalidParameterException`."""
    if not name:
        raise InvalidParameterException(name)
    return True
