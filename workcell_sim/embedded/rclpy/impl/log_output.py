"""Where log messages go: the console and ``/rosout``; levels per process."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from time import localtime, strftime
from typing import Any

from workcell_sim.embedded._kernel import Kernel, process_globals

from .arguments import RosArguments
from .errors import RCUtilsError
from .logging_severity import LoggingSeverity

SEPARATOR = "."
_DEFAULT_FORMAT = "[{severity}] [{time}] [{name}]: {message}"
_TOKEN = re.compile(r"\{(\w+)\}")
_COLORS = {
    LoggingSeverity.DEBUG: "\033[32m",
    LoggingSeverity.INFO: "",
    LoggingSeverity.WARN: "\033[33m",
    LoggingSeverity.ERROR: "\033[31m",
    LoggingSeverity.FATAL: "\033[31m",
}
_COLOR_END = "\033[0m"


class LogState:
    """Levels and outputs of one process."""

    def __init__(self) -> None:
        self.levels: dict[str, LoggingSeverity] = {"": LoggingSeverity.INFO}
        # How serious a message must be to be logged, per logger name that was asked for.
        self._effective: dict[str, LoggingSeverity] = {}
        self.stdout_enabled = True
        self.rosout_enabled = True
        # Publishers of nodes by logger name; names of child loggers point to their node's.
        self.rosout: dict[str, Callable[..., None]] = {}
        self.children: dict[str, tuple[str, int]] = {}

    def set_level(self, name: str, level: LoggingSeverity) -> None:
        self.levels[name] = level
        self._effective.clear()

    def level(self, name: str) -> LoggingSeverity:
        return self.levels.get(name, LoggingSeverity.UNSET)

    def effective_level(self, name: str) -> LoggingSeverity:
        level = self._effective.get(name)
        if level is None:
            level = self._effective[name] = self._look_up(name)
        return level

    def _look_up(self, name: str) -> LoggingSeverity:
        while name:
            level = self.levels.get(name, LoggingSeverity.UNSET)
            if level is not LoggingSeverity.UNSET:
                return level
            name = name.rpartition(SEPARATOR)[0]
        return self.levels[""]

    def clear(self) -> None:
        self.levels = {"": LoggingSeverity.INFO}
        self._effective.clear()

    def add_child(self, parent: str, name: str) -> bool:
        """Let a child logger publish through its parent's node; counts users of the name."""
        node = parent if parent in self.rosout else self.children.get(parent, ("", 0))[0]
        if not node:
            return False
        full_name = f"{parent}{SEPARATOR}{name}"
        self.children[full_name] = (node, self.children.get(full_name, ("", 0))[1] + 1)
        return True

    def remove_child(self, parent: str, name: str) -> None:
        full_name = f"{parent}{SEPARATOR}{name}"
        node, users = self.children.get(full_name, ("", 0))
        if users > 1:
            self.children[full_name] = (node, users - 1)
        else:
            self.children.pop(full_name, None)


def state() -> LogState:
    """Log state of the calling process."""
    found: LogState | None = process_globals().get("rclpy.log_state")
    if found is None:
        found = process_globals()["rclpy.log_state"] = LogState()
    return found


def configure(arguments: RosArguments) -> None:
    """Apply ``--log-level`` and the switches of a context's arguments."""
    log = state()
    if arguments.default_log_level is not None:
        log.set_level("", arguments.default_log_level)
    for name, level in arguments.log_levels.items():
        log.set_level(name, level)
    log.stdout_enabled = arguments.switches.get("stdout-logs", True)
    log.rosout_enabled = arguments.switches.get("rosout-logs", True)


def emit(severity: LoggingSeverity, name: str, message: str, function: str, file: str, line: int) -> None:
    """Write a message to the console and publish it on ``/rosout`` if the logger belongs to a node."""
    log = state()
    now_ns = Kernel.current().now_ns()
    if log.stdout_enabled:
        _print(severity, name, message, function, file, line, now_ns)
    if log.rosout_enabled:
        publish = log.rosout.get(name)
        if publish is None and name in log.children:
            publish = log.rosout.get(log.children[name][0])
        if publish is not None:
            publish(severity, name, message, function, file, line, now_ns)


def _print(
    severity: LoggingSeverity, name: str, message: str, function: str, file: str, line: int, now_ns: int
) -> None:
    values: dict[str, Any] = {
        "severity": severity.name,
        "name": name,
        "message": message,
        "function_name": function,
        "file_name": file,
        "line_number": line,
        "time": f"{now_ns // 10**9}.{now_ns % 10**9:09d}",
        "time_as_nanoseconds": now_ns,
        "date_time_with_ms": f"{strftime('%F %T', localtime(now_ns // 10**9))}.{now_ns // 10**6 % 1000:03d}",
    }
    template = os.environ.get("RCUTILS_CONSOLE_OUTPUT_FORMAT") or _DEFAULT_FORMAT
    text = _TOKEN.sub(lambda match: str(values.get(match.group(1), match.group(0))), template)
    stream = sys.stdout if os.environ.get("RCUTILS_LOGGING_USE_STDOUT") == "1" else sys.stderr
    color = _COLORS[severity] if _colored(stream) else ""
    stream.write(f"{color}{text}{_COLOR_END if color else ''}\n")
    stream.flush()


def _colored(stream: Any) -> bool:
    asked = os.environ.get("RCUTILS_COLORIZED_OUTPUT")
    if asked in ("0", "1"):
        return asked == "1"
    return bool(stream.isatty())


def severity_from_string(text: str) -> LoggingSeverity:
    """Severity of a name in whatever case.

    Raises:
        RCUtilsError: there is no such severity.
    """
    try:
        return LoggingSeverity[text.upper()]
    except KeyError:
        valid = ", ".join(LoggingSeverity.__members__)
        raise RCUtilsError(f"Failed to get log severity from name: {text!r} is none of {valid}") from None


def log_directory() -> Path:
    """Where ROS keeps log files: ``ROS_LOG_DIR``, else ``ROS_HOME/log``, else ``~/.ros/log``."""
    directory = os.environ.get("ROS_LOG_DIR")
    if directory:
        return Path(directory).expanduser()
    home = os.environ.get("ROS_HOME")
    return (Path(home).expanduser() if home else Path.home() / ".ros") / "log"
