"""Logging."""

from __future__ import annotations

from pathlib import Path

from rclpy.impl import log_output
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.impl.rcutils_logger import RcutilsLogger, ignore_caller_file

__all__ = [
    "LoggingSeverity",
    "clear_config",
    "get_logger",
    "get_logger_effective_level",
    "get_logger_level",
    "get_logging_directory",
    "get_logging_severity_from_string",
    "initialize",
    "set_logger_level",
    "shutdown",
]

ignore_caller_file(__file__)
_root_logger = RcutilsLogger()


def get_logger(name: str) -> RcutilsLogger:
    """A logger by name.

    Raises:
        ValueError: the name is empty.
    """
    if not name:
        raise ValueError("Logger name must not be empty.")
    return _root_logger.get_child(name)


def initialize() -> None:
    """Nothing to do: logging needs no start."""


def shutdown() -> None:
    """Nothing to do: every message is written at once."""


def clear_config() -> None:
    """Forget the levels of all loggers."""
    log_output.state().clear()


def set_logger_level(name: str, level: int | LoggingSeverity, detailed_error: bool = False) -> None:
    log_output.state().set_level(name, LoggingSeverity(level))


def get_logger_effective_level(name: str) -> LoggingSeverity:
    """The level that applies to a logger."""
    return log_output.state().effective_level(name)


def get_logger_level(name: str) -> LoggingSeverity:
    """The level set on a logger, ``UNSET`` if none was."""
    return log_output.state().level(name)


def get_logging_severity_from_string(log_severity: str) -> LoggingSeverity:
    """Severity of a name."""
    return log_output.severity_from_string(log_severity)


def get_logging_directory() -> Path:
    """Directory of log files."""
    return log_output.log_directory()
