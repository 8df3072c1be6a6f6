"""Scenario files: what goes wrong in a shift, and when."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError

DEVICES = ("mqtt", "opcua", "modbus")
NODES = (
    "world",
    "plant",
    "gateway",
    "monitor",
    "inspection",
    "cell",
    "policy",
    "governor",
    "twin",
    "console",
    "recorder",
    "historian",
    "lifecycle_manager",
)
_SCENARIO_KEYS = ("description", "duration_s", "events")
_EVENT_KEYS = ("kind", "at_s", "ramp_s", "hold_s", "magnitude")


@dataclass(frozen=True)
class Kind:
    """What a kind of event takes: its magnitude with meaning and range, and what it is aimed at."""

    meaning: str = ""
    low: float = 0.0
    high: float = 0.0
    default: float = 0.0
    target: str = ""
    targets: tuple[str, ...] = ()


KINDS: Mapping[str, Kind] = {
    "vacuum_leak": Kind("leak as a share of the pump's capacity", 0.0, 10.0, 0.9),
    "joint_wear": Kind("wear of the gear", 0.0, 1.0, 0.7, "joint", ("1", "2", "3", "4", "5", "6")),
    "light_drift": Kind("light relative to nominal", 0.05, 3.0, 0.5),
    "heavy_lot": Kind("mass relative to nominal", 0.2, 5.0, 1.8),
    "tariff_peak": Kind("price relative to base", 0.1, 20.0, 3.0),
    "starved_infeed": Kind("time between parts relative to base", 0.2, 50.0, 3.0),
    "defect_burst": Kind("share of defective boards", 0.0, 1.0, 0.6),
    "protective_stop": Kind(),
    "device_stall": Kind(target="device", targets=DEVICES),
    "device_kill": Kind(target="device", targets=DEVICES),
    "node_stall": Kind(target="node", targets=NODES),
    "node_kill": Kind(target="node", targets=NODES),
}


@dataclass(frozen=True)
class Event:
    """One disturbance: from `at_s` it grows over `ramp_s`, stays `hold_s` (infinite: to the end), and fades as it grew.

    `target` is the joint ("1".."6"), device or node, "" where the kind has none.
    """

    kind: str
    at_s: float
    ramp_s: float
    hold_s: float
    magnitude: float
    target: str

    def level(self, time_s: float) -> float:
        """How much of the event is there, 0..1."""
        since = time_s - self.at_s
        if since < 0.0:
            return 0.0
        if since < self.ramp_s:
            return since / self.ramp_s
        fading = since - self.ramp_s - self.hold_s
        if fading < 0.0:
            return 1.0
        return max(1.0 - fading / self.ramp_s, 0.0) if self.ramp_s > 0.0 else 0.0


@dataclass(frozen=True)
class Scenario:
    """A shift's disturbances, in order of time."""

    name: str
    description: str
    duration_s: float
    events: tuple[Event, ...]

    def of_kind(self, *kinds: str) -> tuple[Event, ...]:
        """The events of the given kinds."""
        return tuple(event for event in self.events if event.kind in kinds)


def load_scenario(path: str | Path) -> Scenario:
    """Reads a scenario; its name is that of the file.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    file = Path(path)
    data = load_yaml(file)
    check_keys(file, "", data, _SCENARIO_KEYS)
    description = data.get("description", "")
    if not isinstance(description, str):
        raise ConfigError(file, "description", f"{description!r} is not a text", "a text")
    events = data.get("events", [])
    if not isinstance(events, list):
        raise ConfigError(file, "events", f"{events!r} is not a list", "a list of events")
    parsed = [_event(file, f"events[{index}]", entry) for index, entry in enumerate(events)]
    return Scenario(
        name=file.stem,
        description=description,
        duration_s=_number(file, "duration_s", data.get("duration_s", 1800.0), 1.0, 1e6),
        events=tuple(sorted(parsed, key=lambda event: event.at_s)),
    )


def _event(file: Path, where: str, entry: Any) -> Event:
    if not isinstance(entry, Mapping):
        raise ConfigError(file, where, f"{entry!r} is not an event", "a mapping with kind and at_s")
    name = entry.get("kind")
    if not isinstance(name, str) or name not in KINDS:
        raise ConfigError(file, f"{where}.kind", f"{name!r} is no kind of event", KINDS)
    kind = KINDS[name]
    check_keys(file, where, entry, (*_EVENT_KEYS, *([kind.target] if kind.target else ())))
    if "at_s" not in entry:
        raise ConfigError(file, f"{where}.at_s", "is missing", "seconds of shift time from 0")
    return Event(
        kind=name,
        at_s=_number(file, f"{where}.at_s", entry["at_s"], 0.0, 1e6),
        ramp_s=_number(file, f"{where}.ramp_s", entry.get("ramp_s", 0.0), 0.0, 1e6),
        hold_s=_number(file, f"{where}.hold_s", entry.get("hold_s", math.inf), 0.0, math.inf),
        magnitude=_magnitude(file, f"{where}.magnitude", entry, kind, name),
        target=_target(file, where, entry, kind),
    )


def _magnitude(file: Path, where: str, entry: Mapping[str, Any], kind: Kind, name: str) -> float:
    if not kind.meaning:
        if "magnitude" in entry:
            raise ConfigError(file, where, f"{name} has no magnitude", "no such key")
        return 0.0
    value = entry.get("magnitude", kind.default)
    return _number(file, where, value, kind.low, kind.high, kind.meaning)


def _target(file: Path, where: str, entry: Mapping[str, Any], kind: Kind) -> str:
    if not kind.target:
        return ""
    value = str(entry.get(kind.target, ""))
    if value not in kind.targets:
        problem = f"{value!r} is not a {kind.target}" if value else "is missing"
        raise ConfigError(file, f"{where}.{kind.target}", problem, kind.targets)
    return value


def _number(file: Path, where: str, value: Any, low: float, high: float, meaning: str = "") -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        words = f" ({meaning})" if meaning else ""
        raise ConfigError(file, where, f"{value!r} cannot be used", f"a number in {low:g}..{high:g}{words}")
    return float(value)
