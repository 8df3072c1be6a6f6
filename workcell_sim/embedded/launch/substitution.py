"""The base of text that is worked out at launch time."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class Substitution:
    """Text that only the launch context can tell."""

    def describe(self) -> str:
        """Return a description for people."""
        return repr(self)

    def perform(self, context: LaunchContext) -> str:
        """Return the text this stands for in `context`."""
        raise NotImplementedError(f"{type(self).__name__} does not define perform()")
