"""The loading of launch files whatever they are written in."""

from __future__ import annotations

from pathlib import Path

from ..invalid_launch_file_error import InvalidLaunchFileError
from ..launch_description import LaunchDescription
from .python_launch_file_utilities import get_launch_description_from_python_launch_file

_FRONTEND_SUFFIXES = (".xml", ".yaml", ".yml")


def get_launch_description_from_any_launch_file(launch_file_path: str) -> LaunchDescription:
    """Return the description in a launch file.

    Raises:
        FileNotFoundError: there is no such file.
        NotImplementedError: it is XML or YAML, which the embedded runtime does not read.
        InvalidLaunchFileError: loading it as Python failed, or it is of another kind.
    """
    path = Path(launch_file_path)
    if not path.is_file():
        raise FileNotFoundError(f"launch file '{launch_file_path}' does not exist")
    if path.suffix in _FRONTEND_SUFFIXES:
        raise NotImplementedError(
            f"{launch_file_path}: the embedded runtime reads launch files in Python only; "
            "source a ROS 2 to launch XML and YAML"
        )
    try:
        return get_launch_description_from_python_launch_file(launch_file_path)
    except Exception as error:
        raise InvalidLaunchFileError(path.suffix, likely_errors=[error]) from error
