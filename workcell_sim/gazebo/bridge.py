"""The table of what passes between Gazebo and ROS: `config/gazebo_bridge.yaml`, read for checks. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import yaml

from workcell_ros.config import check_keys
from workcell_ros.errors import ConfigError

TO_ROS, TO_GAZEBO = "GZ_TO_ROS", "ROS_TO_GZ"
DIRECTIONS = (TO_ROS, TO_GAZEBO)


@dataclass(frozen=True)
class Bridged:
    """One topic on both sides; `lazy` ones are heard only while somebody listens."""

    ros_topic_name: str
    gz_topic_name: str
    ros_type_name: str
    gz_type_name: str
    direction: str
    lazy: bool = False


def load_bridge(path: Path) -> tuple[Bridged, ...]:
    """Reads a bridge's table.

    Raises:
        ConfigError: the file cannot be read, or a row misses a key, has an unknown one or another direction.
    """
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigError(path, "file", f"cannot be read ({error})", "a YAML list") from None
    if not isinstance(rows, list):
        raise ConfigError(path, "file", "is no list", "a YAML list with a mapping for each topic")
    return tuple(_row(path, number, row) for number, row in enumerate(rows))


def _row(path: Path, number: int, row: object) -> Bridged:
    place, known = f"[{number}]", [field.name for field in fields(Bridged)]
    if not isinstance(row, dict):
        raise ConfigError(path, place, f"{row!r} is no mapping", f"a mapping with {', '.join(known)}")
    check_keys(path, place, row, known)
    missing = [name for name in known if name not in row and name != "lazy"]
    if missing:
        raise ConfigError(path, f"{place}.{missing[0]}", "is missing", "a name")
    if row["direction"] not in DIRECTIONS:
        raise ConfigError(path, f"{place}.direction", f"is {row['direction']!r}", DIRECTIONS)
    return Bridged(**row)
