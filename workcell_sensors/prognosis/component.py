"""What can wear out, what is watched as a whole, and which readings tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError
from workcell_sensors.prognosis.registry import DETECTORS
from workcell_sensors.prognosis.watch import Quantity, WatchSpec
from workcell_sensors.tags import TagTable

OUTCOMES = ("arm", "drop")
_TOP_KEYS = ("horizon_cycles", "failure_cost", "components", "watches")


@dataclass(frozen=True)
class ComponentSpec:
    """One component; see config/prognosis.yaml for what the fields mean."""

    component: str
    tag: str
    failure_ratio: float
    outcome: str
    per: str = ""
    active_in: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrognosisSpec:
    """All of `prognosis.yaml`."""

    horizon_cycles: int
    failure_cost: float
    components: tuple[ComponentSpec, ...]
    watches: tuple[WatchSpec, ...] = ()

    @property
    def names(self) -> list[str]:
        """Of components and watches: all whose maintenance may be proposed."""
        return [*(item.component for item in self.components), *(item.watch for item in self.watches)]


def load_prognosis(path: str | Path, table: TagTable) -> PrognosisSpec:
    """Reads what is followed.

    Raises:
        ConfigError: names the file, the component, the key, the value and what would be valid.
    """
    file = Path(path)
    data = load_yaml(file)
    check_keys(file, "", data, _TOP_KEYS)
    rows = data.get("components")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(file, "components", f"holds {rows!r}", "a list of mappings with at least component and tag")
    found = [spec for number, row in enumerate(rows, start=1) for spec in _specs(file, number, row, table)]
    horizon = _number(file, "horizon_cycles", data.get("horizon_cycles"), 1.0)
    if horizon != int(horizon):
        raise ConfigError(file, "horizon_cycles", f"is {horizon}", "a whole number")
    cost = _number(file, "failure_cost", data.get("failure_cost"), 1.0)
    spec = PrognosisSpec(int(horizon), cost, tuple(found), _watches(file, data.get("watches", []), table))
    for name in spec.names:
        if spec.names.count(name) > 1:
            raise ConfigError(file, f"components.{name}", "stands twice", "every component and watch once")
    return spec


def _specs(file: Path, number: int, row: Mapping[str, Any], table: TagTable) -> list[ComponentSpec]:
    where = f"components[{number}]"
    check_keys(file, where, row, [column.name for column in dataclasses.fields(ComponentSpec)])
    for key in ("component", "tag", "outcome", "per"):
        if not isinstance(row.get(key, "" if key == "per" else None), str):
            raise ConfigError(file, f"{where}.{key}", f"is {row.get(key)!r}", "a text")
    if row["outcome"] not in OUTCOMES:
        raise ConfigError(file, f"{where}.outcome", f"is {row['outcome']!r}", OUTCOMES)
    ratio = _number(file, f"{where}.failure_ratio", row.get("failure_ratio"), 1.0)
    if ratio <= 1.0:
        raise ConfigError(file, f"{where}.failure_ratio", f"is {ratio}", "more than 1, the healthy ratio")
    states = _states(file, where, row)
    return [
        ComponentSpec(
            component=row["component"].replace("{n}", item),
            tag=_tag(file, f"{where}.tag", row["tag"].replace("{n}", item), table),
            failure_ratio=ratio,
            outcome=row["outcome"],
            per=_tag(file, f"{where}.per", row["per"].replace("{n}", item), table) if "per" in row else "",
            active_in=states,
        )
        for item in _items(row["tag"], table)
    ]


def _watches(file: Path, rows: Any, table: TagTable) -> tuple[WatchSpec, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(file, "watches", f"holds {rows!r}", "a list of mappings with watch, detector and quantities")
    return tuple(_watch(file, f"watches[{number}]", row, table) for number, row in enumerate(rows, start=1))


def _watch(file: Path, where: str, row: Mapping[str, Any], table: TagTable) -> WatchSpec:
    check_keys(file, where, row, [column.name for column in dataclasses.fields(WatchSpec)])
    if not isinstance(row.get("watch"), str):
        raise ConfigError(file, f"{where}.watch", f"is {row.get('watch')!r}", "a text")
    if row.get("detector") not in tuple(DETECTORS):
        raise ConfigError(file, f"{where}.detector", f"is {row.get('detector')!r}", DETECTORS)
    confirm = _number(file, f"{where}.confirm_cycles", row.get("confirm_cycles", 1), 1.0)
    settings = row.get("settings", {})
    if not isinstance(settings, dict):
        raise ConfigError(file, f"{where}.settings", f"is {settings!r}", "a mapping of the detector's settings")
    quantities = tuple(_quantities(file, f"{where}.quantities", row.get("quantities"), table))
    spec = WatchSpec(row["watch"], row["detector"], quantities, int(confirm), _states(file, where, row), settings)
    try:
        spec.make()
    except (TypeError, ValueError) as error:
        raise ConfigError(file, f"{where}.settings", str(error), f"what {spec.detector} takes") from None
    return spec


def _quantities(file: Path, where: str, rows: Any, table: TagTable) -> Iterator[Quantity]:
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise ConfigError(
            file, where, f"holds {rows!r}", "a list of mappings with tag, and per where it is per unit of one"
        )
    for row in rows:
        check_keys(file, where, row, [column.name for column in dataclasses.fields(Quantity)])
        names = {key: row[key] for key in ("tag", "per") if key in row}
        if "tag" not in names or not all(isinstance(name, str) for name in names.values()):
            raise ConfigError(file, where, f"holds {row!r}", "tag, and per where it is per unit of one")
        for item in _items(names["tag"], table):
            yield Quantity(**{key: _tag(file, where, name.replace("{n}", item), table) for key, name in names.items()})


def _states(file: Path, where: str, row: Mapping[str, Any]) -> tuple[str, ...]:
    states = row.get("active_in", [])
    if not isinstance(states, list) or not all(isinstance(state, str) for state in states):
        raise ConfigError(
            file, f"{where}.active_in", f"is {states!r}", "a list of cell states, e.g. [transfer, settle]"
        )
    return tuple(states)


def _items(pattern: str, table: TagTable) -> list[str]:
    """What {n} stands for: the parts in which the matching tags differ; one empty part without {n}."""
    before, joker, after = pattern.partition("{n}")
    if not joker:
        return [""]
    matches = [tag for tag in table.tags if tag.startswith(before) and tag.endswith(after)]
    return [tag[len(before) : len(tag) - len(after)] for tag in matches] or ["{n}"]


def _tag(file: Path, where: str, name: str, table: TagTable) -> str:
    if name not in table.index:
        raise ConfigError(file, where, f"{name!r} is no tag", table.tags)
    return name


def _number(file: Path, where: str, value: Any, low: float) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and low <= value < float("inf"):
        return float(value)
    raise ConfigError(file, where, f"is {value!r}", f"a number of at least {low:g}")
