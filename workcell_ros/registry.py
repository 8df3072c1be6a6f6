"""The nodes of the cell: where each lives and which package's process it shares. Pure."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class NodeEntry:
    """One node of the cell."""

    name: str
    module: str
    class_name: str
    schema_name: str

    @property
    def executable(self) -> str:
        """Name of the node's entry point."""
        return f"{self.name}_node"

    @property
    def package(self) -> str:
        """The Python package it belongs to; `composition:=package` starts one process for each."""
        return self.module.partition(".")[0]

    def load_class(self) -> Any:
        """Imports and returns the node class."""
        return getattr(importlib.import_module(self.module), self.class_name)

    def load_schema(self) -> type:
        """Imports and returns the node's parameter schema."""
        schema: type = getattr(importlib.import_module(self.module), self.schema_name)
        return schema


def _entry(name: str, module: str) -> NodeEntry:
    stem = name.title().replace("_", "")
    return NodeEntry(name, module, f"{stem}Node", f"{stem}Parameters")


NODES: dict[str, NodeEntry] = {
    entry.name: entry
    for entry in (
        _entry("recorder", "workcell_console.recorder_node"),
        _entry("historian", "workcell_sensors.historian.historian_node"),
        _entry("sparkplug_edge", "workcell_sensors.outward.sparkplug_edge_node"),
        _entry("governor", "workcell_control.governance.governor_node"),
        _entry("plant", "workcell_sim.plant.plant_node"),
        _entry("gateway", "workcell_sensors.gateway_node"),
        _entry("monitor", "workcell_sensors.monitor_node"),
        _entry("inspection", "workcell_perception.inspection_node"),
        _entry("opcua_server", "workcell_sensors.outward.opcua_server_node"),
        _entry("twin", "workcell_control.twin.twin_node"),
        _entry("policy", "workcell_control.policy.policy_node"),
        _entry("console", "workcell_console.console_node"),
        _entry("gripper", "workcell_control.gripper.gripper_node"),
        _entry("cell", "workcell_control.cell.cell_node"),
        _entry("gazebo_world", "workcell_sim.gazebo.gazebo_world_node"),
        _entry("world", "workcell_sim.world.world_node"),
    )
}
"""Every managed node in the order it is brought up: the record and the gate first, the arm last."""
