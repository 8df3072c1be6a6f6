"""The return to the first environment."""

from __future__ import annotations

from ..action import Action
from ..launch_context import LaunchContext


class ResetEnvironment(Action):
    """Brings back the environment variables that the launch began with."""

    def execute(self, context: LaunchContext) -> None:
        """Brings back the environment variables that the launch began with."""
        context._reset_environment()
