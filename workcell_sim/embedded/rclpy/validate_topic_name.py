"""Check of topic and service names as users write them."""

from typing import Literal

from rclpy.exceptions import InvalidServiceNameException, InvalidTopicNameException
from rclpy.impl.names import topic_name_error

TOPIC_SEPARATOR_STRING = "/"


def validate_topic_name(name: str, *, is_service: bool = False) -> Literal[True]:
    """Return true for a good name, else raise.

    Raises:
        InvalidServiceNameException, InvalidTopicNameException: the name is malformed.
    """
    error = topic_name_error(name)
    if error is not None:
        raise (InvalidServiceNameException if is_service else InvalidTopicNameException)(name, *error)
    return True
