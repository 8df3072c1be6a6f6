"""The restoring of launch configurations."""

from __future__ import annotations

from ..action import Action
from ..launch_context import LaunchContext


class PopLaunchConfigurations(Action):
    """Brings back the launch configurations pushed last."""

    def execute(self, context: LaunchContext) -> None:
        """Brings back the launch configurations pushed last."""
        context._pop_launch_configurations()
