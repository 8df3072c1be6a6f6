"""Errors that rclpy's compiled half raises."""

from workcell_sim.embedded._kernel.entity import InvalidHandle
from workcell_sim.embedded._kernel.errors import RCLError


class RCUtilsError(RuntimeError):
    """Logging and utilities."""


class RMWError(RuntimeError):
    """Middleware."""


class RCLInvalidROSArgsError(RCLError):
    """A ROS argument could not be parsed."""


class UnknownROSArgsError(RuntimeError):
    """There is no such ROS argument."""


class NodeNameNonExistentError(RCLError):
    """A graph query names a node that does not exist."""


class UnsupportedEventTypeError(RCLError):
    """The middleware cannot report such events."""


class UnsupportedError(NotImplementedError):
    """The embedded runtime does not offer this part of the ROS API."""


__all__ = [
    "InvalidHandle",
    "NodeNameNonExistentError",
    "RCLError",
    "RCLInvalidROSArgsError",
    "RCUtilsError",
    "RMWError",
    "UnknownROSArgsError",
    "UnsupportedError",
    "UnsupportedEventTypeError",
]
