"""The plan of a cell that launch arguments ask for: which nodes run, and with what. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from workcell_console.cell_arguments import (
    LOOPBACK,
    NO_POLICY,
    CellArguments,
    arm_path,
    existing_file,
    existing_folder,
    scenario_path,
    station_path,
)
from workcell_console.page.server import free_port
from workcell_control.motion.description import load_description
from workcell_ros.errors import ConfigError
from workcell_ros.plan import CellPlan, Shape, Sources, plan_cell
from workcell_ros.registry import NODES
from workcell_sim.embedded import is_active
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.parts import InfeedConfig, arrivals_max
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.teach_golden import teach_goldens

FIELD_PORTS = ("mqtt_port", "opcua_port", "modbus_port")
REFRESH_PERIOD_S = 0.5
PARTS = {
    "simulation": "workcell_sim",
    "field": "workcell_sensors",
    "perception": "workcell_perception",
    "control": "workcell_control",
    "console": "workcell_console",
}
"""What can be launched alone, by the Python package that its nodes live in."""
WHOLE = ""


def plan_from(given: CellArguments, share_dir: Path, part: str = WHOLE) -> CellPlan:
    """Returns the plan of a cell, or of one of its `PARTS`; nothing is started.

    Raises:
        WorkcellError: names file, key, value or port and the remedy.
    """
    out_dir = Path(given.out_dir).absolute()
    params_file = Path(given.params_file) if given.params_file else None
    # Ports that are picked here would be known to this part alone.
    ports = _given_ports(given) if part or not given.is_simulated else _field_ports(given)
    sources = Sources(
        share_dir,
        out_dir,
        params_file,
        _overrides(given, share_dir, ports if given.transport == "network" else {}),
        f"params_{part}.yaml" if part else "params.yaml",
    )
    plan = plan_cell(sources, Shape(_left_out(given) | _elsewhere(part), given.composition))
    if given.enclaves and given.composition != "node":
        # Whoever shares a process shares its rights.
        problem = f"is {given.composition!r}, but enclaves are of one node each"
        raise ConfigError("launch arguments", "composition", problem, "node")
    if not plan.values:
        raise ConfigError("launch arguments", "sim", f"leaves nothing of the part {part} to start", "another sim")
    return plan


def teach(plan: CellPlan, given: CellArguments) -> None:
    """Teaches the inspection those boards of the shift that it does not know yet.

    Raises:
        WorkcellError: a board image cannot be used, or what is taught cannot be kept.
    """
    if not given.is_simulated or "inspection" not in plan.values:
        return
    factory = BoardFactory(given.seed, boards_dir=given.boards_dir or None)
    is_bounded = given.duration_s > 0.0 and "world" in plan.values
    variants = factory.variants_of(_parts_max(plan, given)) if is_bounded else None
    try:
        teach_goldens(factory, plan.values["inspection"]["golden_dir"], variants=variants)
    except OSError as error:
        problem = f"{error.filename}: {error.strerror}"
        raise ConfigError("launch arguments", "golden_dir", problem, "a folder that can be made and written") from None


def _parts_max(plan: CellPlan, given: CellArguments) -> int:
    """Returns how many boards the infeed brings in the time the cell runs, at most."""
    world = plan.values["world"]
    events = load_scenario(world["scenario_file"]).of_kind("starved_infeed")
    # An infeed that is "starved" by less than 1 brings boards faster.
    fastest = min([1.0, *(event.magnitude for event in events)])
    return arrivals_max(InfeedConfig(interval_s=world["infeed_interval_s"]), given.duration_s, fastest)


def robot_description(given: CellArguments, share_dir: Path) -> str:
    """Returns the cell's URDF.

    Raises:
        ConfigError: the xacro or a file that it reads is missing or malformed.
    """
    arguments = {
        "sim": given.hardware,
        "arm_parameters": str(arm_path(given.robot, share_dir)),
        "station": str(station_path(given, share_dir)),
        "calibration": existing_file("calibration", given.calibration),
        "robot_ip": given.robot_ip,
        "ur_type": Path(given.robot).stem,
        "use_mock_hardware": str(given.use_mock_hardware).lower(),
    }
    return load_description(share_dir / "urdf" / "cell.urdf.xacro", arguments)


def _elsewhere(part: str) -> frozenset[str]:
    return frozenset(name for name, entry in NODES.items() if part and entry.package != PARTS[part])


def _left_out(given: CellArguments) -> frozenset[str]:
    wanted = {
        "world": given.has_world,
        "gazebo_world": given.sim == "gazebo",
        "gripper": given.has_valve,
        "plant": given.is_simulated,
        "policy": given.policy != NO_POLICY,
        "twin": given.twin,
        "console": given.console,
        "historian": bool(given.historian),
        "sparkplug_edge": bool(given.sparkplug),
        "opcua_server": bool(given.opcua_nodesets),
        "recorder": bool(given.storage),
    }
    return frozenset(name for name, is_wanted in wanted.items() if not is_wanted)


def _overrides(given: CellArguments, share_dir: Path, ports: dict[str, int]) -> dict[str, dict[str, Any]]:
    scenario = str(scenario_path(given.scenario, share_dir))
    trace = existing_file("trace_file", given.trace_file)
    link = {"transport": given.transport, "time_scale": given.time_scale, **ports}
    page: dict[str, Any] = {"serve": given.page, "host": given.host, "port": given.port, "live_file": given.live_file}
    # People look in real time, however fast the cell's clock runs.
    page["refresh_period_s"] = REFRESH_PERIOD_S * max(given.time_scale, 1.0)
    is_virtual = given.transport == "memory"
    layout = _layout(given, share_dir)
    world = _world(given, scenario)
    return {
        "world": world | layout,
        "plant": {"scenario_file": scenario, "seed": given.seed, "trace_file": trace, **link},
        # What the history must not miss waits in the gateway's journal until the historian has it.
        "gateway": {**link, "consumers": ["historian"]} if given.historian and ports else link,
        "gazebo_world": {name: world[name] for name in ("scenario_file", "seed", "boards_dir")} | layout,
        "inspection": _inspection(given),
        "gripper": _driver(given, share_dir),
        "cell": _cell(given) | _driver(given, share_dir) | layout,
        "policy": _policy(given),
        # Without sockets time is virtual, and stands still while a fork runs. No thread is needed there either.
        "twin": {"wait_for_fork": is_virtual, "copy_process": is_virtual and is_active()},
        "console": page,
        "historian": {"store": given.historian} if given.historian else {},
        "opcua_server": {"nodeset_dir": existing_folder("opcua_nodesets", given.opcua_nodesets)},
        "sparkplug_edge": {"servers": given.sparkplug.split(",")} if given.sparkplug else {},
        "recorder": _recorder(given),
    }


def _policy(given: CellArguments) -> dict[str, Any]:
    if given.policy == NO_POLICY:
        return {}
    values = {"policy": given.policy}
    if given.policy_file:
        values["policy_file"] = existing_file("policy_file", given.policy_file)
    if given.policy_stage:
        values["initial_stage"] = given.policy_stage
    if given.policy_learned_file:
        values["learned_file"] = str(Path(given.policy_learned_file).absolute())
    return values


def _layout(given: CellArguments, share_dir: Path) -> dict[str, Any]:
    """Which arm stands in which station; the parameter files' word stands where the arguments say nothing else."""
    values = {}
    if given.robot != CellArguments.robot:
        values["arm_file"] = str(arm_path(given.robot, share_dir))
    station = station_path(given, share_dir)
    if station != share_dir / "config" / "station.yaml":
        values["station_file"] = str(station)
    return values


