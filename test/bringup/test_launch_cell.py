"""`cell.launch.py` brings the whole cell up on either runtime: its graph, its parts, its end.

On the embedded runtime in virtual time; where a ROS 2 is sourced in real time, with a process for each node and the
real protocols. What the cell is asked for from outside is asked by a program of its own, `probe.py`.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchDescription, LaunchService
from launch.actions import EmitEvent, IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch_ros.actions import Node
from ros_domain import apart

from workcell_console.graph.endpoints import KINDS, Endpoints, endpoints_from
from workcell_console.graph.node_docs import render
from workcell_console.graph.optional import OPTIONAL
from workcell_console.graph.security import allowed_by, policy_of
from workcell_ros.registry import NODES
from workcell_sim.embedded import activate

EMBEDDED = activate()
ROOT = Path(__file__).resolve().parents[2]
PROBE = Path(__file__).with_name("probe.py")
ON_DEMAND = {*OPTIONAL, "gazebo_world"}
MANAGED = [name for name in NODES if name not in ON_DEMAND]

SENSOR = ("BEST_EFFORT", "VOLATILE", 5)
LATCHED = ("RELIABLE", "TRANSIENT_LOCAL", 1)


def reliable(depth: int) -> tuple[str, str, int]:
    return ("RELIABLE", "VOLATILE", depth)


def latched(depth: int) -> tuple[str, str, int]:
    return ("RELIABLE", "TRANSIENT_LOCAL", depth)


@dataclass(frozen=True)
class Row:
    """A topic of the table in docs/design.md."""

    name: str
    type: str
    qos: tuple[str, str, int]
    publisher: str


TABLE = (
    Row("joint_states", "sensor_msgs/msg/JointState", SENSOR, "world"),
    Row("world/robot_state", "std_msgs/msg/String", LATCHED, "world"),
    Row("camera/image_raw", "sensor_msgs/msg/Image", SENSOR, "world"),
    Row("camera/camera_info", "sensor_msgs/msg/CameraInfo", SENSOR, "world"),
    Row("readings", "control_msgs/msg/DynamicInterfaceGroupValues", reliable(100), "gateway"),
    Row("diagnostics", "diagnostic_msgs/msg/DiagnosticArray", reliable(100), "lifecycle_manager"),
    Row("inspection/detections", "vision_msgs/msg/Detection2DArray", reliable(10), "inspection"),
    Row("inspection/annotated/compressed", "sensor_msgs/msg/CompressedImage", SENSOR, "inspection"),
    Row("cell/state", "std_msgs/msg/String", LATCHED, "cell"),
    Row("cell/kpi", "statistics_msgs/msg/MetricsMessage", latched(200), "cell"),
    Row("policy/proposals", "rcl_interfaces/msg/ParameterEvent", reliable(100), "policy"),
    Row("policy/explanations", "diagnostic_msgs/msg/DiagnosticArray", reliable(100), "policy"),
    Row("twin/forecasts", "diagnostic_msgs/msg/DiagnosticArray", reliable(100), "twin"),
    Row("governor/verdicts", "diagnostic_msgs/msg/DiagnosticArray", latched(200), "governor"),
    Row("world/audit", "vision_msgs/msg/Detection2DArray", latched(500), "world"),
    Row("plant/signals", "control_msgs/msg/DynamicInterfaceGroupValues", reliable(20), "world"),
    Row("plant/field", "control_msgs/msg/DynamicInterfaceGroupValues", reliable(20), "plant"),
)
ACTIONS = {
    "joint_trajectory_controller/follow_joint_trajectory": "control_msgs/action/FollowJointTrajectory",
    "gripper_controller/gripper_cmd": "control_msgs/action/GripperCommand",
}
SERVICES = ("inspection/inspect", "world/reset_protective_stop")
SHARED_TOPICS = {"/parameter_events", "/rosout", "/tf", "/tf_static", "/clock"}
"""What every ROS system has under an absolute name; all else of a cell lies in its namespace."""


@dataclass(frozen=True)
class Seen:
    """What a run of the cell left."""

    code: int
    exits: dict[str, int]
    probe: dict[str, Any]
    out_dir: Path
    namespace: str

    def topic(self, name: str) -> Any:
        return self.probe["topics"][f"{self.namespace}/{name}"]


def bring_up(folder: Path, namespace: str) -> Seen:
    """Runs the launch file until the probe has seen enough, then has everything shut down."""
    arguments = {
        "out_dir": str(folder / "out"),
        "namespace": namespace,
        "composition": "node",
        "enclaves": "true",
        "transport": "memory" if EMBEDDED else "network",
        "page": "false" if EMBEDDED else "true",
        "port": "0",
        "log_level": "warn",
    }
    exits: dict[str, int] = {}
    probe = Node(
        executable=sys.executable,
        arguments=[str(PROBE), str(folder / "seen.json")],
        exec_name="probe",
        namespace=namespace,
        output="screen",
        on_exit=EmitEvent(event=Shutdown(reason="the probe has seen enough")),
    )
    source = AnyLaunchDescriptionSource(str(Path(get_package_share_directory("workcell")) / "launch/cell.launch.py"))
    cell = IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))
    watch = RegisterEventHandler(
        OnProcessExit(on_exit=lambda event, _context: exits.update({event.process_name: event.returncode}))
    )
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([*apart(EMBEDDED), watch, cell, probe]))
    code = service.run()
    seen = json.loads((folder / "seen.json").read_text(encoding="utf-8"))
    return Seen(code, exits, seen, folder / "out", f"/{namespace}" if namespace else "")


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """One run of the cell in a namespace, looked at by all tests here."""
    try:
        get_package_share_directory("workcell")
    except PackageNotFoundError:
        pytest.skip("workcell is not built in the sourced ROS 2 workspace")
    folder = tmp_path_factory.mktemp("cell")
    if not EMBEDDED:
        yield bring_up(folder, "line_1")
        return
    from workcell_sim.embedded._kernel import Kernel

    with Kernel(clock="virtual"):
        yield bring_up(folder, "line_1")


def test_good_parts_are_made(cell: Seen) -> None:
    assert cell.probe["verdicts"].count(0.0) >= 2
    assert "accept" in cell.probe["audited"]


def test_every_node_is_there_and_active(cell: Seen) -> None:
    assert {"probe", "lifecycle_manager", "robot_state_publisher", *MANAGED} == set(cell.probe["nodes"])
    assert cell.probe["states"] == {f"{cell.namespace}/{name}": "active" for name in MANAGED}


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_the_graph_is_as_designed(cell: Seen, row: Row) -> None:
    topic = cell.topic(row.name)
    assert topic["types"] == [row.type]
    (publisher,) = [item for item in topic["publishers"] if item["node"] == row.publisher]
    reliability, durability, depth = row.qos
    assert (publisher["reliability"], publisher["durability"]) == (reliability, durability)
    # Not every middleware tells the depth of a remote queue.
    assert publisher["depth"] in (depth, None)


def seen_endpoints(cell: Seen) -> dict[str, Endpoints]:
    return endpoints_from(cell.probe["graph"], cell.namespace)


def test_the_security_policy_allows_each_node_what_it_uses_and_says_nothing_of_others(cell: Seen) -> None:
    graph = seen_endpoints(cell)
    allowed = allowed_by((ROOT / "security" / "policy.xml").read_text(encoding="utf-8"))
    for node, endpoints in graph.items():
        for kind in KINDS:
            outside = [
                name
                for name in getattr(endpoints, kind)
                if not any(fnmatch(name, pattern) for pattern in allowed[node][kind])
            ]
            assert (node, kind, outside) == (node, kind, [])
    assert set(allowed) == set(graph) | set(OPTIONAL)


@pytest.mark.embedded("the page is written from this runtime; DDS has another order")
def test_the_page_of_all_nodes_is_that_of_the_running_cell(cell: Seen) -> None:
    graph = seen_endpoints(cell) | dict(OPTIONAL)
    for file, text in (("docs/nodes.md", render(graph)), ("security/policy.xml", policy_of(graph))):
        stale = f"{file} is stale: run `workcell nodes --docs`"
        assert (ROOT / file).read_text(encoding="utf-8") == text, stale


def test_every_node_tells_how_it_is(cell: Seen) -> None:
    assert {item["node"] for item in cell.topic("diagnostics")["publishers"]} == {"lifecycle_manager", *MANAGED}


def test_the_table_is_that_of_the_document(cell: Seen) -> None:
    section = (
        (ROOT / "docs" / "design.md").read_text(encoding="utf-8").partition("## The graph")[2].partition("\n## ")[0]
    )
    names = [row.name for row in TABLE] + list(ACTIONS) + list(SERVICES)
    assert [name for name in names if f"`{name}`" not in section] == []


def test_actions_and_services_are_as_designed(cell: Seen) -> None:
    for name, kind in ACTIONS.items():
        assert cell.probe["actions"][f"{cell.namespace}/{name}"] == [kind]
    for name in SERVICES:
        assert cell.probe["services"][f"{cell.namespace}/{name}"] == ["std_srvs/srv/Trigger"]


def test_nothing_lies_outside_the_namespace(cell: Seen) -> None:
    topics = set(cell.probe["topics"]) - SHARED_TOPICS
    strays = [name for name in (*topics, *cell.probe["services"]) if not name.startswith(f"{cell.namespace}/")]
    assert strays == []


def test_parameters_are_refused_outside_their_range(cell: Seen) -> None:
    successful, reason = cell.probe["refused"]
    assert not successful
    assert "speed_scale" in reason
    assert cell.probe["accepted"][0]


def test_the_end_is_clean(cell: Seen) -> None:
    assert cell.code == 0
    assert len(cell.exits) == len(MANAGED) + 3
    assert set(cell.exits.values()) == {0}
    results = json.loads((cell.out_dir / "results.json").read_text(encoding="utf-8"))
    assert results["summary"]["good_parts"] >= 2


@pytest.mark.ros
def test_the_package_is_installed_where_ros_looks(cell: Seen) -> None:
    share = Path(get_package_share_directory("workcell"))
    for file in ("package.xml", "launch/cell.launch.py", "config/cell.yaml", "urdf/cell.urdf.xacro"):
        assert (share / file).is_file()
    assert importlib.util.find_spec("rclpy._rclpy_pybind11") is not None
