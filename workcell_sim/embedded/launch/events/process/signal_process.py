"""The event that sends a signal to a process."""

from __future__ import annotations

import signal as signal_module
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...utilities import ensure_argument_type
from .process_targeted_event import ProcessTargetedEvent

if TYPE_CHECKING:
    from ...actions.execute_local import ExecuteLocal


class SignalProcess(ProcessTargetedEvent):
    """A signal, as a member of `signal.Signals` or the text 'SIGKILL', for a process."""

    name = "launch.events.process.SignalProcess"

    def __init__(
        self,
        *,
        signal_number: str | signal_module.Signals,
        process_matcher: Callable[[ExecuteLocal], bool],
    ) -> None:
        super().__init__(process_matcher=process_matcher)
        ensure_argument_type(signal_number, (str, signal_module.Signals), "signal_number", "SignalProcess")
        self.__signal = signal_number

    @property
    def signal(self) -> str | signal_module.Signals:
        """The signal as it was given."""
        return self.__signal

    @property
    def signal_name(self) -> str:
        """The signal's name, such as 'SIGINT'."""
        return self.__signal if isinstance(self.__signal, str) else self.__signal.name
