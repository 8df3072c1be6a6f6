"""The launch arguments of a whole cell: what they mean, and the plan they lead to. Pure."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workcell_console.page.server import free_port
from workcell_control.motion.description import load_description
from workcell_ros.config import check_keys
from workcell_ros.errors import ConfigError
from workcell_ros.plan import COMPOSITIONS, CellPlan, Shape, Sources, plan_cell
from workcell_sim.embedded import is_active
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.parts import InfeedConfig, arrivals_max
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.teach_golden import teach_goldens

LOOPBACK = "127.0.0.1"
FIELD_PORTS = ("mqtt_port", "opcua_port", "modbus_port")
BOOLEANS = ("true", "false")
REFRESH_PERIOD_S = 0.5
_KINDS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class CellArguments:
    """One field per launch argument; `argument` gives its description and choices."""

    sim: str = "embedded"
    scenario: str = "calm"
    seed: int = 1
    duration_s: float = 0.0
    policy: str = "reflex"
    fidelity: str = "mujoco"
    transport: str = "network"
    time_scale: float = 1.0
    composition: str = "package"
    namespace: str = ""
    params_file: str = ""
    out_dir: str = "out/cell"
    boards_dir: str = ""
    golden_dir: str = ""
    trace_file: str = ""
    twin: bool = True
    console: bool = True
    page: bool = True
    host: str = LOOPBACK
    port: int = 8642
    live_file: str = ""
    historian: str = ""
    opcua_nodesets: str = ""
    sparkplug: str = ""
    record: str = ""
    record_images: bool = False
    mqtt_port: int = 0
    opcua_port: int = 0
    modbus_port: int = 0
    use_sim_time: bool = False
    tf: bool = True
    respawn_delay_s: float = 1.0
    log_level: str = "info"

    @classmethod
    def from_strings(cls, given: Mapping[str, str]) -> CellArguments:
        """Reads arguments as a launch file hands them over.

        Raises:
            ConfigError: names the argument, its value and what would be valid.
        """
        fields = {field.name: field for field in dataclasses.fields(cls)}
        check_keys("launch arguments", "", given, fields)
        return cls(**{name: _parsed(name, text, type(fields[name].default)) for name, text in given.items()})


@dataclass(frozen=True)
class Argument:
    """A launch argument as its description shows it."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


_DESCRIPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sim": (
        "Where arm, camera and field devices come from: embedded, or none (they are there already)",
        ("embedded", "none"),
    ),
    "scenario": ("Disturbances of the simulated shift: a name in config/scenarios or a YAML file", ()),
    "seed": ("Seed of everything random in the simulated cell", ()),
    "duration_s": ("Seconds that the cell will run: only boards that come by then are taught; 0 teaches all", ()),
    "policy": ("Who proposes parameters", ("reflex", "fixed")),
    "fidelity": ("The simulated arm: mujoco (dynamics) or kinematic (exact follower, faster)", ("mujoco", "kinematic")),
    "transport": ("How field data flows: network (MQTT, OPC UA, Modbus servers) or memory", ("network", "memory")),
    "time_scale": ("Seconds of the cell's clock per second of real time", ()),
    "composition": ("Processes: one per Python package, one per node, or a single one", COMPOSITIONS),
    "namespace": ("Namespace of every node, so that cells can run side by side", ()),
    "params_file": ("Further parameter file laid over config/cell.yaml", ()),
    "out_dir": ("Folder for ledger, audit log, results and the page's address", ()),
    "boards_dir": ("Folder of real board images that flow through the cell instead of simulated ones", ()),
    "golden_dir": ("Folder of taught golden references; what the simulated boards lack there is taught", ()),
    "trace_file": ("Recorded cobot field data (CSV) played through the field devices", ()),
    "twin": ("Whether the digital twin runs", BOOLEANS),
    "console": ("Whether the console node runs", BOOLEANS),
    "page": ("Whether the console serves the web page", BOOLEANS),
    "host": ("Address the page listens on", ()),
    "port": ("Port of the page; 0 picks a free one", ()),
    "live_file": ("Where the console keeps the newest summary for the terminal; empty for none", ()),
    "historian": ("Where the historian writes; empty for no historian", ("", "parquet", "postgres")),
    "sparkplug": ("MQTT servers to which the cell reports as a Sparkplug edge node: host:port,...; empty for none", ()),
    "opcua_nodesets": ("Folder of OPC UA node sets: the cell is a Robotics server too; empty for none", ()),
    "record": ("Bag storage to record everything in; empty for no bag", ("", "mcap", "sqlite3")),
    "record_images": ("Whether the bag also holds the camera's raw images", BOOLEANS),
    "mqtt_port": ("Port of the simulated MQTT broker; 0 picks a free one", ()),
    "opcua_port": ("Port of the simulated OPC UA server; 0 picks a free one", ()),
    "modbus_port": ("Port of the simulated Modbus server; 0 picks a free one", ()),
    "use_sim_time": ("Whether nodes take their time from /clock", BOOLEANS),
    "tf": ("Whether robot_state_publisher runs", BOOLEANS),
    "respawn_delay_s": ("Seconds before a node that died is started again", ()),
    "log_level": ("Least severe message that nodes log", ("debug", "info", "warn", "error", "fatal")),
}


