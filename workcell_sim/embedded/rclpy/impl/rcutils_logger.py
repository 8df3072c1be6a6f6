"""Loggers and their filters (once, skip first, throttle)."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any, ClassVar, NamedTuple

from rclpy.clock import Clock
from rclpy.impl import log_output
from rclpy.impl.logging_severity import LoggingSeverity

from workcell_sim.embedded._kernel import Kernel

_internal_files: set[str] = {__file__}


def ignore_caller_file(path: str) -> None:
    """Do not report code in ``path`` as the caller of a logging function."""
    _internal_files.add(path)


class CallerId(NamedTuple):
    """Where in a program a message is logged."""

    function_name: str
    file_path: str
    line_number: int
    last_index: int


def _caller() -> CallerId:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in _internal_files:
        frame = frame.f_back
    assert frame is not None
    return CallerId(frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno, frame.f_lasti)


class LoggingFilter:
    """Decides, per place in the code, whether a message is logged. ``params`` maps its parameters to defaults."""

    params: ClassVar[dict[str, Any]] = {}

    @classmethod
    def initialize_context(cls, context: dict[str, Any], **kwargs: Any) -> None:
        for name, default in cls.params.items():
            context[name] = kwargs.get(name, default)
            if context[name] is None:
                raise TypeError(f'Required parameter "{name}" was not specified for logging filter "{cls.__name__}"')

    @staticmethod
    def should_log(context: dict[str, Any]) -> bool:
        return True


class Once(LoggingFilter):
    """Only the first message."""

    params: ClassVar[dict[str, Any]] = {"once": None}

    @staticmethod
    def should_log(context: dict[str, Any]) -> bool:
        first = not context.get("logged_once", False)
        context["logged_once"] = True
        return first


class _KernelClock(Clock):
    """Default clock of the throttle: the time of whichever kernel the caller runs on."""

    def now(self) -> Any:
        from rclpy.time import Time

        return Time(nanoseconds=Kernel.current().now_ns())


class Throttle(LoggingFilter):
    """At most one message in a duration."""

    params: ClassVar[dict[str, Any]] = {"throttle_duration_sec": None, "throttle_time_source_type": _KernelClock()}

    @classmethod
    def initialize_context(cls, context: dict[str, Any], **kwargs: Any) -> None:
        super().initialize_context(context, **kwargs)
        context["throttle_last_logged_ns"] = 0
        clock = context["throttle_time_source_type"]
        if not isinstance(clock, Clock):
            raise ValueError(f'Received throttle_time_source_type of "{clock}" is not a clock instance')

    @staticmethod
    def should_log(context: dict[str, Any]) -> bool:
        now_ns = context["throttle_time_source_type"].now().nanoseconds
        if now_ns < context["throttle_last_logged_ns"] + context["throttle_duration_sec"] * 1e9:
            return False
        context["throttle_last_logged_ns"] = now_ns
        return True


class SkipFirst(LoggingFilter):
    """All messages but the first."""

    params: ClassVar[dict[str, Any]] = {"skip_first": None}

    @staticmethod
    def should_log(context: dict[str, Any]) -> bool:
        later: bool = context.get("skipped_first", False)
        context["skipped_first"] = True
        return later


# In the order in which they are asked.
supported_filters: dict[str, type[LoggingFilter]] = {"throttle": Throttle, "skip_first": SkipFirst, "once": Once}


def get_filters_from_kwargs(**kwargs: Any) -> list[str]:
    """Names of the filters that keyword arguments ask for.

    Raises:
        TypeError: a required parameter is missing or one is unknown.
    """
    known = [name for filter_class in supported_filters.values() for name in filter_class.params]
    found = [key for key, cls in supported_filters.items() if any(kwargs.get(name) for name in cls.params)]
    for key in found:
        for name, default in supported_filters[key].params.items():
            if name not in kwargs and default is None:
                raise TypeError(
                    f'required parameter "{name}" not specified but is required for the the logging filter "{key}"'
                )
    for name in kwargs:
        if name not in known:
            raise TypeError(f'parameter "{name}" is not one of the recognized logging options "{known}"')
    return found


class RcutilsLogger:
    """A named logger; names form a hierarchy separated by dots."""

    def __init__(self, name: str = "") -> None:
        self.name = name
        self.contexts: dict[CallerId, dict[str, Any]] = {}
        # Log state, parent and own name, if messages go out through a node's logger.
        self._child_of: tuple[log_output.LogState, str, str] | None = None

    def __del__(self) -> None:
        if self._child_of is not None:
            state, parent, name = self._child_of
            state.remove_child(parent, name)
            self._child_of = None

    def get_child(self, name: str) -> RcutilsLogger:
        """A logger below this one.

        Raises:
            ValueError: no name given.
        """
        if not name:
            raise ValueError("Child logger name must not be empty.")
        child = RcutilsLogger(f"{self.name}{log_output.SEPARATOR}{name}" if self.name else name)
        state = log_output.state()
        if self.name and state.add_child(self.name, name):
            child._child_of = (state, self.name, name)
        return child

    def set_level(self, level: int | LoggingSeverity) -> None:
        log_output.state().set_level(self.name, LoggingSeverity(level))

    def get_effective_level(self) -> LoggingSeverity:
        """The level that applies: its own, else that of the nearest ancestor that has one."""
        return log_output.state().effective_level(self.name)

    def is_enabled_for(self, severity: int | LoggingSeverity) -> bool:
        return LoggingSeverity(severity) >= log_output.state().effective_level(self.name)

    def log(self, message: str, severity: int | LoggingSeverity, **kwargs: Any) -> bool:
        """Log a message unless the level or a filter prevents it.

        Args:
            message: what to log.
            severity: its severity.
            kwargs: ``name`` (of another logger), ``throttle_duration_sec``, ``throttle_time_source_type`` (a clock),
                ``skip_first``, ``once``.

        Returns:
            Whether it was logged.

        Raises:
            TypeError: unknown or incomplete filter parameters.
            ValueError: the same call was made before with another severity, name or filter parameters.
        """
        severity = LoggingSeverity(severity)
        if severity < log_output.state().effective_level(self.name):
            return False
        name = kwargs.pop("name", self.name)
        caller = _caller()
        context = self._context(caller, name, severity, kwargs)
        for key in context["filters"]:
            if not supported_filters[key].should_log(context):
                return False
        log_output.emit(severity, name, str(message), caller.function_name, caller.file_path, caller.line_number)
        return True

    def _context(
        self, caller: CallerId, name: str, severity: LoggingSeverity, kwargs: dict[str, Any]
    ) -> dict[str, Any]:
        filters = get_filters_from_kwargs(**kwargs) if kwargs else []
        context = self.contexts.get(caller)
        if context is None:
            context = {"name": name, "severity": severity, "filters": filters}
            for key in filters:
                supported_filters[key].initialize_context(context, **kwargs)
            self.contexts[caller] = context
            return context
        if severity != context["severity"]:
            raise ValueError("Logger severity cannot be changed between calls.")
        if name != context["name"]:
            raise ValueError("Logger name cannot be changed between calls.")
        if filters != context["filters"]:
            raise ValueError("Requested logging filters cannot be changed between calls.")
        for key in filters:
            for parameter, default in supported_filters[key].params.items():
                if context[parameter] != kwargs.get(parameter, default):
                    raise ValueError("Logging filter parameters cannot be changed between calls.")
        return context

    def debug(self, message: str, **kwargs: Any) -> bool:
        return self.log(message, LoggingSeverity.DEBUG, **kwargs)

    def info(self, message: str, **kwargs: Any) -> bool:
        return self.log(message, LoggingSeverity.INFO, **kwargs)

    def warning(self, message: str, **kwargs: Any) -> bool:
        return self.log(message, LoggingSeverity.WARN, **kwargs)

    def warn(self, message: str, **kwargs: Any) -> bool:
        """Deprecated name of :meth:`warning`."""
        return self.warning(message, **kwargs)

    def error(self, message: str, **kwargs: Any) -> bool:
        return self.log(message, LoggingSeverity.ERROR, **kwargs)

    def fatal(self, message: str, **kwargs: Any) -> bool:
        return self.log(message, LoggingSeverity.FATAL, **kwargs)
