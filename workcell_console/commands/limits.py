"""Numbers on the command line: which are taken, and what is said of others."""

from __future__ import annotations

from workcell_ros.errors import ConfigError

DURATION_MIN_S = 1.0
DURATION_MAX_S = 7 * 24 * 3600.0
SPEED_MIN = 0.01
SPEED_MAX = 1000.0
PORT_MAX = 65535
JOBS_MAX = 256
SEED_MAX = 1_000_000_000
SEEDS_MAX = 10_000
"""Of one comparison."""


def in_range(option: str, value: float, low: float, high: float) -> None:
    """Checks a number; NaN is in no range.

    Raises:
        ConfigError: names the option, its value and the range.
    """
    if not low <= value <= high:
        raise ConfigError("command line", option, f"is {value:g}", f"{low:g}..{high:g}")