def arguments() -> list[Argument]:
    """Returns every launch argument of the cell, in order."""
    described = []
    for field in dataclasses.fields(CellArguments):
        description, choices = _DESCRIPTIONS[field.name]
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        described.append(Argument(field.name, default, description, choices))
    return described


def plan_from(given: CellArguments, share_dir: Path) -> CellPlan:
    """Returns the plan of a cell; nothing is started.

    Raises:
        WorkcellError: names file, key, value or port and the remedy.
    """
    out_dir = Path(given.out_dir).absolute()
    params_file = Path(given.params_file) if given.params_file else None
    sources = Sources(share_dir, out_dir, params_file, _overrides(given, share_dir))
    return plan_cell(sources, Shape(_left_out(given), given.composition))


def teach(plan: CellPlan, given: CellArguments) -> None:
    """Teaches the inspection those boards of the shift that it does not know yet.

    Raises:
        WorkcellError: a board image cannot be used.
    """
    if given.sim == "embedded":
        factory = BoardFactory(given.seed, boards_dir=given.boards_dir or None)
        variants = factory.variants_of(_parts_max(plan, given)) if given.duration_s > 0.0 else None
        teach_goldens(factory, plan.values["inspection"]["golden_dir"], variants=variants)


def _parts_max(plan: CellPlan, given: CellArguments) -> int:
    """Returns how many boards the infeed brings in the time the cell runs, at most."""
    world = plan.values["world"]
    events = load_scenario(world["scenario_file"]).of_kind("starved_infeed")
    # An infeed that is "starved" by less than 1 brings boards faster.
    fastest = min([1.0, *(event.magnitude for event in events)])
    return arrivals_max(InfeedConfig(interval_s=world["infeed_interval_s"]), given.duration_s, fastest)


def robot_description(share_dir: Path, sim: str) -> str:
    """Returns the cell's URDF.

    Raises:
        ConfigError: the xacro is missing or malformed.
    """
    return load_description(
        share_dir / "urdf" / "cell.urdf.xacro", {"sim": "embedded" if sim == "embedded" else "real"}
    )


def scenario_path(scenario: str, share_dir: Path) -> Path:
    """Returns the file of a scenario given by name or path.

    Raises:
        ConfigError: there is none; names those that ship.
    """
    folder = share_dir / "config" / "scenarios"
    for path in (folder / f"{scenario}.yaml", Path(scenario)):
        if path.is_file():
            return path.absolute()
    names = sorted(path.stem for path in folder.glob("*.yaml"))
    raise ConfigError("launch arguments", "scenario", f"{scenario!r} is neither a scenario nor a file", names)


