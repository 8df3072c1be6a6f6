"""What the twin's second cell consists of: the real cell's parameters, without what a trial does not need. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from workcell_control.cell.cell import ALWAYS_WATCHED
from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.twin.mirror import Condition
from workcell_ros import schema
from workcell_ros.config import load_yaml
from workcell_ros.plan import CellPlan, Shape, Sources, plan_cell
from workcell_ros.registry import NODES
from workcell_sim.world.scenario import Event, Scenario

FORKED_NODES = ("plant", "gateway", "inspection", "cell", "world")
"""The loop from part to verdict. Who watches, proposes and decides is left out: a trial's parameters stand."""
SIGNAL_PERIOD_S = 0.1
"""Nothing in the field is looked at more often than this."""


def plan_fork(share_dir: Path, folder: Path, seed: int, params_file: Path | None = None) -> CellPlan:
    """Returns the plan of a forked cell; its files go to `folder`.

    Args:
        share_dir: the package's shared files.
        folder: an empty folder.
        seed: of everything random in the fork.
        params_file: parameter file of the real cell, None for what ships.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    without = Shape(frozenset(NODES) - set(FORKED_NODES), "single")
    given = folder / "params_given.yaml"
    blocks = _forked_blocks(params_file)
    given.write_text(yaml.safe_dump(blocks), encoding="utf-8")
    overrides = _overrides(seed)
    if "world" not in blocks:
        # The references of a cell that is not simulated are none for simulated boards.
        overrides["inspection"]["golden_dir"] = str(folder / "golden")
    plan = plan_cell(Sources(share_dir, folder, given, overrides), without)
    tags_file = folder / "tags.yaml"
    tags_file.write_text(yaml.safe_dump(_tags_for(plan)), encoding="utf-8")
    for node in ("plant", "gateway"):
        overrides[node]["tags_file"] = str(tags_file)
    return plan_cell(Sources(share_dir, folder, given, overrides), without)


def scenario_of(condition: Condition, duration_s: float) -> Scenario:
    """Returns a scenario in which the mirrored condition holds from the start to the end."""
    kinds = {
        "vacuum_leak": (condition.leak, 0.0),
        "heavy_lot": (condition.mass, 1.0),
        "light_drift": (condition.light, 1.0),
    }
    events = tuple(
        Event(kind, 0.0, 0.0, math.inf, value, "") for kind, (value, nominal) in kinds.items() if value != nominal
    )
    return Scenario("forked", "the cell as the twin sees it", duration_s, events)


def reduced_tags(data: dict[str, Any], needed: Iterable[str]) -> dict[str, Any]:
    """Returns the tag table `data` with the needed tags alone, taken no more often than `SIGNAL_PERIOD_S`."""
    wanted = frozenset(needed)
    return {**data, "tags": [row for given in data["tags"] for row in _needed_rows(given, wanted)]}


def _needed_rows(row: dict[str, Any], needed: frozenset[str]) -> Iterator[dict[str, Any]]:
    slower = {**row, "period_s": max(row["period_s"], SIGNAL_PERIOD_S)}
    if "each" not in row:
        if row["tag"] in needed:
            yield slower
        return
    items = [item for item in row["each"] if row["tag"].replace("{n}", str(item)) in needed]
    if items:
        yield {**slower, "each": items}


def _tags_for(plan: CellPlan) -> dict[str, Any]:
    cell = schema.build(CellParameters, plan.values["cell"])
    return reduced_tags(load_yaml(plan.values["gateway"]["tags_file"]), {*ALWAYS_WATCHED, *cell.required_tags})


def _forked_blocks(params_file: Path | None) -> dict[str, Any]:
    if params_file is None:
        return {}
    blocks = {str(name).rpartition("/")[2]: block for name, block in load_yaml(params_file).items()}
    return {name: block for name, block in blocks.items() if name in FORKED_NODES}


def _overrides(seed: int) -> dict[str, dict[str, Any]]:
    world = {"scenario_file": "config/scenarios/calm.yaml", "seed": seed, "state_file": "", "fidelity": "kinematic"}
    world["gripper"] = "action"
    rates = {"signal_rate_hz": 1.0 / SIGNAL_PERIOD_S, "joint_state_rate_hz": 5.0, "feedback_rate_hz": 0.0}
    return {
        "world": {**world, **rates},
        "plant": {"seed": seed, "transport": "memory", "scenario_file": "", "trace_file": ""},
        "gateway": {"transport": "memory", "journal_file": ""},
        "inspection": {"annotate": False, "camera_node": "world"},
        "cell": {
            "ledger_file": "",
            "required_nodes": ["inspection"],
            "governor_node": "",
            # Whatever moves the real arm, the second cell has one of its own, and asks nobody.
            "arm_driver": "embedded",
            "commissioning": False,
        },
    }
