"""Reads every file that the nodes of a cell will read, before anything is started. Pure."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workcell_console.cell_arguments import CellArguments, existing_folder
from workcell_console.cell_folder import check_free, hold
from workcell_console.cell_plan import WHOLE, plan_from, robot_description, teach
from workcell_console.page.server import free_port
from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.governance.rules import Governance, load_governance
from workcell_control.motion.kinematics import KinematicsError
from workcell_perception.calibration import load_calibration
from workcell_perception.layout import BOARD_LAYOUT
from workcell_perception.verdict_file import load_rules
from workcell_ros import schema
from workcell_ros.config import check_keys
from workcell_ros.errors import ConfigError
from workcell_ros.plan import CellPlan, read_params_file
from workcell_ros.registry import NODES
from workcell_sensors.health.threshold import load_thresholds
from workcell_sensors.prognosis.component import load_prognosis
from workcell_sensors.tags import TagTable, load_tags
from workcell_sim.plant.trace import load_trace
from workcell_sim.world.real_boards import find_pairs
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.world_config import load_world_config


def check_arguments(arguments: Mapping[str, str], share_dir: Path) -> None:
    """Checks a cell that is to be started, and leaves nothing behind.

    Args:
        arguments: launch arguments as text.
        share_dir: the package's shared files.

    Raises:
        WorkcellError: names file, key, value or port and the remedy.
    """
    given = CellArguments.from_strings(arguments)
    _check_writable("out_dir", Path(given.out_dir).absolute())
    check_free(Path(given.out_dir), WHOLE)
    with tempfile.TemporaryDirectory(prefix="workcell-check-") as folder:
        trial = dataclasses.replace(given, out_dir=folder)
        check(plan_from(trial, share_dir), trial, share_dir)


def prepared(arguments: Mapping[str, str], share_dir: Path, part: str = WHOLE) -> tuple[CellArguments, CellPlan]:
    """Returns arguments and plan of a cell, or of a part of it, that can be started: checked, and its boards taught.

    Raises:
        WorkcellError: names file, key, value or port and the remedy.
    """
    given = CellArguments.from_strings(arguments)
    hold(Path(given.out_dir), part)
    plan = plan_from(given, share_dir, part)
    check(plan, given, share_dir)
    teach(plan, given)
    return given, plan


def check(plan: CellPlan, given: CellArguments, share_dir: Path) -> None:
    """Reads every file the nodes will read, so that what is wrong is said before anything is started.

    Raises:
        WorkcellError: names file, key, value or port and the remedy.
    """
    values = plan.values
    tables = {name: load_tags(block["tags_file"]) for name, block in values.items() if "tags_file" in block}
    for path in _distinct(block.get("governance_file") for block in values.values()):
        _check_governance(
            path, load_governance(path), _monitor_names(values["monitor"]) if "monitor" in values else None
        )
    if "inspection" in values:
        _check_inspection(values["inspection"])
    if "cell" in values:
        _check_cell(values["cell"])
    if {"cell", "gateway"} <= set(values):
        _check_required(values["cell"], _cell_block_file(given, share_dir), tables["gateway"])
    if "world" in values:
        _check_simulation(values, given)
    if given.golden_dir and Path(given.golden_dir).exists():
        existing_folder("golden_dir", given.golden_dir)
    if "console" in values and given.page:
        free_port("web page", given.host, given.port)
    if given.sim != "real":
        # What of it only the arm's own package has is told by what starts the arm.
        robot_description(given, share_dir)


def _check_writable(name: str, folder: Path) -> None:
    """A folder that is not there yet can be made where the nearest one above it can be written."""
    nearest = next(path for path in (folder, *folder.parents) if path.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        why = "cannot be written" if nearest.is_dir() else "is no folder"
        raise ConfigError("launch arguments", name, f"{str(nearest)!r} {why}", "a folder that can be made and written")


def _distinct(paths: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(path for path in paths if path))


def _monitor_names(block: Mapping[str, Any]) -> list[str]:
    """The parameters that the monitor's files make, all of which can be read."""
    table = load_tags(block["tags_file"])
    thresholds = load_thresholds(block["thresholds_file"], table)
    names = [f"thresholds.{tag.replace('/', '.')}.{limit}" for tag, row in thresholds.items() for limit in row.limits()]
    watched = load_prognosis(block["prognosis_file"], table).names if block["prognosis_file"] else []
    return [*names, *(f"maintenance.{name}" for name in watched)]


def _check_governance(path: str, governance: Governance, of_monitor: list[str] | None) -> None:
    """What is governed must be there: a rule for a parameter nobody has would never be noticed.

    Without the monitor's own parameters, where it runs elsewhere, its rules are not checked.
    """
    check_keys(path, "nodes", governance.rules, NODES)
    for node, rules in governance.rules.items():
        known = list(schema.infos(NODES[node].load_schema()))
        if node == "monitor":
            if of_monitor is None:
                continue
            known += of_monitor
        check_keys(path, f"nodes.{node}", rules, known)


def _check_inspection(block: Mapping[str, Any]) -> None:
    load_rules(block["verdict_file"])
    if block["calibration_file"]:
        load_calibration(block["calibration_file"])


def _check_cell(block: Mapping[str, Any]) -> None:
    values = schema.build(CellParameters, block)
    try:
        build_task(values)
    except KinematicsError as error:
        raise ConfigError(values.station_file, "poses", str(error), "poses within the arm's reach") from None


def _check_required(block: Mapping[str, Any], file: Path, tags: TagTable) -> None:
    """A cell that waits for what nobody says would hold for ever."""
    check_keys(file, "cell.required_tags", block.get("required_tags", ()), tags.tags)
    check_keys(file, "cell.required_nodes", block.get("required_nodes", ()), NODES)


def _cell_block_file(given: CellArguments, share_dir: Path) -> Path:
    """Returns the file whose word on the cell's block counts."""
    if given.params_file and "cell" in read_params_file(Path(given.params_file)):
        return Path(given.params_file)
    return share_dir / "config" / "cell.yaml"


def _check_simulation(values: Mapping[str, Mapping[str, Any]], given: CellArguments) -> None:
    world = values["world"]
    load_world_config(world["station_file"], world["arm_file"], world["description_file"], world["prefix"])
    load_scenario(world["scenario_file"])
    if given.boards_dir:
        _check_boards(given.boards_dir)
    if given.trace_file and "plant" in values:
        load_trace(values["plant"]["trace_file"])


def _check_boards(folder: str) -> None:
    """Reads every image and label: one that cannot be used would otherwise come up in the middle of a shift."""
    for pair in find_pairs(folder):
        pair.load_template(BOARD_LAYOUT.artwork_px)
        pair.load_part(BOARD_LAYOUT.artwork_px)
