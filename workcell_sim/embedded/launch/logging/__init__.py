"""Where a launched system's messages and its processes' output go.

Without a log directory asked for (``launch_config.log_dir``, ``ROS_LOG_DIR`` or ``ROS_HOME``)
nothing is written to disk: a run of the embedded runtime leaves no files behind.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from . import handlers
from ._output_config import normalize_output_configuration

__all__ = [
    "LaunchConfig",
    "base_log_dir",
    "get_logger",
    "get_output_loggers",
    "handlers",
    "launch_config",
    "log_launch_config",
    "reset",
]

_SCREEN_FORMATS = {
    "default": "[{levelname}] [{name}]: {message}",
    "default_with_timestamp": "{created:.7f} [{levelname}] [{name}]: {message}",
}
_LOG_FORMATS = {"default": "{created:.7f} [{levelname}] [{name}]: {message}"}
_RAW_SCREEN_FORMAT = "{message}"
_RAW_LOG_FORMAT = "{created:.7f} {message}"
_serial = itertools.count(1)


class _Formatter(logging.Formatter):
    """One format for messages, and a plainer one for lines that processes printed."""

    def __init__(self, message_format: str, style: Any, raw_format: str) -> None:
        super().__init__(message_format, style=style)
        self._raw = logging.Formatter(raw_format, style="{")

    def format(self, record: logging.LogRecord) -> str:
        if record.name in launch_config.output_logger_names:
            return self._raw.format(record)
        return super().format(record)


class LaunchConfig:
    """Level, formats, log directory and the handlers made from them."""

    def __init__(self) -> None:
        self.output_logger_names: set[str] = set()
        self.log_handler_factory: Callable[..., logging.Handler] = _open_log_file
        self._level = logging.INFO
        self._log_dir: str | None = None
        self._screen_handler: logging.Handler | None = None
        self._file_handlers: dict[str, logging.Handler] = {}
        self.set_screen_format(os.environ.get("OVERRIDE_LAUNCH_SCREEN_FORMAT", "default"))
        self.set_log_format(os.environ.get("OVERRIDE_LAUNCH_LOG_FORMAT", "default"))

    def reset(self) -> None:
        """Forget all that was set and close the log files."""
        for handler in self._file_handlers.values():
            handler.close()
        self.__init__()  # type: ignore[misc]

    @property
    def level(self) -> int:
        """The level below which messages are dropped."""
        return self._level

    @level.setter
    def level(self, level: int) -> None:
        self._level = level
        logging.getLogger("launch").setLevel(level)

    @property
    def log_dir(self) -> str:
        """The directory of this launch's log files; made on first use."""
        if self._log_dir is None:
            base_path = str(base_log_dir())
            self._log_dir = _make_unique_log_dir(base_path=base_path)
            _renew_latest_log_dir(log_dir=self._log_dir)
        return self._log_dir

    @log_dir.setter
    def log_dir(self, log_dir: str | None) -> None:
        if log_dir is not None and not Path(log_dir).is_dir():
            raise ValueError(f"{log_dir} is not a directory")
        self._log_dir = log_dir

    @property
    def writes_files(self) -> bool:
        """Whether anybody asked for log files."""
        variables = ("ROS_LOG_DIR", "ROS_HOME")
        return self._log_dir is not None or any(os.environ.get(name) for name in variables)

    def set_screen_format(self, screen_format: str, *, screen_style: str | None = None) -> None:
        """Set the format of messages on the screen: 'default', 'default_with_timestamp' or one's own.

        Raises:
            ValueError: a style is given for one of the named formats.
        """
        self._screen_formatter = _formatter(screen_format, screen_style, _SCREEN_FORMATS, _RAW_SCREEN_FORMAT)
        if self._screen_handler is not None:
            self._screen_handler.setFormatter(self._screen_formatter)

    def set_log_format(self, log_format: str, *, log_style: str | None = None) -> None:
        """Set the format of messages in the main log file: 'default' or one's own.

        Raises:
            ValueError: a style is given for the named format.
        """
        self._log_formatter = _formatter(log_format, log_style, _LOG_FORMATS, _RAW_LOG_FORMAT)
        for name, handler in self._file_handlers.items():
            if name == "launch.log":
                handler.setFormatter(self._log_formatter)

    def get_screen_handler(self) -> logging.Handler:
        """Return the one handler that writes to the screen."""
        if self._screen_handler is None:
            self._screen_handler = handlers.ScreenHandler()
            self._screen_handler.setFormatter(self._screen_formatter)
        return self._screen_handler

    def all_handlers(self) -> set[logging.Handler]:
        """Return every handler made so far."""
        screen = {self._screen_handler} if self._screen_handler is not None else set()
        return screen | set(self._file_handlers.values())

    def get_log_file_path(self, file_name: str = "launch.log") -> str:
        """Return the path of a file in the log directory."""
        return os.path.join(self.log_dir, file_name)

    def get_log_file_handler(self, file_name: str = "launch.log") -> logging.Handler:
        """Return the one handler that writes to a file in the log directory."""
        handler = self._file_handlers.get(file_name)
        if handler is None:
            handler = self.log_handler_factory(self.get_log_file_path(file_name), encoding="utf-8")
            is_main = file_name == "launch.log"
            handler.setFormatter(self._log_formatter if is_main else logging.Formatter("{message}", style="{"))
            self._file_handlers[file_name] = handler
        return handler


