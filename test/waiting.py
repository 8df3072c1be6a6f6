"""Waiting for what other threads bring about, as long as a loaded machine may take."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0
"""Only ever waited out where something is wrong."""
TICK_S = 0.01


def until(condition: Callable[[], bool], what: Callable[[], str], meanwhile: Callable[[], object] = bool) -> None:
    """Returns once the condition holds.

    Args:
        condition: asked again and again.
        what: says what was waited for and how things stand, where it does not come.
        meanwhile: done before every further question.

    Raises:
        AssertionError: it did not come.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    tick = threading.Event()
    while not condition():
        assert time.monotonic() < deadline_s, f"{what()} did not come"
        tick.wait(TICK_S)
        meanwhile()


def spin_until(executor: Any, condition: Callable[[], bool]) -> None:
    """Spins an executor until the condition holds.

    Raises:
        AssertionError: it did not come.
    """
    deadline_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not come"
        executor.spin_once(timeout_sec=0.02)