def _left_out(given: CellArguments) -> frozenset[str]:
    out: set[str] = set()
    if given.sim == "none":
        out |= {"world", "plant"}
    if not given.twin:
        out.add("twin")
    if not given.console:
        out.add("console")
    if not given.historian:
        out.add("historian")
    if not given.sparkplug:
        out.add("sparkplug_edge")
    if not given.opcua_nodesets:
        out.add("opcua_server")
    if not given.record:
        out.add("recorder")
    return frozenset(out)


def _overrides(given: CellArguments, share_dir: Path) -> dict[str, dict[str, Any]]:
    scenario = str(scenario_path(given.scenario, share_dir))
    boards = _existing_folder("boards_dir", given.boards_dir)
    trace = _existing_file("trace_file", given.trace_file)
    ports = _field_ports(given) if given.transport == "network" else {}
    link = {"transport": given.transport, "time_scale": given.time_scale, **ports}
    page: dict[str, Any] = {"serve": given.page, "host": given.host, "port": given.port, "live_file": given.live_file}
    # People look in real time, however fast the cell's clock runs.
    page["refresh_period_s"] = REFRESH_PERIOD_S * max(given.time_scale, 1.0)
    world = {"scenario_file": scenario, "seed": given.seed, "boards_dir": boards, "fidelity": given.fidelity}
    is_virtual = given.transport == "memory"
    if is_virtual and not load_scenario(scenario).of_kind("node_kill"):
        # Nothing can kill the world there: it needs no state to come back from.
        world["state_file"] = ""
    return {
        "world": world,
        "plant": {"scenario_file": scenario, "seed": given.seed, "trace_file": trace, **link},
        # What the history must not miss waits in the gateway's journal until the historian has it.
        "gateway": {**link, "consumers": ["historian"]} if given.historian and ports else link,
        "inspection": {"golden_dir": str(Path(given.golden_dir).absolute())} if given.golden_dir else {},
        "policy": {"policy": given.policy},
        # Without sockets time is virtual, and stands still while a fork runs. No thread is needed there either.
        "twin": {"wait_for_fork": is_virtual, "copy_process": is_virtual and is_active()},
        "console": page,
        "historian": {"store": given.historian} if given.historian else {},
        "opcua_server": {"nodeset_dir": _existing_folder("opcua_nodesets", given.opcua_nodesets)},
        "sparkplug_edge": {"servers": given.sparkplug.split(",")} if given.sparkplug else {},
        "recorder": _recorder(given),
    }


def _recorder(given: CellArguments) -> dict[str, Any]:
    values: dict[str, Any] = {"storage": given.record} if given.record else {}
    return {**values, "excluded_topics": []} if given.record_images else values


def _field_ports(given: CellArguments) -> dict[str, int]:
    """Returns a port for each field server: the given one, checked to be free, or a free one."""
    if given.sim == "none":
        return {name: port for name in FIELD_PORTS if (port := getattr(given, name))}
    return {name: free_port(name, LOOPBACK, getattr(given, name)) for name in FIELD_PORTS}


def _existing_folder(name: str, text: str) -> str:
    if text and not Path(text).is_dir():
        raise ConfigError("launch arguments", name, f"{text!r} is no folder", "an existing folder")
    return str(Path(text).absolute()) if text else ""


def _existing_file(name: str, text: str) -> str:
    if text and not Path(text).is_file():
        raise ConfigError("launch arguments", name, f"{text!r} is no file", "an existing file")
    return str(Path(text).absolute()) if text else ""


def _parsed(name: str, text: str, kind: type) -> Any:
    choices = _DESCRIPTIONS[name][1]
    if kind is bool:
        text = text.lower()
    if choices and text not in choices:
        raise ConfigError("launch arguments", name, f"is {text!r}", choices)
    if kind is bool:
        return text == "true"
    try:
        return kind(text)
    except ValueError:
        raise ConfigError("launch arguments", name, f"is {text!r}", _KINDS[kind]) from None
