"""What recordings tell about themselves: options and addresses of their rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from workcell_ros.schema import param
from workcell_sensors.sources.protocol import FieldProtocol

STOP, REPEAT, HOLD = "stop", "repeat", "hold"
LIVE, RECORDED = "live", "recorded"


@dataclass(frozen=True)
class ReplayOptions:
    """The source row's own keys."""

    file: str = param("", "CSV file, or a ROS bag's folder or file")
    speed: float = param(1.0, "Seconds of the recording per second", unit="1", low=0.001, high=10_000.0)
    at_end: str = param(
        REPEAT,
        "What comes after the last row: stop (nothing, so that tags grow stale), repeat (from the first row), "
        "hold (the last values)",
        choices=(STOP, REPEAT, HOLD),
    )
    stamps: str = param(
        LIVE, "Times of the values: live (of the present), recorded (as they are)", choices=(LIVE, RECORDED)
    )
    gap_s_max: float = param(0.0, "Longest pause that is waited for; 0: all", unit="s", low=0.0)
    time_column: str = param("", "Column of the time; empty: the one named like a time")
    time_format: str = param("", "strptime format of the time; empty: told from the times themselves")
    topic: str = param("readings", "Topic of the readings in a bag")


def check_address(address: str) -> None:
    """Raises ValueError where the address is no column or tag of a recording.

    >>> check_address("Current_J0")
    """
    if not address.strip() or "\n" in address:
        raise ValueError(f"{address!r} names nothing; valid: a column of the table, or a tag of the bag or export")


def _file_is_there(options: object) -> tuple[str, str, str] | None:
    assert isinstance(options, ReplayOptions)
    if not options.file or not Path(options.file).exists():
        return "file", f"{options.file!r} does not exist", "the path of a CSV file or a ROS bag"
    return None


PROTOCOL = FieldProtocol(
    name="replay",
    source="workcell_sensors.sources.replay:ReplaySource",
    check_address=check_address,
    options=ReplayOptions,
    check_options=_file_is_there,
    discover="workcell_sensors.sources.replay_discover:discover",
)
