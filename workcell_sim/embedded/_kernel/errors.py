"""Errors of the event kernel."""

from __future__ import annotations


class KernelError(RuntimeError):
    """The kernel was asked for something that its clock or state cannot give."""


class DeadlockError(KernelError):
    """In virtual time nothing is left to happen, so a wait without time limit would never end."""


class ProcessKilledError(BaseException):
    """Thrown into a killed process to unwind it; never caught by programs (a ``BaseException``)."""


class RCLError(RuntimeError):
    """An operation on the graph failed; under this name the ROS API shows it to programs."""
