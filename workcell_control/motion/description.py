"""Reads the robot description: URDF, or xacro with arguments, from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from xml.parsers.expat import ExpatError

import xacro

from workcell_ros.errors import ConfigError


def load_description(file: str | Path, arguments: Mapping[str, str] | None = None) -> str:
    """The URDF text of `file`, a URDF or a xacro file with its `arguments`.

    Raises:
        ConfigError: the file is missing or malformed.
    """
    path = Path(file)
    if not path.is_file():
        raise ConfigError(path, "file", "does not exist", "a URDF or xacro file of the robot")
    try:
        document = xacro.process_file(str(path), mappings=dict(arguments or {}))
    except (xacro.XacroException, ExpatError) as error:
        raise ConfigError(path, "xacro", str(error).splitlines()[0], "well-formed URDF or xacro") from error
    return str(document.toxml())
