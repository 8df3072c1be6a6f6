"""The directory of this launch's log files."""

from __future__ import annotations

from ..launch_context import LaunchContext
from ..logging import launch_config
from ..substitution import Substitution


class LaunchLogDir(Substitution):
    """Stands for the absolute path of the log directory, which is made where it is missing."""

    def describe(self) -> str:
        """Return a description for people."""
        return "LaunchLogDir()"

    def perform(self, context: LaunchContext) -> str:
        """Return the path."""
        return launch_config.log_dir
