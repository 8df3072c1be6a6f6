"""Exceptions of the API. Their messages are part of what programs rely on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rclpy.impl.errors import InvalidHandle

if TYPE_CHECKING:
    from rclpy.parameter import Parameter

__all__ = [
    "InvalidHandle",
    "InvalidNamespaceException",
    "InvalidNodeNameException",
    "InvalidParameterException",
    "InvalidParameterTypeException",
    "InvalidParameterValueException",
    "InvalidServiceNameException",
    "InvalidTopicNameException",
    "NameValidationException",
    "NoTypeSupportImportedException",
    "NotInitializedException",
    "ParameterAlreadyDeclaredException",
    "ParameterException",
    "ParameterImmutableException",
    "ParameterNotDeclaredException",
    "ParameterUninitializedException",
    "ROSInterruptException",
]


class NotInitializedException(Exception):
    """``rclpy.init()`` has not been called."""

    def __init__(self, message: str | None = None) -> None:
        suffix = f" msg:{message}" if message else ""
        super().__init__(f"rclpy.init() has not been called.{suffix}")


class NoTypeSupportImportedException(Exception):
    """The type support of a message could not be imported."""

    def __init__(self) -> None:
        super().__init__("no type_support imported")


class NameValidationException(Exception):
    """A name is malformed; points at the offending character."""

    def __init__(self, name_type: str, name: str, error_msg: str, invalid_index: int) -> None:
        marker = " " * invalid_index + "^"
        super().__init__(f"Invalid {name_type}: {error_msg}:\n  '{name}'\n   {marker}")


class InvalidNamespaceException(NameValidationException):
    """A namespace is malformed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("namespace", name, error_msg, invalid_index)


class InvalidNodeNameException(NameValidationException):
    """A node name is malformed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("node name", name, error_msg, invalid_index)


class InvalidTopicNameException(NameValidationException):
    """A topic name is malformed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("topic name", name, error_msg, invalid_index)


class InvalidServiceNameException(NameValidationException):
    """A service name is malformed."""

    def __init__(self, name: str, error_msg: str, invalid_index: int) -> None:
        super().__init__("service name", name, error_msg, invalid_index)


class ParameterException(Exception):
    """Base of what can go wrong with parameters."""

    def __init__(self, error_msg: str, parameters: str | list[str]) -> None:
        super().__init__(f"{error_msg}: {parameters}")


class ParameterNotDeclaredException(ParameterException):
    """A parameter was used without having been declared."""

    def __init__(self, parameters: str | list[str]) -> None:
        super().__init__("Invalid access to undeclared parameter(s)", parameters)


class ParameterAlreadyDeclaredException(ParameterException):
    """A parameter was declared twice."""

    def __init__(self, parameters: str | list[str]) -> None:
        super().__init__("Parameter(s) already declared", parameters)


class InvalidParameterException(ParameterException):
    """A parameter name is malformed."""

    def __init__(self, parameter_name: str) -> None:
        super().__init__("Invalid parameter name", parameter_name)


class InvalidParameterTypeException(ParameterException):
    """A statically typed parameter got a value of another type."""

    def __init__(self, desired_parameter: Parameter, expected_type: str) -> None:
        from rclpy.parameter import Parameter

        name, value = desired_parameter.name, desired_parameter.value
        given = Parameter.Type.from_parameter_value(value).name
        super().__init__(
            f"Trying to set parameter '{name}' to '{value}' of type '{given}', expecting type '{expected_type}'", name
        )


class InvalidParameterValueException(ParameterException):
    """A value was refused by a descriptor or a callback."""

    def __init__(self, parameter: str, value: Any, reason: str) -> None:
        super().__init__(f"Invalid parameter value ({value}) for parameter. Reason: {reason}", parameter)


class ParameterImmutableException(ParameterException):
    """A read-only parameter was to be changed."""

    def __init__(self, parameter_name: str) -> None:
        super().__init__("Attempted to modify read-only parameter", parameter_name)


class ParameterUninitializedException(ParameterException):
    """A parameter was declared with a type only and has no value yet."""

    def __init__(self, parameter_name: str) -> None:
        super().__init__(f"The parameter '{parameter_name}' is not initialized", parameter_name)


class ROSInterruptException(Exception):
    """A blocking call ended because of a shutdown."""

    def __init__(self) -> None:
        super().__init__("rclpy.shutdown() has been called")
