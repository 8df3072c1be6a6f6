"""SIGINT and SIGTERM: contexts become invalid, then the program's own handling goes on."""

from __future__ import annotations

import signal
import threading
import weakref
from collections.abc import Callable
from enum import IntEnum
from types import FrameType
from typing import Any

from workcell_sim.embedded._kernel import Process, current_process, process_globals

from .context_handle import contexts_of


class SignalHandlerOptions(IntEnum):
    """Which signals shut contexts down."""

    NO = 0
    SIGINT = 1
    SIGTERM = 2
    ALL = 3


_OPTIONS = "rclpy.signal_handler_options"
_SIGNALS = {SignalHandlerOptions.SIGINT: signal.SIGINT, SignalHandlerOptions.SIGTERM: signal.SIGTERM}
_previous: dict[int, Any] = {}
_guards: weakref.WeakSet[Any] = weakref.WeakSet()


def install(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Install handlers for the calling process, in addition to those already there."""
    state = process_globals()
    options = SignalHandlerOptions(state.get(_OPTIONS, SignalHandlerOptions.NO) | options)
    state[_OPTIONS] = options
    process = current_process()
    for option, number in _SIGNALS.items():
        if not options & option:
            continue
        if process is not None:
            process.signal_handlers[number] = _process_handler(process)
        elif threading.current_thread() is threading.main_thread() and number not in _previous:
            _previous[number] = signal.signal(number, _on_signal)


def current_options() -> SignalHandlerOptions:
    return SignalHandlerOptions(process_globals().get(_OPTIONS, SignalHandlerOptions.NO))


def uninstall() -> None:
    """Put back what was installed before."""
    process_globals()[_OPTIONS] = SignalHandlerOptions.NO
    process = current_process()
    if process is not None:
        process.signal_handlers.clear()
    elif threading.current_thread() is threading.main_thread():
        while _previous:
            number, handler = _previous.popitem()
            if signal.getsignal(number) is _on_signal:
                signal.signal(number, handler)


def register_guard(guard: Any) -> None:
    """Trigger a guard condition on SIGINT."""
    _guards.add(guard)


def unregister_guard(guard: Any) -> None:
    _guards.discard(guard)


def _process_handler(process: Process) -> Callable[[int], bool]:
    def handle(number: int) -> bool:
        for context in contexts_of(process):
            context.invalidate()
        return True

    return handle


def _on_signal(number: int, frame: FrameType | None) -> None:
    for context in contexts_of(None):
        context.invalidate()
    for guard in tuple(_guards):
        guard.trigger_guard_condition()
    previous = _previous.get(number)
    if callable(previous):
        previous(number, frame)
