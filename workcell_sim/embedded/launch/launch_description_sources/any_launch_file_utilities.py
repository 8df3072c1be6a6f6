"""The loading of launch files whatever they are written in."""

from __future__ import annotations

from pathlib import Path

from ..frontend import Parser
from ..invalid_launch_file_error import InvalidLaunchFileError
from ..launch_description import LaunchDescription
from .frontend_launch_file_utilities import get_launch_description_from_frontend_launch_file
from .python_launch_file_utilities import get_launch_description_from_python_launch_file


def get_launch_description_from_any_launch_file(
    launch_file_path: str, *, parser: type[Parser] = Parser
) -> LaunchDescription:
    """Return the description in a launch file, in markup if its name says so, else in Python.

    Raises:
        FileNotFoundError: there is no such file.
        InvalidLaunchFileError: it cannot be loaded; the message tells why.
    """
    path = Path(launch_file_path)
    if not path.is_file():
        raise FileNotFoundError(f"launch file '{launch_file_path}' does not exist")
    if path.suffix != ".py" and parser.is_filename_valid(path.name):
        return get_launch_description_from_frontend_launch_file(launch_file_path, parser=parser)
    try:
        return get_launch_description_from_python_launch_file(launch_file_path)
    except Exception as error:
        raise InvalidLaunchFileError(path.suffix, likely_errors=[error]) from error
