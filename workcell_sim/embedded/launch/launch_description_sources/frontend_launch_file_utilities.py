"""The loading of launch files in markup."""

from __future__ import annotations

from ..frontend import InvalidFrontendLaunchFileError, Parser
from ..launch_description import LaunchDescription

__all__ = ["InvalidFrontendLaunchFileError", "get_launch_description_from_frontend_launch_file"]


def get_launch_description_from_frontend_launch_file(
    frontend_launch_file_path: str, *, parser: type[Parser] = Parser
) -> LaunchDescription:
    """Return the description in a launch file in XML or YAML.

    Raises:
        InvalidFrontendLaunchFileError: it is neither, or not well-formed.
    """
    root, root_parser = parser.load(frontend_launch_file_path)
    return root_parser.parse_description(root)
