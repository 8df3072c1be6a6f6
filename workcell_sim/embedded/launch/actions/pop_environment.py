"""The restoring of the environment."""

from __future__ import annotations

from ..action import Action
from ..launch_context import LaunchContext


class PopEnvironment(Action):
    """Brings back the environment variables pushed last."""

    def execute(self, context: LaunchContext) -> None:
        """Brings back the environment variables pushed last."""
        context._pop_environment()
