"""What an engineer tells the optimiser: `config/optimiser.yaml`."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from workcell_ros.config import load_numbers


@dataclass(frozen=True)
class Options:
    """Limits and figures of the optimiser; all numbers are above 0."""

    violation_probability_max: float
    """Bound per cycle of the probability that the part is lost, or the arm stops."""
    stop_deviation_rad: float
    """Deviation of a joint by a worn gear's friction alone at which the arm's own supervision stops it."""
    stop_deviation_std: float
    """Standard deviation of that figure, relative: what stops and their absence may make of it."""
    gain_min: float
    """Smallest expected gain of value per hour, relative, for which anything is changed."""
    exploration: float
    """Standard deviations of the expected value that count in favour of a setting that is little known."""
    takt_s: float
    """Interval between parts as planned; it is learned from there."""
    lot_parts: float
    """Parts of a lot, on average: after so many others may come, unannounced."""
    lot_mass_ratio: float
    """Factor within which two of three lots' masses lie about the nominal one."""
    lost_part_s: float
    """Time that a lost part costs."""
    stop_s: float
    """Time that a protective stop costs."""
    nominal_exposure_s: float
    """Exposure that boards were taught at."""
    light_level_min: float
    """Light level below which images are not trusted, with a reserve."""
    light_level_max: float
    """Light level above which images are not trusted, with a reserve."""
    blur_max_px: float
    """Blur above which images are not trusted."""
    vibration_transfer: float
    """Share of the gears' vibration that arrives at the tool."""
    settle_min_s: float
    """Shortest wait before the look: the part is weighed in it."""
    dwell_min_s: float
    """Shortest wait before the lift: the grip is judged in it."""


def load_options(path: str | Path) -> Options:
    """Reads `optimiser.yaml`.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    return load_numbers(path, Options, lambda number: 0.0 < number < math.inf, "a finite number above 0")
