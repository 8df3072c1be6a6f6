"""Reads the verdict's rules from the YAML file that a quality engineer keeps."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any

from workcell_perception.costs import Costs
from workcell_perception.defects import Box, DefectClass
from workcell_perception.health import LightReference
from workcell_perception.verdict import ClassRule, ImageLimits, VerdictRules, Zone
from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError

_SCALARS = ("certain_score_min", "possible_score_min", "rework_defects_max")
_ZONE_KEYS = ("box", "classes")


def load_rules(file: str | Path) -> VerdictRules:
    """Reads the rules' YAML file.

    Raises:
        ConfigError: the file is missing, or a key or value in it cannot be used.
    """
    data = load_yaml(file)
    check_keys(file, "", data, (*(item.name for item in fields(VerdictRules)), "costs"))
    image = _numbers(file, "image", data.get("image", {}), ImageLimits)
    light = _numbers(file, "light", data.get("light", {}), LightReference)
    scalars = {key: data[key] for key in _SCALARS if key in data}
    for key, value in scalars.items():
        _check_number(file, key, value)
    if "costs" in data:
        scalars |= _thresholds(file, data["costs"], scalars)
    return VerdictRules(
        _class_rules(file, "classes", data.get("classes"), needs_all=True),
        ImageLimits(**image),
        LightReference(**light),
        **scalars,
        zones=_zones(file, data.get("zones", {})),
    )


def _thresholds(file: str | Path, block: Any, scalars: dict[str, float]) -> dict[str, float]:
    given = sorted({"certain_score_min", "possible_score_min"} & set(scalars))
    if given:
        raise ConfigError(file, given[0], "contradicts costs, from which it follows", "one of the two")
    numbers = _numbers(file, "costs", block, Costs)
    try:
        costs = Costs(**numbers)
    except (TypeError, ValueError) as error:
        raise ConfigError(file, "costs", str(error), [item.name for item in fields(Costs)]) from None
    thresholds = costs.thresholds()
    return {"possible_score_min": thresholds.possible, "certain_score_min": thresholds.certain}


def _zones(file: str | Path, block: Any) -> tuple[Zone, ...]:
    if not isinstance(block, dict):
        raise ConfigError(file, "zones", f"{block!r} is no mapping", "NAME: {box: [x1, y1, x2, y2], classes: ...}")
    return tuple(_zone(file, str(name), zone) for name, zone in block.items())


def _zone(file: str | Path, name: str, block: Any) -> Zone:
    where = f"zones.{name}"
    if not isinstance(block, dict):
        raise ConfigError(file, where, f"{block!r} is no mapping", _ZONE_KEYS)
    check_keys(file, where, block, _ZONE_KEYS)
    return Zone(
        name,
        _box(file, f"{where}.box", block.get("box")),
        _class_rules(file, f"{where}.classes", block.get("classes"), needs_all=False),
    )


def _box(file: str | Path, where: str, value: Any) -> Box:
    is_box = isinstance(value, list) and len(value) == 4 and all(type(number) is int for number in value)
    if not is_box or not (value[0] < value[2] and value[1] < value[3]):
        raise ConfigError(file, where, f"{value!r} is no box", "[x1, y1, x2, y2] in rectified pixels, x1 < x2, y1 < y2")
    return value[0], value[1], value[2], value[3]


def _class_rules(file: str | Path, where: str, block: Any, *, needs_all: bool) -> dict[DefectClass, ClassRule]:
    names = [kind.value for kind in DefectClass]
    if not isinstance(block, dict):
        raise ConfigError(file, where, f"{block!r} is no mapping", names)
    check_keys(file, where, block, names)
    missing = [name for name in names if name not in block]
    if missing and needs_all:
        raise ConfigError(file, f"{where}.{missing[0]}", "has no rule", "rework_area_px and/or reject_area_px")
    return {
        DefectClass(name): ClassRule(**_numbers(file, f"{where}.{name}", rule, ClassRule))
        for name, rule in block.items()
    }


def _numbers(file: str | Path, where: str, block: Any, schema: type[Any]) -> dict[str, float]:
    if not isinstance(block, dict):
        raise ConfigError(file, where, f"{block!r} is no mapping", [item.name for item in fields(schema)])
    check_keys(file, where, block, (item.name for item in fields(schema)))
    for key, value in block.items():
        _check_number(file, f"{where}.{key}", value)
    return block


def _check_number(file: str | Path, key: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise ConfigError(file, key, f"{value!r} does not fit", "a number of at least 0")
