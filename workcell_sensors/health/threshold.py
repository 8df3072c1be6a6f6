"""What counts as too low or too high for a tag, and what of that may be learned."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError
from workcell_sensors.tags import TagTable

MEASURES = ("value", "mean", "rms", "std", "slope")
LIMITS = ("low_alarm", "low_warn", "high_warn", "high_alarm")
OUTCOMES = ("drop", "tracking_error")


@dataclass(frozen=True)
class Refinement:
    """How cycle results may move a warning threshold."""

    outcome: str
    """Which harm it should foretell: drop or tracking_error."""
    low: float
    high: float
    """The threshold never leaves this range, SI."""
    step: float
    """The most it moves at once, SI."""


@dataclass(frozen=True)
class Threshold:
    """The limits of one tag, in its SI unit (per second for slope). NaN means there is none."""

    tag: str
    of: str = "value"
    """What is compared: each value, or a feature of the window."""
    low_alarm: float = math.nan
    low_warn: float = math.nan
    high_warn: float = math.nan
    high_alarm: float = math.nan
    hysteresis: float = 0.0
    """How far back inside a limit the measure must come before the level falls."""
    on_delay_s: float = 0.0
    """How long a limit must be exceeded before the level rises."""
    off_delay_s: float = 0.0
    """How long it must be kept before the level falls."""
    active_in: tuple[str, ...] = ()
    """States of the cell in which it holds; empty: always."""
    refine: Refinement | None = None

    def __post_init__(self) -> None:
        limits = [value for value in (getattr(self, name) for name in LIMITS) if not math.isnan(value)]
        if not limits:
            raise ValueError(f"no limit; set one of {', '.join(LIMITS)}")
        if any(later < earlier for earlier, later in itertools.pairwise(limits)):
            raise ValueError(f"limits {limits} do not rise; valid: {' <= '.join(LIMITS)}")
        if min(self.hysteresis, self.on_delay_s, self.off_delay_s) < 0.0:
            raise ValueError("hysteresis and delays are 0 or more")
        if self.of not in MEASURES:
            raise ValueError(f"of is {self.of!r}; valid: {', '.join(MEASURES)}")

    @property
    def warn_name(self) -> str:
        """The limit that learning moves: the low warning where there is one, else the high one."""
        return "high_warn" if math.isnan(self.low_warn) else "low_warn"

    def limits(self) -> dict[str, float]:
        """Returns the limits there are by name."""
        return {name: getattr(self, name) for name in LIMITS if not math.isnan(getattr(self, name))}


def load_thresholds(path: str | Path, table: TagTable) -> dict[str, Threshold]:
    """Reads a threshold file; returns one threshold per tag it names.

    Raises:
        ConfigError: names the file, the tag, the key, the value and what would be valid.
    """
    file = Path(path)
    data = load_yaml(file)
    check_keys(file, "", data, ("thresholds",))
    block = data.get("thresholds")
    if not isinstance(block, list):
        raise ConfigError(file, "thresholds", f"is a {type(block).__name__}", "a list of rows with at least tag")
    found: dict[str, Threshold] = {}
    for number, given in enumerate(block, start=1):
        if not isinstance(given, dict):
            raise ConfigError(file, f"thresholds[{number}]", f"is {given!r}", "a mapping with at least tag")
        for tag in _tags(file, number, given, table):
            if tag in found:
                raise ConfigError(file, f"thresholds.{tag}", "stands twice", "every tag once")
            found[tag] = _threshold(file, f"thresholds.{tag}", {**given, "tag": tag})
    return found


def _tags(file: Path, number: int, given: Mapping[str, Any], table: TagTable) -> list[str]:
    """Returns the tags of a row: itself, or with {n} all that differ only there."""
    name = given.get("tag")
    if not isinstance(name, str):
        raise ConfigError(file, f"thresholds[{number}].tag", f"is {name!r}", "a tag of the tag table")
    before, joker, after = name.partition("{n}")
    matches = [tag for tag in table.tags if joker and tag.startswith(before) and tag.endswith(after)]
    if not joker and name in table.index:
        matches = [name]
    if not matches:
        raise ConfigError(file, f"thresholds[{number}].tag", f"{name!r} is no tag", table.tags)
    return matches


def _threshold(file: Path, where: str, given: Mapping[str, Any]) -> Threshold:
    columns = {column.name for column in dataclasses.fields(Threshold)}
    check_keys(file, where, given, columns)
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key in ("tag", "of"):
            values[key] = str(value)
        elif key == "active_in":
            values[key] = _states(file, where, value)
        elif key == "refine":
            values[key] = _refinement(file, f"{where}.refine", value)
        else:
            values[key] = _number(file, f"{where}.{key}", value)
    try:
        threshold = Threshold(**values)
    except ValueError as error:
        problem, _, valid = str(error).partition("; ")
        raise ConfigError(file, where, problem, valid.removeprefix("valid: ") or "numbers in rising order") from None
    refine, name = threshold.refine, threshold.warn_name
    if refine is not None and not refine.low <= getattr(threshold, name) <= refine.high:
        raise ConfigError(
            file, f"{where}.{name}", f"is {getattr(threshold, name)}", f"within refine, {refine.low}..{refine.high}"
        )
    return threshold


def _refinement(file: Path, where: str, given: Any) -> Refinement:
    columns = [column.name for column in dataclasses.fields(Refinement)]
    if not isinstance(given, dict):
        raise ConfigError(file, where, f"is {given!r}", f"a mapping with {', '.join(columns)}")
    check_keys(file, where, given, columns)
    missing = [name for name in columns if name not in given]
    if missing:
        raise ConfigError(file, f"{where}.{missing[0]}", "is missing", f"every refine has {', '.join(columns)}")
    if given["outcome"] not in OUTCOMES:
        raise ConfigError(file, f"{where}.outcome", f"is {given['outcome']!r}", OUTCOMES)
    low, high, step = (_number(file, f"{where}.{key}", given[key]) for key in ("low", "high", "step"))
    if not low < high or step <= 0.0:
        raise ConfigError(file, where, f"low {low}, high {high}, step {step}", "low below high, step above 0")
    return Refinement(given["outcome"], low, high, step)


def _states(file: Path, where: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ConfigError(file, f"{where}.active_in", f"is {value!r}", "a list of cell states, e.g. [transfer, settle]")


def _number(file: Path, where: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ConfigError(file, where, f"is {value!r}", "a finite number")
