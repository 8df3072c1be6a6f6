"""The base of conditions on actions."""

from __future__ import annotations

from collections.abc import Callable

from .launch_context import LaunchContext


class Condition:
    """A predicate of the launch context; false where no predicate was given."""

    def __init__(self, *, predicate: Callable[[LaunchContext], bool] | None = None) -> None:
        self._predicate = predicate

    def describe(self) -> str:
        """Return a description for people."""
        return repr(self)

    def evaluate(self, context: LaunchContext) -> bool:
        """Whether the condition holds in `context`."""
        return self._predicate is not None and self._predicate(context)
