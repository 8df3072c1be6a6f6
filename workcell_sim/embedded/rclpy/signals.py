"""Signal handling of the API."""

from __future__ import annotations

from rclpy.exceptions import InvalidHandle
from rclpy.guard_condition import GuardCondition
from rclpy.impl import signal_handling
from rclpy.impl.signal_handling import SignalHandlerOptions

__all__ = [
    "SignalHandlerGuardCondition",
    "SignalHandlerOptions",
    "get_current_signal_handlers_options",
    "install_signal_handlers",
    "uninstall_signal_handlers",
]


def install_signal_handlers(options: SignalHandlerOptions = SignalHandlerOptions.ALL) -> None:
    """Let SIGINT and SIGTERM shut contexts down."""
    signal_handling.install(options)


def get_current_signal_handlers_options() -> SignalHandlerOptions:
    """Which handlers are installed."""
    return signal_handling.current_options()


def uninstall_signal_handlers() -> None:
    """Put the previous handlers back."""
    signal_handling.uninstall()


class SignalHandlerGuardCondition(GuardCondition):
    """A guard condition that SIGINT triggers."""

    def __init__(self, context: object | None = None) -> None:
        super().__init__(callback=None, callback_group=None, context=context)
        with self.handle:
            signal_handling.register_guard(self.handle)

    def __del__(self) -> None:
        try:
            self.destroy()
        except (InvalidHandle, AttributeError):
            return

    def destroy(self) -> None:
        with self.handle:
            signal_handling.unregister_guard(self.handle)
        super().destroy()
