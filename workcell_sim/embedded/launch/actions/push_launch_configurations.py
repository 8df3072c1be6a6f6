"""The saving of launch configurations."""

from __future__ import annotations

from ..action import Action
from ..launch_context import LaunchContext


class PushLaunchConfigurations(Action):
    """Saves the launch configurations until they are popped."""

    def execute(self, context: LaunchContext) -> None:
        """Saves the launch configurations until they are popped."""
        context._push_launch_configurations()
