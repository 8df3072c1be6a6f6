"""What counts as too low or too high for a tag, and what of that may be learned."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError
from workcell_sensors.tags import TagTable

MEASURES = ("value", "mean", "rms", "std", "slope")
LIMITS = ("low_alarm", "low_warn", "high_warn", "high_alarm")
OUTCOMES = ("drop", "tracking_error")
REFINE_NEEDED = ("outcome", "low", "high", "step")
COSTS = ("miss_cost", "false_alarm_cost")


@dataclass(frozen=True)
class Refinement:
    """How cycle results may move a warning threshold."""

    outcome: str
    """Which harm it should foretell: drop, or tracking_error (a protective stop is that too)."""
    low: float
    high: float
    """The threshold never leaves this range, SI."""
    step: float
    """The most it moves at once, SI."""
    miss_cost: float = 10.0
    """What a harm without a warning costs."""
    false_alarm_cost: float = 1.0
    """What a warning without harm costs."""
    lead_cycles: int = 0
    """How many cycles before the harm the warning is to come; 0: in the same cycle."""


@dataclass(frozen=True)
class Context:
    """What a warning limit depends on: the window's mean of a tag, with a limit given at some of its values.

    Between the points the limit is drawn straight, beyond the outermost it stays as it is there.
    """

    tag: str
    at: tuple[float, ...]
    """The points, rising, SI; two at least."""


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
    context: Context | None = None
    """Where set, the warning limit depends on it, and what is learned of one context holds for the others."""
    warn_further: tuple[float, ...] = ()
    """Warning limits at the points from the second on; left out, they begin as that at the first."""

    def __post_init__(self) -> None:
        if self.context is not None and not self.warn_further:
            same = (getattr(self, self.warn_name),) * (len(self.context.at) - 1)
            object.__setattr__(self, "warn_further", same)
        if len(self.warn_further) != (len(self.context.at) - 1 if self.context is not None else 0):
            raise ValueError("there is not one limit in warn_further for each point of the context after the first")
        for limit in self.warn_limits:
            self._check_order(self._limits_with(limit))
        if min(self.hysteresis, self.on_delay_s, self.off_delay_s) < 0.0:
            raise ValueError("hysteresis and delays are 0 or more")
        if self.of not in MEASURES:
            raise ValueError(f"of is {self.of!r}; valid: {', '.join(MEASURES)}")

    @staticmethod
    def _check_order(by_name: Mapping[str, float]) -> None:
        limits = list(by_name.values())
        if not limits:
            raise ValueError(f"no limit; set one of {', '.join(LIMITS)}")
        if any(later < earlier for earlier, later in itertools.pairwise(limits)):
            raise ValueError(f"limits {limits} do not rise; valid: {' <= '.join(LIMITS)}")

    @property
    def warn_name(self) -> str:
        """The limit that learning moves: the low warning where there is one, else the high one."""
        return "high_warn" if math.isnan(self.low_warn) else "low_warn"

    @property
    def warn_limits(self) -> tuple[float, ...]:
        """The warning limit at each point of the context; one without a context."""
        return (getattr(self, self.warn_name), *self.warn_further)

    def warn_name_of(self, point: int) -> str:
        """The name of the warning limit at a point: `high_warn`, then `high_warn_1`, `high_warn_2`..."""
        return f"{self.warn_name}_{point}" if point else self.warn_name

    def warn_at(self, context: float) -> float:
        """The warning limit in a context; the one at the first point where that is unknown (NaN).

        >>> context = Context("speed", at=(0.5, 1.5))
        >>> Threshold("vibration", high_warn=1.0, context=context, warn_further=(3.0,)).warn_at(0.75)
        1.5
        """
        if self.context is None or math.isnan(context):
            return self.warn_limits[0]
        return float(np.interp(context, self.context.at, self.warn_limits))

    def limits_at(self, context: float) -> dict[str, float]:
        """Returns the limits in force in a context, by name."""
        return self._limits_with(self.warn_at(context))

    def _limits_with(self, warn: float) -> dict[str, float]:
        limits = {name: getattr(self, name) for name in LIMITS if not math.isnan(getattr(self, name))}
        return limits | ({self.warn_name: warn} if self.warn_name in limits else {})

    def limits(self) -> dict[str, float]:
        """Returns all limits by name, that at every point."""
        more = {self.warn_name_of(point + 1): limit for point, limit in enumerate(self.warn_further)}
        return self._limits_with(self.warn_limits[0]) | more

    def with_limits(self, limits: Mapping[str, float]) -> Threshold:
        """Returns the threshold with some limits replaced.

        Raises:
            ValueError: the limits would no longer rise.
        """
        changes: dict[str, Any] = {name: value for name, value in limits.items() if name in LIMITS}
        further = enumerate(self.warn_further, start=1)
        changes["warn_further"] = tuple(limits.get(self.warn_name_of(point), old) for point, old in further)
        return dataclasses.replace(self, **changes)


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
            found[tag] = _threshold(file, f"thresholds.{tag}", {**given, "tag": tag}, table)
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


def _threshold(file: Path, where: str, given: Mapping[str, Any], table: TagTable) -> Threshold:
    columns = {column.name for column in dataclasses.fields(Threshold)}
    check_keys(file, where, given, columns)
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key in ("tag", "of"):
            values[key] = str(value)
        elif key == "active_in":
            values[key] = _states(file, where, value)
        elif key == "context":
            values[key] = _context(file, f"{where}.context", value, table)
        elif key == "warn_further":
            values[key] = _numbers(file, f"{where}.warn_further", value)
        elif key == "refine":
            values[key] = _refinement(file, f"{where}.refine", value)
        else:
            values[key] = _number(file, f"{where}.{key}", value)
    try:
        threshold = Threshold(**values)
    except ValueError as error:
        problem, _, valid = str(error).partition("; ")
        raise ConfigError(file, where, problem, valid.removeprefix("valid: ") or "numbers in rising order") from None
    refine = threshold.refine
    for point, limit in enumerate(threshold.warn_limits):
        if refine is not None and not refine.low <= limit <= refine.high:
            name = threshold.warn_name_of(point)
            raise ConfigError(file, f"{where}.{name}", f"is {limit}", f"within refine, {refine.low}..{refine.high}")
    return threshold


def _context(file: Path, where: str, given: Any, table: TagTable) -> Context:
    if not isinstance(given, dict):
        raise ConfigError(file, where, f"is {given!r}", "a mapping with tag and at")
    check_keys(file, where, given, ("tag", "at"))
    if given.get("tag") not in table.index:
        raise ConfigError(file, f"{where}.tag", f"{given.get('tag')!r} is no tag", table.tags)
    at = _numbers(file, f"{where}.at", given.get("at"))
    if len(at) < 2 or any(later <= earlier for earlier, later in itertools.pairwise(at)):
        raise ConfigError(file, f"{where}.at", f"are {list(at)}", "rising numbers, two at least")
    return Context(given["tag"], at)


def _numbers(file: Path, where: str, value: Any) -> tuple[float, ...]:
    if not isinstance(value, list):
        raise ConfigError(file, where, f"is {value!r}", "a list of numbers")
    return tuple(_number(file, where, item) for item in value)


def _refinement(file: Path, where: str, given: Any) -> Refinement:
    columns = [column.name for column in dataclasses.fields(Refinement)]
    if not isinstance(given, dict):
        raise ConfigError(file, where, f"is {given!r}", f"a mapping with {', '.join(columns)}")
    check_keys(file, where, given, columns)
    missing = [name for name in REFINE_NEEDED if name not in given]
    if missing:
        raise ConfigError(file, f"{where}.{missing[0]}", "is missing", f"every refine has {', '.join(REFINE_NEEDED)}")
    if given["outcome"] not in OUTCOMES:
        raise ConfigError(file, f"{where}.outcome", f"is {given['outcome']!r}", OUTCOMES)
    low, high, step = (_number(file, f"{where}.{key}", given[key]) for key in ("low", "high", "step"))
    if not low < high or step <= 0.0:
        raise ConfigError(file, where, f"low {low}, high {high}, step {step}", "low below high, step above 0")
    costs = {key: _number(file, f"{where}.{key}", given[key]) for key in COSTS if key in given}
    if any(cost <= 0.0 for cost in costs.values()):
        raise ConfigError(file, where, f"costs {costs}", "costs above 0")
    lead = given.get("lead_cycles", 0)
    if not isinstance(lead, int) or isinstance(lead, bool) or lead < 0:
        raise ConfigError(file, f"{where}.lead_cycles", f"is {lead!r}", "a whole number of cycles, 0 or more")
    return Refinement(given["outcome"], low, high, step, lead_cycles=lead, **costs)


def _states(file: Path, where: str, value: Any) -> tuple[str, ...]:
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise ConfigError(file, f"{where}.active_in", f"is {value!r}", "a list of cell states, e.g. [transfer, settle]")


def _number(file: Path, where: str, value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    raise ConfigError(file, where, f"is {value!r}", "a finite number")
