"""Severities of log messages."""

from enum import IntEnum


class LoggingSeverity(IntEnum):
    """How serious a log message is; ``UNSET`` means "ask the parent logger"."""

    UNSET = 0
    DEBUG = 10
    INFO = 20
    WARN = 30
    ERROR = 40
    FATAL = 50
