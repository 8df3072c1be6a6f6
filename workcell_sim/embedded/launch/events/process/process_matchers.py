"""Predicates that pick the process an event is for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...actions.execute_local import ExecuteLocal


def matches_pid(pid: int) -> Callable[[ExecuteLocal], bool]:
    """Return a matcher for the process with this number."""

    def matcher(action: ExecuteLocal) -> bool:
        details = action.process_details
        return details is not None and details["pid"] == pid

    return matcher


def matches_name(name: str) -> Callable[[ExecuteLocal], bool]:
    """Return a matcher for the process with this name."""

    def matcher(action: ExecuteLocal) -> bool:
        details = action.process_details
        return details is not None and details["name"] == name

    return matcher


def matches_executable(executable: str) -> Callable[[ExecuteLocal], bool]:
    """Return a matcher for processes whose command begins with `executable`."""

    def matcher(action: ExecuteLocal) -> bool:
        details = action.process_details
        return details is not None and details["cmd"][0] == executable

    return matcher
