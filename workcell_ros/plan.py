"""Works out, before anything is started, what every node of a cell will be given.

`plan_cell` reads `config/cell.yaml` and further parameter files, lays the launch arguments over them,
checks every key and value against the nodes' schemas, resolves paths and writes one parameter file. What
is wrong is said in one line here, so that a cell never starts by half.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from workcell_ros import schema
from workcell_ros.config import check_keys, check_parameters, load_yaml
from workcell_ros.errors import ConfigError
from workcell_ros.registry import NODES

SHARED_FOLDERS = ("config", "urdf", "worlds")
OUTPUT_FOLDER = "out"
MANAGER = "lifecycle_manager"
COMPOSITIONS = ("package", "node", "single")
PATH_ENDINGS = ("_file", "_dir")

Values = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class CellPlan:
    """What to start, and with what."""

    params_file: Path
    values: Values
    """Every node's parameters, by node."""
    processes: dict[str, tuple[str, ...]]
    """Node names by process, in the order of bring-up."""


@dataclass(frozen=True)
class Shape:
    """Which nodes run, and how they are grouped into processes."""

    without: frozenset[str] = frozenset()
    composition: str = "package"
    """package: one process for each Python package; node: one for each node; single: one for all."""


@dataclass(frozen=True)
class Sources:
    """Where values come from, weakest first: shipped file, further file, overrides; and where they go."""

    share_dir: Path
    out_dir: Path
    params_file: Path | None = None
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    params_name: str = "params.yaml"
    """Name of the parameter file that is written into `out_dir`."""


def plan_cell(sources: Sources, shape: Shape) -> CellPlan:
    """Returns the plan of a cell and writes its parameter file into the output directory.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    names = [name for name in NODES if name not in shape.without]
    values = _layered(sources, names)
    resolved = {name: _resolve_paths(values[name], sources) for name in names}
    params_file = sources.out_dir / sources.params_name
    document = {f"/**/{name}": {"ros__parameters": block} for name, block in resolved.items() if block}
    manager = _manager_block(sources)
    if manager:
        document[f"/**/{MANAGER}"] = {"ros__parameters": manager}
    try:
        sources.out_dir.mkdir(parents=True, exist_ok=True)
        params_file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    except OSError as error:
        problem = f"{params_file}: {error.strerror}"
        raise ConfigError("launch arguments", "out_dir", problem, "a folder that can be made and written") from None
    return CellPlan(params_file, resolved, _processes(names, shape.composition))


def _manager_block(sources: Sources) -> dict[str, Any]:
    """Returns what the parameter files say to the lifecycle manager, which checks it itself: it is no managed node."""
    merged: dict[str, Any] = {}
    for path in _files(sources):
        for key, block in load_yaml(path).items():
            if str(key).rpartition("/")[2] == MANAGER:
                merged |= _block_of(path, MANAGER, block)
    return merged


def _files(sources: Sources) -> list[Path]:
    shipped = sources.share_dir / "config" / "cell.yaml"
    return [shipped] if sources.params_file is None else [shipped, sources.params_file]


def read_params_file(path: Path) -> Values:
    """Reads a ROS parameter file, `node: {ros__parameters: {...}}`, and checks it against the schemas.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    data = load_yaml(path)
    by_name = {str(key).rpartition("/")[2]: block for key, block in data.items()}
    check_keys(path, "", by_name, [*NODES, MANAGER])
    return {name: _checked_block(path, name, block) for name, block in by_name.items() if name in NODES}


def _checked_block(path: Path, name: str, block: Any) -> dict[str, Any]:
    values = _block_of(path, name, block)
    check_parameters(path, name, values, NODES[name].load_schema())
    return values


def _block_of(path: Path, name: str, block: Any) -> dict[str, Any]:
    if not isinstance(block, dict) or set(block) != {"ros__parameters"}:
        raise ConfigError(path, name, "is no parameter block", "one key, ros__parameters")
    values = block["ros__parameters"] or {}
    if not isinstance(values, dict):
        raise ConfigError(path, f"{name}.ros__parameters", f"is {values!r}", "a mapping of parameters to values")
    return dict(values)


def _layered(sources: Sources, names: list[str]) -> Values:
    layers = [read_params_file(path) for path in _files(sources)]
    merged: Values = {}
    for name in names:
        block: dict[str, Any] = {}
        for layer in (*layers, sources.overrides):
            block |= layer.get(name, {})
        schema_cls: Any = NODES[name].load_schema()
        check_parameters("launch arguments", name, block, schema_cls)
        merged[name] = dataclasses.asdict(schema.build(schema_cls, block))
    return merged


def _resolve_paths(values: dict[str, Any], sources: Sources) -> dict[str, Any]:
    resolved = {}
    for name, value in values.items():
        is_path = name.endswith(PATH_ENDINGS) and isinstance(value, str) and value
        # ROS cannot tell the type of an empty list; the node's own default is one as well.
        if value != []:
            resolved[name] = str(_resolve(value, sources)) if is_path else value
    return resolved


def _resolve(value: str, sources: Sources) -> Path:
    path = Path(value)
    if path.is_absolute():
        return path
    if path.parts[0] in SHARED_FOLDERS and (sources.share_dir / path).exists():
        return sources.share_dir / path
    if path.parts[0] == OUTPUT_FOLDER:
        return sources.out_dir.joinpath(*path.parts[1:])
    return path.absolute()


def _processes(names: list[str], composition: str) -> dict[str, tuple[str, ...]]:
    if composition == "single":
        return {"cell_all": tuple(names)}
    if composition == "node":
        return {name: (name,) for name in names}
    if composition != "package":
        raise ConfigError("launch arguments", "composition", f"is {composition!r}", COMPOSITIONS)
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(NODES[name].package, []).append(name)
    return {package: tuple(members) for package, members in grouped.items()}
