"""The condition that a launch configuration has not a certain value."""

from __future__ import annotations

from ..launch_context import LaunchContext
from .launch_configuration_equals import LaunchConfigurationEquals


class LaunchConfigurationNotEquals(LaunchConfigurationEquals):
    """Holds where `LaunchConfigurationEquals` does not."""

    def _holds(self, context: LaunchContext) -> bool:
        return not super()._holds(context)