def get_logger(name: str | None = None) -> logging.Logger:
    """Return a logger that writes to the screen, and to the main log file if there is one."""
    logger = logging.getLogger(name)
    _attach(logger, launch_config.get_screen_handler())
    if launch_config.writes_files:
        _attach(logger, launch_config.get_log_file_handler())
    if name is not None:
        logger.propagate = False
    if logger.level == logging.NOTSET:
        logger.setLevel(launch_config.level)
    return logger


def get_output_loggers(
    process_name: str, output_config: Any, main_log_file_name: str = "launch.log"
) -> tuple[logging.Logger, logging.Logger]:
    """Return the loggers for a process's standard output and standard error.

    Args:
        process_name: name of the process.
        output_config: 'screen', 'log', 'both', 'own_log', 'full', or a dictionary from 'stdout',
            'stderr' and 'both' to sets of 'screen', 'log' and 'own_log'.
        main_log_file_name: file of the destination 'log'.

    Raises:
        ValueError: the configuration is none of these.
    """
    config = normalize_output_configuration(output_config)
    loggers = []
    for source in ("stdout", "stderr"):
        logger = logging.getLogger(f"{process_name}-{source}")
        logger.propagate = False
        logger.setLevel(logging.NOTSET + 1)
        logger.handlers = _output_handlers(process_name, source, config, main_log_file_name)
        launch_config.output_logger_names.add(logger.name)
        loggers.append(logger)
    return loggers[0], loggers[1]


def _output_handlers(
    process_name: str, source: str, config: dict[str, set[str]], main_log_file_name: str
) -> list[logging.Handler]:
    found: list[logging.Handler] = []
    if "screen" in config[source] | config["both"]:
        found.append(launch_config.get_screen_handler())
    if not launch_config.writes_files:
        return found
    if "log" in config[source] | config["both"]:
        found.append(launch_config.get_log_file_handler(main_log_file_name))
    if "own_log" in config[source]:
        found.append(launch_config.get_log_file_handler(f"{process_name}-{source}.log"))
    if "own_log" in config["both"]:
        found.append(launch_config.get_log_file_handler(f"{process_name}.log"))
    return found


def log_launch_config(*, logger: logging.Logger | None = None) -> None:
    """Say where the log files are and what the level is."""
    logger = logger or get_logger()
    if launch_config.writes_files:
        logger.info("All log files can be found below %s", launch_config.log_dir)
    logger.info("Default logging verbosity is set to %s", logging.getLevelName(launch_config.level))


def reset() -> None:
    """Forget all that was set, and take every handler off the loggers made here."""
    ours = launch_config.all_handlers()
    for logger in list(logging.root.manager.loggerDict.values()):
        if isinstance(logger, logging.Logger) and ours.intersection(logger.handlers):
            logger.handlers.clear()
            logger.setLevel(logging.NOTSET)
    launch_config.reset()


def _attach(logger: logging.Logger, handler: logging.Handler) -> None:
    if handler not in logger.handlers:
        logger.addHandler(handler)


def _formatter(message_format: str, style: str | None, named: dict[str, str], raw_format: str) -> logging.Formatter:
    if message_format in named:
        if style is not None:
            raise ValueError(f"cannot set a style for the named format '{message_format}'")
        return _Formatter(named[message_format], "{", raw_format)
    return _Formatter(message_format, style or "{", raw_format)


def _open_log_file(path: str, encoding: str | None = None) -> logging.Handler:
    return handlers.FileHandler(path, encoding=encoding)


def base_log_dir() -> Path:
    """Return the directory below which each launch has one for its log files."""
    if os.environ.get("ROS_LOG_DIR"):
        return Path(os.environ["ROS_LOG_DIR"]).expanduser()
    home = os.environ.get("ROS_HOME") or "~/.ros"
    return Path(home).expanduser() / "log"


def _make_unique_log_dir(*, base_path: str) -> str:
    """Make a directory named after time, host and process below `base_path`."""
    stamp = datetime.now().strftime("%Y-%m-%d-%H-%M-%S-%f")
    while True:
        name = f"{stamp}-{socket.gethostname()}-{os.getpid()}-{next(_serial)}"
        path = Path(base_path) / name
        try:
            path.mkdir(parents=True)
        except FileExistsError:
            continue
        return str(path)


def _renew_latest_log_dir(*, log_dir: str) -> bool:
    """Point the link ``latest`` beside `log_dir` at it; returns whether it could be."""
    link = Path(log_dir).parent / "latest"
    if link.exists() and not link.is_symlink():
        return False
    link.unlink(missing_ok=True)
    link.symlink_to(Path(log_dir).name)
    return True


launch_config = LaunchConfig()
