"""Check of expanded topic and service names."""

from typing import Literal

from rclpy.exceptions import InvalidServiceNameException, InvalidTopicNameException
from rclpy.impl.names import full_topic_name_error


def validate_full_topic_name(name: str, *, is_service: bool = False) -> Literal[True]:
    """Return true for a good name, else raise.

    Raises:
        InvalidServiceNameException, InvalidTopicNameException: the name is malformed.
    """
    error = full_topic_name_error(name)
    if error is not None:
        raise (InvalidServiceNameException if is_service else InvalidTopicNameException)(name, *error)
    return True
