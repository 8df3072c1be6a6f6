"""YAML files checked at load: an error names file, key, value and what would be valid."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml

from workcell_ros import schema
from workcell_ros.errors import ConfigError

Table = TypeVar("Table")

_KIND_WORDS = {list: "a list", str: "a text", int: "a number", float: "a number", bool: "true or false"}
# The same language and the same restrictions; the one written in C is some ten times faster.
_SafeLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_SafeLoader):
    """Refuses what PyYAML lets pass: of a key that stands twice in a mapping, only the last would count."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key.value!r} stands twice", key.start_mark)
            seen.add(str(key.value))
        mapping: dict[Any, Any] = super().construct_mapping(node, deep)
        return mapping


def load_yaml(path: str | Path) -> dict[str, Any]:
    """Reads a YAML mapping.

    Raises:
        ConfigError: the file is missing, is not YAML or is not a mapping.
    """
    file = Path(path)
    try:
        data = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except FileNotFoundError:
        raise ConfigError(file, "file", "does not exist", "the path of a readable YAML file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(file, "file", str(error), "a readable UTF-8 YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}" if mark else "file"
        why = " ".join(str(getattr(error, "problem", error)).split())
        raise ConfigError(file, where, f"is not YAML ({why})", "YAML 1.1") from None
    if not isinstance(data, dict):
        problem = "is empty" if data is None else f"holds {_KIND_WORDS.get(type(data), 'something else')}"
        raise ConfigError(file, "file", problem, "a mapping of keys to values")
    return data


def check_keys(file: str | Path, where: str, given: Iterable[str], valid: Iterable[str]) -> None:
    """Raises ConfigError on the first key of `given` that is not in `valid`, with the nearest one."""
    allowed = list(valid)
    for key in given:
        if key in allowed:
            continue
        near = difflib.get_close_matches(str(key), allowed, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        dotted = f"{where}.{key}" if where else str(key)
        raise ConfigError(file, dotted, f"unknown key{hint}", allowed)


def load_numbers(path: str | Path, table: type[Table], is_valid: Callable[[float], bool], valid: str) -> Table:
    """Reads a YAML file that gives each field of a dataclass one number.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    data = load_yaml(path)
    names = [entry.name for entry in dataclasses.fields(table)]  # type: ignore[arg-type]
    check_keys(path, "", data, names)
    values: dict[str, float] = {}
    for name in names:
        value = data.get(name)
        if not isinstance(value, int | float) or isinstance(value, bool) or not is_valid(value):
            problem = "is missing" if name not in data else f"{value!r} cannot be used"
            raise ConfigError(path, name, problem, valid)
        values[name] = float(value)
    return table(**values)


def check_parameters(file: str | Path, node: str, values: Mapping[str, object], schema_cls: type) -> None:
    """Raises ConfigError where a node's parameter block does not fit its schema."""
    known = schema.infos(schema_cls)
    check_keys(file, node, values, known)
    for name, value in values.items():
        why = known[name].problem(value)
        if why is not None:
            raise ConfigError(file, f"{node}.{name}", why.partition(": ")[2], describe(known[name]))


def describe(info: schema.ParamInfo) -> str:
    """Returns in words which values a parameter takes."""
    if info.choices:
        return ", ".join(map(str, info.choices))
    kind = f"list of {info.kind.__name__}" if info.is_array else info.kind.__name__
    low = "" if info.low is None else f"{info.low:g}"
    high = "" if info.high is None else f"{info.high:g}"
    return f"{kind} in {low}..{high} {info.unit}".strip() if low or high else kind
