"""The saving of the environment."""

from __future__ import annotations

from ..action import Action
from ..launch_context import LaunchContext


class PushEnvironment(Action):
    """Saves the environment variables until they are popped."""

    def execute(self, context: LaunchContext) -> None:
        """Saves the environment variables until they are popped."""
        context._push_environment()