def _world(given: CellArguments, scenario: str) -> dict[str, Any]:
    values = {
        "scenario_file": scenario,
        "seed": given.seed,
        "boards_dir": existing_folder("boards_dir", given.boards_dir),
        "fidelity": "mirror" if given.is_mirrored else given.fidelity,
        "gripper": "valve" if given.has_valve else "action",
    }
    if _nothing_dies(given, scenario):
        values["state_file"] = ""
    return values


def _monitor(given: CellArguments, scenario: str) -> dict[str, Any]:
    return {"learned_file": ""} if _nothing_dies(given, scenario) else {}


def _nothing_dies(given: CellArguments, scenario: str) -> bool:
    """Whether nothing can kill a node: then none needs a state to come back from, and none is to find an older one."""
    return given.transport == "memory" and not load_scenario(scenario).of_kind("node_kill")


def _inspection(given: CellArguments) -> dict[str, Any]:
    values = {"golden_dir": str(Path(given.golden_dir).absolute())} if given.golden_dir else {}
    return {**values, "camera_node": "gazebo_world"} if given.sim == "gazebo" else values


def _driver(given: CellArguments, share_dir: Path) -> dict[str, Any]:
    """Which driver moves the arm; the parameter files' word stands where the arguments say nothing else."""
    if given.sim == "embedded" and not given.arm_driver:
        return {}
    return {"arm_driver": given.driver, "arm_driver_file": str(share_dir / "config" / "arm_drivers.yaml")}


def _cell(given: CellArguments) -> dict[str, Any]:
    values: dict[str, Any] = {"commissioning": True} if given.commissioning else {}
    if given.calibration:
        values["calibration_file"] = existing_file("calibration", given.calibration)
    return values


def _recorder(given: CellArguments) -> dict[str, Any]:
    if not given.storage:
        return {}
    mode = "black_box" if given.record == "black_box" else "all"
    values: dict[str, Any] = {"storage": given.storage, "mode": mode}
    return {**values, "excluded_topics": []} if given.record_images else values


def _given_ports(given: CellArguments) -> dict[str, int]:
    return {name: port for name in FIELD_PORTS if (port := getattr(given, name))}


def _field_ports(given: CellArguments) -> dict[str, int]:
    """Returns a port for each field server: the given one, checked to be free, or a free one."""
    if given.transport != "network":
        return {}
    return {name: free_port(name, LOOPBACK, getattr(given, name)) for name in FIELD_PORTS}
