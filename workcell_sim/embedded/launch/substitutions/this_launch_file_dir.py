"""The directory of the launch file that is being visited."""

from __future__ import annotations

from ..launch_context import LaunchContext
from ..substitution import Substitution
from .substitution_failure import SubstitutionFailure


class ThisLaunchFileDir(Substitution):
    """Stands for the directory of the launch file in which it is used."""

    def describe(self) -> str:
        """Return a description for people."""
        return "ThisLaunchFileDir()"

    def perform(self, context: LaunchContext) -> str:
        """Return the path.

        Raises:
            SubstitutionFailure: no launch file is being visited.
        """
        path = context.get_locals_as_dict().get("current_launch_file_directory")
        if path is None:
            raise SubstitutionFailure("ThisLaunchFileDir used outside of a launch file (in a script)")
        return str(path)
