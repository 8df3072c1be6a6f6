"""The launch arguments of a whole cell: what they mean, and what follows from them. Pure."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workcell_control.execution.drivers import DRIVERS
from workcell_control.policy.registry import POLICIES
from workcell_control.policy.stages.stage import Stage
from workcell_ros.arguments import Argument
from workcell_ros.config import check_keys
from workcell_ros.errors import ConfigError
from workcell_ros.plan import COMPOSITIONS

LOOPBACK = "127.0.0.1"
BOOLEANS = ("true", "false")
SIMS = ("embedded", "gazebo", "mock", "real")
NO_POLICY = "off"
RECORDINGS = ("", "false", "true", "mcap", "sqlite3", "black_box")
DRIVER_OF = {"embedded": "embedded", "gazebo": "embedded", "mock": "mock", "real": "universal_robots"}
"""Which driver moves the arm where `arm_driver` names none."""
_NAMESPACE = re.compile(r"/?([A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*)?")
_KINDS = {int: "a whole number", float: "a number"}


@dataclass(frozen=True)
class CellArguments:
    """One field per launch argument; `arguments` gives descriptions and choices."""

    sim: str = "embedded"
    robot: str = "ur5e"
    station: str = ""
    calibration: str = ""
    robot_ip: str = "192.168.56.101"
    arm: bool = True
    arm_driver: str = ""
    use_mock_hardware: bool = False
    gripper: bool = True
    commissioning: bool = False
    scenario: str = "calm"
    seed: int = 1
    duration_s: float = 0.0
    policy: str = "reflex"
    policy_file: str = ""
    policy_stage: str = ""
    policy_learned_file: str = ""
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
    enclaves: bool = False
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

    @property
    def is_simulated(self) -> bool:
        """Whether parts and field devices are simulated."""
        return self.sim != "real" or self.use_mock_hardware

    @property
    def has_sim_time(self) -> bool:
        """Whether nodes take their time from /clock, which Gazebo always tells."""
        return self.use_sim_time or self.sim == "gazebo"

    @property
    def has_world(self) -> bool:
        """Whether the world node is part of the cell: Gazebo is a world of its own."""
        return self.is_simulated and self.sim != "gazebo"

    @property
    def is_mirrored(self) -> bool:
        """Whether the world follows an arm that another driver moves."""
        return self.has_world and self.sim != "embedded"

    @property
    def has_valve(self) -> bool:
        """Whether the gripper hangs on an output of the arm, and is no controller of its own."""
        return self.sim == "real" and self.gripper

    @property
    def driver(self) -> str:
        """Kind of the arm's driver."""
        kind = self.arm_driver or DRIVER_OF[self.sim]
        return f"{kind}_mock" if self.use_mock_hardware and f"{kind}_mock" in DRIVERS else kind

    @property
    def hardware(self) -> str:
        """What moves the arm, as the robot description has it."""
        is_started_here = self.sim == "real" and self.arm and self.driver.startswith("universal_robots")
        return "universal_robots" if is_started_here else self.sim

    @property
    def storage(self) -> str:
        """Storage of the bag, empty for no recording."""
        return {"false": "", "true": "mcap", "black_box": "mcap"}.get(self.record, self.record)


_DESCRIPTIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "sim": (
        "Where arm, camera and field devices come from: embedded (MuJoCo), gazebo, mock (ros2_control's mock hardware "
        "moves the arm, all else is simulated) or real",
        SIMS,
    ),
    "robot": ("The arm: {robots}, or a parameter file like those in urdf/", ()),
    "station": ("Station file; empty: config/station_<robot>.yaml, or config/station.yaml where there is none", ()),
    "calibration": ("Measured kinematics of this arm, as its maker's calibration tool writes them; empty: nominal", ()),
    "robot_ip": ("Address of the arm's controller (sim:=real)", ()),
    "arm": ("Whether the arm's driver is started too (mock, real); false: it runs already", BOOLEANS),
    "arm_driver": (
        "Kind of the arm's driver, see config/arm_drivers.yaml; empty: the one that `sim` stands for",
        ("", *DRIVERS),
    ),
    "use_mock_hardware": ("Start a real arm's driver on mock hardware, and simulate all else", BOOLEANS),
    "gripper": (
        "Whether suction hangs on an output of the arm (sim:=real); false: gripper_controller is there already",
        BOOLEANS,
    ),
    "commissioning": ("Move at reduced speed, and ask before the first motion of each kind", BOOLEANS),
    "scenario": ("Disturbances of the simulated shift: a name in config/scenarios or a YAML file", ()),
    "seed": ("Seed of everything random in the simulated cell", ()),
    "duration_s": ("Seconds that the cell will run: only boards that come by then are taught; 0 teaches all", ()),
    "policy": ("Who proposes parameters; off: nobody", (*POLICIES, NO_POLICY)),
    "policy_file": ("A policy of your own: the ONNX file of policy:=onnx", ()),
    "policy_stage": (
        "How far the policy is trusted at the start; empty: live for reflex and fixed, shadow for all others",
        ("", *(stage.name.lower() for stage in Stage)),
    ),
    "policy_learned_file": ("Where the policy keeps what it learned, and finds it again; empty keeps nothing", ()),
    "fidelity": ("The simulated arm: mujoco (dynamics) or kinematic (exact follower, faster)", ("mujoco", "kinematic")),
    "transport": ("How field data flows: network (MQTT, OPC UA, Modbus servers) or memory", ("network", "memory")),
    "time_scale": ("Seconds of the cell's clock per second of real time", ()),
    "composition": ("Processes: one per Python package, one per node, or a single one", COMPOSITIONS),
    "namespace": ("Namespace of every node, so that cells can run side by side", ()),
    "params_file": ("Further parameter file laid over config/cell.yaml", ()),
    "out_dir": ("Folder for ledger, audit log, results and the page's address; one running cell's alone", ()),
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
    "record": (
        "Bag of everything: true (MCAP) or its storage; black_box: of the time around faults; empty, false: none",
        RECORDINGS,
    ),
    "record_images": ("Whether the bag also holds the camera's raw images", BOOLEANS),
    "mqtt_port": ("Port of the simulated MQTT broker; 0 picks a free one", ()),
    "opcua_port": ("Port of the simulated OPC UA server; 0 picks a free one", ()),
    "modbus_port": ("Port of the simulated Modbus server; 0 picks a free one", ()),
    "use_sim_time": ("Whether nodes take their time from /clock", BOOLEANS),
    "tf": ("Whether robot_state_publisher runs", BOOLEANS),
    "respawn_delay_s": ("Seconds before a node that died is started again", ()),
    "enclaves": ("Whether each node runs in its SROS 2 enclave, /workcell/<node>; needs composition:=node", BOOLEANS),
    "log_level": ("Least severe message that nodes log", ("debug", "info", "warn", "error", "fatal")),
}


def arguments(share_dir: Path) -> list[Argument]:
    """Returns every launch argument of the cell, in order."""
    described = []
    for field in dataclasses.fields(CellArguments):
        description, choices = _DESCRIPTIONS[field.name]
        default = str(field.default).lower() if isinstance(field.default, bool) else str(field.default)
        text = description.format(robots=", ".join(robots(share_dir))) if field.name == "robot" else description
        described.append(Argument(field.name, default, text, choices))
    return described


def robots(share_dir: Path) -> list[str]:
    """Returns the arms whose parameters ship."""
    return sorted(path.stem for path in (share_dir / "urdf").glob("*.yaml"))


def arm_path(robot: str, share_dir: Path) -> Path:
    """Returns the parameter file of an arm given by name or path.

    Raises:
        ConfigError: there is none; names those that ship.
    """
    for path in (share_dir / "urdf" / f"{robot}.yaml", Path(robot)):
        if path.is_file():
            return path.absolute()
    valid = [*robots(share_dir), "a file like those"]
    raise ConfigError("launch arguments", "robot", f"{robot!r} is neither an arm nor a file", valid)


def station_path(given: CellArguments, share_dir: Path) -> Path:
    """Returns the station file: the given one, the arm's own, or the one for all.

    Raises:
        ConfigError: the given file does not exist.
    """
    if given.station:
        return Path(existing_file("station", given.station))
    own = share_dir / "config" / f"station_{Path(given.robot).stem}.yaml"
    return own if own.is_file() else share_dir / "config" / "station.yaml"


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


def existing_folder(name: str, text: str) -> str:
    """Returns the absolute path of an argument's folder, empty where none is given.

    Raises:
        ConfigError: it is no folder.
    """
    if text and not Path(text).is_dir():
        raise ConfigError("launch arguments", name, f"{text!r} is no folder", "an existing folder")
    return str(Path(text).absolute()) if text else ""


def existing_file(name: str, text: str) -> str:
    """Returns the absolute path of an argument's file, empty where none is given.

    Raises:
        ConfigError: it is no file.
    """
    if text and not Path(text).is_file():
        raise ConfigError("launch arguments", name, f"{text!r} is no file", "an existing file")
    return str(Path(text).absolute()) if text else ""


def _parsed(name: str, text: str, kind: type) -> Any:
    choices = _DESCRIPTIONS[name][1]
    if kind is bool:
        text = text.lower()
    if choices and text not in choices:
        raise ConfigError("launch arguments", name, f"is {text!r}", choices)
    if name == "namespace" and not _NAMESPACE.fullmatch(text):
        valid = "letters, digits and _ in parts with / between them, none of which begins with a digit"
        raise ConfigError("launch arguments", name, f"is {text!r}", valid)
    if kind is bool:
        return text == "true"
    try:
        return kind(text)
    except ValueError:
        raise ConfigError("launch arguments", name, f"is {text!r}", _KINDS[kind]) from None
