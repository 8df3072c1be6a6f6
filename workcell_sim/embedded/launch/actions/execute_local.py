"""The execution of a program on this machine."""

from __future__ import annotations

import asyncio
import os
import signal
import traceback
from typing import Any

from ..action import Action
from ..conditions.evaluate_condition_expression_impl import evaluate_condition_expression
from ..descriptions import Executable
from ..event_handler import BaseEventHandler, EventHandler
from ..event_handlers import OnProcessExit, OnShutdown
from ..events import Shutdown
from ..events.process import (
    ProcessExited,
    ProcessStarted,
    ProcessStderr,
    ProcessStdout,
    ShutdownProcess,
    SignalProcess,
)
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..logging import get_logger, get_output_loggers
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..substitutions import LaunchConfiguration
from ..utilities import (
    is_a_subclass,
    normalize_to_list_of_substitutions,
    perform_substitutions,
)
from ..utilities.type_utils import normalize_typed_substitution, perform_typed_substitution
from ._os_program import OsProgram
from ._output_lines import OutputLines
from ._program import Program
from .opaque_function import OpaqueFunction


class ExecuteLocal(Action):
    """Executes `process_description`, and again after it ended where `respawn` asks for that.

    Events ProcessStarted, ProcessStdout, ProcessStderr and ProcessExited tell of it. On Shutdown,
    or a ShutdownProcess event for it, the program gets SIGINT, after `sigterm_timeout` seconds
    SIGTERM, and after `sigkill_timeout` more SIGKILL.
    """

    # Whether a Ctrl-C in the terminal reaches the program without our doing.
    _gets_terminal_signals = True

    def __init__(
        self,
        *,
        process_description: Executable,
        shell: bool = False,
        sigterm_timeout: SomeSubstitutionsType | None = None,
        sigkill_timeout: SomeSubstitutionsType | None = None,
        emulate_tty: bool = False,
        output: Any = "log",
        output_format: str = "[{this.process_description.final_name}] {line}",
        cached_output: bool = False,
        log_cmd: bool = False,
        on_exit: Any = None,
        respawn: bool | SomeSubstitutionsType = False,
        respawn_delay: float | None = None,
        respawn_max_retries: int = -1,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__process_description = process_description
        self.__shell = shell
        self.__emulate_tty = emulate_tty
        self.__output: Any = os.environ.get("OVERRIDE_LAUNCH_PROCESS_OUTPUT", output)
        if not isinstance(self.__output, dict):
            self.__output = normalize_to_list_of_substitutions(self.__output)
        self.__output_format = output_format
        self.__cached_output = cached_output
        self.__log_cmd = log_cmd
        self.__on_exit = on_exit
        self.__respawn = normalize_typed_substitution(respawn, bool)
        self.__respawn_delay = respawn_delay
        self.__respawn_retries_left = respawn_max_retries
        self.__sigterm_timeout = _timeout(sigterm_timeout, "sigterm_timeout")
        self.__sigkill_timeout = _timeout(sigkill_timeout, "sigkill_timeout")
        self.__logger = get_logger("launch")
        self.__details: dict[str, Any] | None = None
        self.__program: Program | None = None
        self.__return_code: int | None = None
        self.__is_shutting_down = False
        self.__escalations: list[asyncio.TimerHandle] = []
        self.__respawn_timer: asyncio.TimerHandle | None = None
        self.__completed: asyncio.Future[None] | None = None
        self.__handlers: list[BaseEventHandler] = []
        self.__lines: dict[int, OutputLines] = {}

    @property
    def process_description(self) -> Executable:
        """What is executed."""
        return self.__process_description

    @property
    def shell(self) -> bool:
        """Whether a shell reads the command line."""
        return self.__shell

    @property
    def emulate_tty(self) -> bool:
        """Whether the program sees a terminal."""
        return self.__emulate_tty

    @property
    def output(self) -> Any:
        """Where the program's output goes."""
        return self.__output

    @property
    def sigterm_timeout(self) -> list[Substitution]:
        """Seconds from SIGINT to SIGTERM."""
        return self.__sigterm_timeout

    @property
    def sigkill_timeout(self) -> list[Substitution]:
        """Seconds from SIGTERM to SIGKILL."""
        return self.__sigkill_timeout

    @property
    def process_details(self) -> dict[str, Any] | None:
        """The program's name, cmd, cwd, env, pid and action; None before it is executed."""
        return self.__details

    @property
    def return_code(self) -> int | None:
        """The return code; None while the program runs."""
        return self.__return_code

    def get_stdout(self) -> str:
        """Return what the program has written to standard output.

        Raises:
            RuntimeError: `cached_output` was not asked for.
        """
        return self.__cached(1)

    def get_stderr(self) -> str:
        """Return what the program has written to standard error.

        Raises:
            RuntimeError: `cached_output` was not asked for.
        """
        return self.__cached(2)

    def __cached(self, fd: int) -> str:
        if not self.__cached_output:
            raise RuntimeError(
                f"process '{self.__process_description.final_name}': its output is only kept with cached_output=True"
            )
        return self.__lines[fd].text if fd in self.__lines else ""

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the entities of `on_exit` if they are known."""
        return self.__on_exit if isinstance(self.__on_exit, list) else []

    def prepare(self, context: LaunchContext) -> None:
        """Work out the description and the name, and choose where output goes."""
        description = self.__process_description
        description.prepare(context, self)
        self.__details = {
            "action": self,
            "name": description.final_name,
            "cmd": description.final_cmd,
            "cwd": description.final_cwd,
            "env": description.final_env,
            # Known once the program is started.
            "pid": -1,
        }
        self.__logger = get_logger(description.final_name)
        output = self.__output
        if not isinstance(output, dict):
            output = perform_substitutions(context, output)
        loggers = get_output_loggers(str(description.final_name), output)
        self.__lines = {
            fd: OutputLines(logger, self.__output_format, self, self.__cached_output)
            for fd, logger in enumerate(loggers, start=1)
        }

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Start the program, unless the launch is shutting down.

        Raises:
            RuntimeError: this action is executed a second time, or without a running service.
        """
        self.prepare(context)
        if context.asyncio_loop is None:
            raise RuntimeError(f"{type(self).__name__} needs a running LaunchService")
        if self.__completed is not None:
            raise RuntimeError(
                f"ExecuteLocal action '{self.__process_description.final_name}': executed more than once"
            )
        if context.is_shutdown:
            return None
        self.__completed = context.asyncio_loop.create_future()
        self.__handlers = self.__make_handlers()
        for handler in self.__handlers:
            context.register_event_handler(handler)
        context.asyncio_loop.call_soon(self.__start, context)
        return None

    def __make_handlers(self) -> list[BaseEventHandler]:
        handlers: list[BaseEventHandler] = [
            EventHandler(
                matcher=lambda event: is_a_subclass(event, ShutdownProcess),
                entities=OpaqueFunction(function=self.__on_shutdown_process),
            ),
            EventHandler(
                matcher=lambda event: is_a_subclass(event, SignalProcess),
                entities=OpaqueFunction(function=self.__on_signal_process),
            ),
            OnShutdown(on_shutdown=self.__on_shutdown),
        ]
        if self.__on_exit is not None:
            handlers.append(OnProcessExit(target_action=self, on_exit=self.__on_exit))
        return handlers

    def _start_program(self, context: LaunchContext) -> Program:
        """Start the program; classes derived from this one may execute it in other ways."""
        loop = context.asyncio_loop
        details = self.__details
        if loop is None or details is None:
            raise RuntimeError("the launch service is not running")
        if getattr(getattr(loop, "kernel", None), "is_virtual", False):
            raise RuntimeError(
                f"process[{details['name']}]: a process of the operating system cannot follow "
                "virtual time; use the wall or paced clock, or a Node that runs in this process"
            )
        return OsProgram(
            details["cmd"],
            cwd=details["cwd"],
            env=details["env"],
            shell=self.__shell,
            emulate_tty=self.__wants_terminal(context),
            loop=loop,
            on_output=lambda fd, data: self._on_output(context, fd, data),
            on_exit=lambda code: self._on_exit(context, code),
        )

    def __wants_terminal(self, context: LaunchContext) -> bool:
        configured = context.launch_configurations.get("emulate_tty")
        if configured is None:
            return self.__emulate_tty
        return evaluate_condition_expression(context, normalize_to_list_of_substitutions(configured))

    def __start(self, context: LaunchContext) -> None:
        if self.__is_shutting_down or self.__details is None:
            self.__complete(context)
            return
        cmd = " ".join(filter(str.strip, self.__details["cmd"]))
        if self.__log_cmd:
            self.__logger.info("process details: cmd='%s', cwd='%s'", cmd, self.__details["cwd"])
        try:
            self.__program = self._start_program(context)
        except Exception as error:
            # One program that cannot be started must not keep the others from running.
            self.__logger.error("exception occurred while executing process:\n%s", error)
            self.__logger.debug("%s", traceback.format_exc())
            self._on_start_failed(context)
            return
        self.__return_code = None
        self.__details["pid"] = self.__program.pid
        self.__logger.info("process started with pid [%d]", self.__program.pid)
        context.emit_event_sync(ProcessStarted(**self.__details))

    def _on_start_failed(self, context: LaunchContext) -> None:
        """The program could not be started."""
        self.__complete(context)

    def _on_output(self, context: LaunchContext, fd: int, data: bytes) -> None:
        """The program wrote to standard output (1) or standard error (2)."""
        if self.__details is None:
            return
        event_class = ProcessStdout if fd == 1 else ProcessStderr
        self.__lines[fd].feed(data)
        event = event_class(text=data, **self.__details)
        if context.would_handle_event(event):
            context.emit_event_sync(event)

    def _on_exit(self, context: LaunchContext, returncode: int) -> None:
        """The program ended."""
        if self.__details is None or self.__program is None:
            return
        for lines in self.__lines.values():
            lines.flush()
        self.__return_code = returncode
        self.__log_exit(self.__program.pid, returncode)
        context.emit_event_sync(ProcessExited(returncode=returncode, **self.__details))
        self.__program = None
        if self.__may_respawn(context) and context.asyncio_loop is not None:
            self.__respawn_retries_left -= 1
            self.__respawn_timer = context.asyncio_loop.call_later(self.__respawn_delay or 0.0, self.__start, context)
        else:
            self.__complete(context)

    def __log_exit(self, pid: int, returncode: int) -> None:
        if returncode == 0:
            self.__logger.info("process has finished cleanly [pid %d]", pid)
            return
        cmd = " ".join(filter(str.strip, self.__process_description.final_cmd or []))
        self.__logger.error("process has died [pid %d, exit code %d, cmd '%s'].", pid, returncode, cmd)

    def __may_respawn(self, context: LaunchContext) -> bool:
        if context.is_shutdown or self.__is_shutting_down or self.__respawn_retries_left == 0:
            return False
        return bool(perform_typed_substitution(context, self.__respawn, bool))

    def __complete(self, context: LaunchContext) -> None:
        for timer in self.__escalations:
            timer.cancel()
        self.__escalations.clear()
        if self.__completed is None or self.__completed.done():
            return
        self.__completed.set_result(None)
        # The exit event is still in the queue: its handler goes once that was handled.
        if context.asyncio_loop is not None:
            context.asyncio_loop.call_soon(self.__unregister, context)

    def __unregister(self, context: LaunchContext) -> None:
        for handler in self.__handlers:
            if not isinstance(handler, OnProcessExit) and handler in context._event_handlers:
                context.unregister_event_handler(handler)

    def __on_shutdown(self, event: Shutdown, context: LaunchContext) -> None:
        reached_already = event.due_to_sigint and self._gets_terminal_signals and not context.noninteractive
        self.__shut_down(context, send_sigint=not reached_already)

    def __on_shutdown_process(self, context: LaunchContext) -> None:
        if context.locals.event.process_matcher(self):
            self.__shut_down(context, send_sigint=True)

    def __shut_down(self, context: LaunchContext, *, send_sigint: bool) -> None:
        if self.__is_shutting_down or context.asyncio_loop is None:
            return
        self.__is_shutting_down = True
        if self.__program is None:
            # Not started yet, or waiting to be respawned: nothing is running.
            if self.__respawn_timer is not None:
                self.__respawn_timer.cancel()
                self.__complete(context)
            return
        sigterm_s = float(perform_substitutions(context, self.__sigterm_timeout))
        sigkill_s = float(perform_substitutions(context, self.__sigkill_timeout))
        call_later = context.asyncio_loop.call_later
        self.__escalations = [
            call_later(sigterm_s, self.__escalate, signal.SIGINT, signal.SIGTERM, sigterm_s),
            call_later(sigterm_s + sigkill_s, self.__escalate, signal.SIGTERM, signal.SIGKILL, sigkill_s),
        ]
        if send_sigint:
            self.__send_signal(signal.SIGINT)

    def __escalate(self, previous: signal.Signals, following: signal.Signals, waited_s: float) -> None:
        self.__logger.error(
            "process[%s] failed to terminate '%s' seconds after receiving '%s', escalating to '%s'",
            self.__process_description.final_name,
            waited_s,
            previous.name,
            following.name,
        )
        self.__send_signal(following)

    def __on_signal_process(self, context: LaunchContext) -> None:
        event: SignalProcess = context.locals.event
        if not event.process_matcher(self):
            return
        if self.__details is None or self.__details["pid"] == -1:
            raise RuntimeError(
                f"Signal event received before process[{self.__process_description.final_name}] was started."
            )
        self.__send_signal(signal.Signals[event.signal_name])

    def __send_signal(self, number: signal.Signals) -> None:
        if self.__program is None:
            return
        self.__logger.info(
            "sending signal '%s' to process[%s]",
            number.name,
            self.__process_description.final_name,
        )
        self.__program.send_signal(number)

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        """Return a future that is done when the program has ended for good."""
        return self.__completed


def _timeout(given: SomeSubstitutionsType | None, name: str) -> list[Substitution]:
    """Return the seconds given, else the launch configuration of that name, else five."""
    return normalize_to_list_of_substitutions(LaunchConfiguration(name, default=5) if given is None else given)
