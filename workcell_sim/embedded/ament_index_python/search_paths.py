"""The prefixes that are searched."""

from __future__ import annotations

import os
from pathlib import Path

from .constants import AMENT_PREFIX_PATH_ENV_VAR


def get_search_paths() -> list[str]:
    """Return the existing directories of AMENT_PREFIX_PATH, in its order.

    Raises:
        OSError: the variable is unset or empty.
    """
    paths = [path for path in prefix_paths() if Path(path).is_dir()]
    if not prefix_paths():
        raise OSError(
            f"Environment variable {AMENT_PREFIX_PATH_ENV_VAR} is not set or empty: no ROS 2 workspace is sourced"
        )
    return paths


def prefix_paths() -> list[str]:
    """Return the entries of AMENT_PREFIX_PATH; none where it is unset."""
    return [path for path in os.environ.get(AMENT_PREFIX_PATH_ENV_VAR, "").split(os.pathsep) if path]
