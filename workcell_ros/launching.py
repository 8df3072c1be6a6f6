"""Starts launch files from a program, on whichever runtime is in use."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from launch import LaunchDescription, LaunchService
from launch.actions import EmitEvent, IncludeLaunchDescription, OpaqueFunction, RegisterEventHandler, TimerAction
from launch.event_handlers import OnProcessExit, OnShutdown
from launch.events import Shutdown
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch.logging import launch_config


class LaunchRun:
    """One launch file with its arguments, ready to run.

    Args:
        path: the launch file.
        arguments: launch arguments as text; a `log_level` of warn or above among them holds for launch itself too.
        duration_s: node time after which everything is shut down; 0 runs until told to stop.
    """

    def __init__(self, path: Path, arguments: Mapping[str, str], duration_s: float = 0.0) -> None:
        self.worst_exit_code = 0
        self.is_interrupted = False
        self.service = LaunchService(noninteractive=True)
        level = arguments.get("log_level", "info")
        launch_config.level = max(logging.INFO, logging.getLevelNamesMapping().get(level.upper(), logging.INFO))
        included = IncludeLaunchDescription(
            AnyLaunchDescriptionSource(str(path)), launch_arguments=list(arguments.items())
        )
        handlers = (OnProcessExit(on_exit=self._on_exit), OnShutdown(on_shutdown=self._on_shutdown))
        entities: list[Any] = [
            OpaqueFunction(function=_take_sigterm_for_ctrl_c),
            *map(RegisterEventHandler, handlers),
            included,
        ]
        if duration_s > 0.0:
            stop = EmitEvent(event=Shutdown(reason="the shift is over"))
            entities.append(TimerAction(period=duration_s, actions=[stop]))
        self.service.include_launch_description(LaunchDescription(entities))

    def run(self) -> int:
        """Runs until all has ended; returns the exit code: that of the launch, or the worst of its processes.

        Raises:
            KeyboardInterrupt: Ctrl-C or SIGTERM ended it; all has come down safely.
        """
        code = self.service.run()
        if self.is_interrupted:
            raise KeyboardInterrupt
        return int(code) or self.worst_exit_code

    def _on_shutdown(self, event: Any, _context: Any) -> None:
        self.is_interrupted = self.is_interrupted or bool(event.due_to_sigint)

    def _on_exit(self, event: Any, _context: Any) -> None:
        # A process that was respawned and one that a signal ended in shutdown are no failure of the launch.
        if event.returncode > 0 and not event.process_name.startswith("compose"):
            self.worst_exit_code = max(self.worst_exit_code, event.returncode)


def _take_sigterm_for_ctrl_c(_context: Any) -> None:
    """Lets a service manager stop the cell as safely as a person does: launch itself would leave its nodes behind.

    Done from within the launch, which puts its own handlers in place when it starts and takes them away at its end.
    """
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda _number, _frame: os.kill(os.getpid(), signal.SIGINT))
