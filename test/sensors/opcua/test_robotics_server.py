"""The cell's server, walked by a plain client: every mandatory component of the node sets' types, and who gets in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncua.ua
import pytest
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.ua.uaerrors import UaError
from conformance import Inspector

from workcell_ros.errors import ConfigError
from workcell_sensors.outward.opcua_access import Access
from workcell_sensors.outward.opcua_feed import Feed
from workcell_sensors.outward.opcua_robotics import (
    Identity,
    NamePlate,
    axis_path,
    cell_space,
    kpi_path,
    motor_path,
    reading_path,
    safety_path,
)
from workcell_sensors.outward.opcua_server import CellServer, node_set_files
from workcell_sensors.outward.opcua_space import CELL, DI, MACHINERY, ROBOTICS
from workcell_sensors.sources.opcua_pki import Pki
from workcell_sensors.sources.opcua_units import UNITS_URI, unit_id_of
from workcell_sensors.tags import load_tags
from workcell_sim.plant.servers.server import free_port

ua: Any = asyncua.ua
TABLE = load_tags(Path(__file__).parents[3] / "config" / "tags.yaml")
JOINTS = ("shoulder_pan_joint", "elbow_joint")
PASSWORD = "correct horse"
PLATE = NamePlate("Universal Robots", "UR5e", "UR5e", "20265500001")
POLICIES = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}

Task = Callable[[Client], Coroutine[Any, Any, Any]]


class Stage:
    """A running server, and clients to look at it with."""

    def __init__(self, folder: Path, nodeset_dir: str) -> None:
        self.folder = folder
        self.port = free_port()
        pki = Pki(folder / "server")
        own = pki.own("cell")
        self.friend = Pki(folder / "friend").own("mes")
        self.stranger = Pki(folder / "stranger").own("mes")
        pki.trusted.mkdir(parents=True)
        (pki.trusted / "mes.der").write_bytes(self.friend.certificate.read_bytes())
        identity = Identity(PLATE, PLATE, "0.1.0", "urn:workcell:test", JOINTS)
        self.server = CellServer(
            f"opc.tcp://127.0.0.1:{self.port}/",
            cell_space(identity, TABLE),
            Access(pki, own, {"viewer": PASSWORD}),
            node_set_files(nodeset_dir),
        )
        self.feed = Feed(JOINTS, {JOINTS[0]: "arm/joint_1/temperature"}, "cell/energy", TABLE.tags, 2.0)

    def show(self) -> None:
        """Lets the cell say everything it can."""
        now_ns = time.time_ns()
        self.feed.start("pick, inspect, place", now_ns)
        for step in (0, 1):
            stamp_ns = now_ns + step * 50_000_000
            self.feed.joint_states(JOINTS, [0.5, -0.5], [0.1 * step, 0.2], stamp_ns, now_ns)
        self.feed.robot_state("normal", now_ns)
        self.feed.cell_state("pick", now_ns)
        self.feed.speed_scaling(0.6, now_ns)
        self.feed.readings(TABLE.tags, [300.0] * len(TABLE), [0] * len(TABLE), now_ns)
        self.feed.metric("shift", "oee", 0.75, now_ns)
        self.server.show(self.feed.changes(now_ns))

    def look(self, task: Task, **client: Any) -> Any:
        """Runs a task with a client connected."""

        async def run() -> Any:
            async with self.connected(**client) as connected:
                return await task(connected)

        return asyncio.run(run())

    @asynccontextmanager
    async def connected(
        self,
        user: str = "viewer",
        password: str = PASSWORD,
        own: Any = None,
        policy: str = "Basic256Sha256",
        mode: str = "SignAndEncrypt",
    ) -> AsyncIterator[Client]:
        client = Client(f"opc.tcp://127.0.0.1:{self.port}/", timeout=10.0)
        own = own or self.friend
        client.application_uri = own.application_uri
        if policy:
            await client.set_security(
                POLICIES[policy], own.certificate, own.key, mode=getattr(ua.MessageSecurityMode, mode)
            )
        if user:
            client.set_user(user)
            client.set_password(password)
        async with client:
            yield client


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory, nodeset_dir: str) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("robotics"), nodeset_dir)
    made.server.start()
    made.show()
    yield made
    made.server.stop()


async def node_of(client: Client, path: str) -> Any:
    return client.get_node(ua.StringNodeId(path, await client.get_namespace_index(CELL)))


def test_every_mandatory_component_of_the_types_is_there(stage: Stage) -> None:
    async def walk(client: Client) -> Inspector:
        inspector = Inspector(client)
        for path in ("RobotSystem", "Workcell"):
            await inspector.inspect(await node_of(client, path), path)
        return inspector

    inspector: Inspector = stage.look(walk)
    assert inspector.problems == []
    found = inspector.checked
    wanted = {
        "MotionDeviceSystemType",
        "MotionDeviceType",
        "AxisType",
        "PowerTrainType",
        "MotorType",
        "ControllerType",
        "SoftwareType",
        "TaskControlType",
        "UserType",
        "SafetyStateType",
        "MachineIdentificationType",
    }
    assert wanted <= found.keys()
    assert sum(found.values()) > 60


def test_it_hangs_where_the_specifications_say(stage: Stage) -> None:
    async def places(client: Client) -> list[list[str]]:
        found = []
        for uri, number in ((DI, 5001), (MACHINERY, 1001)):
            parent = client.get_node(ua.NodeId(number, await client.get_namespace_index(uri)))
            found.append([str((await child.read_browse_name()).Name) for child in await parent.get_children()])
        return found

    in_device_set, in_machines = stage.look(places)
    assert "RobotSystem" in in_device_set
    assert "Workcell" in in_machines


def test_controller_task_and_axes_refer_to_what_they_move(stage: Stage) -> None:
    async def targets(client: Client) -> list[set[str]]:
        robotics = await client.get_namespace_index(ROBOTICS)
        found = []
        for path, number in (
            ("RobotSystem.Controllers.Controller", 4002),
            ("RobotSystem.Controllers.Controller", 18182),
            (f"RobotSystem.MotionDevices.Arm.Axes.{JOINTS[0]}", 18179),
            (f"RobotSystem.MotionDevices.Arm.PowerTrains.PowerTrain_{JOINTS[0]}", 18178),
        ):
            node = await node_of(client, path)
            nodes = await node.get_referenced_nodes(
                refs=ua.NodeId(number, robotics), direction=ua.BrowseDirection.Forward
            )
            found.append({str((await each.read_browse_name()).Name) for each in nodes})
        return found

    assert stage.look(targets) == [{"Arm"}, {"SafetyState"}, {f"PowerTrain_{JOINTS[0]}"}, {JOINTS[0]}]


def test_values_come_with_unit_time_and_status(stage: Stage) -> None:
    async def read(client: Client) -> dict[str, Any]:
        found = {}
        for path in (
            axis_path(JOINTS[0], "ActualPosition"),
            axis_path(JOINTS[0], "ActualAcceleration"),
            motor_path(JOINTS[0]),
            motor_path(JOINTS[1]),
            safety_path("ProtectiveStop"),
            reading_path("gripper/vacuum"),
            kpi_path("shift", "oee"),
            kpi_path("cycle", "cycle_time"),
        ):
            node = await node_of(client, path)
            found[path] = await node.read_data_value(raise_on_bad_status=False)
        unit = await (await node_of(client, f"{axis_path(JOINTS[0], 'ActualSpeed')}.EngineeringUnits")).read_value()
        found["unit"] = unit
        return found

    found = stage.look(read)
    assert found[axis_path(JOINTS[0], "ActualPosition")].Value.Value == 0.5
    assert found[axis_path(JOINTS[0], "ActualAcceleration")].Value.Value == pytest.approx(2.0)
    assert found[motor_path(JOINTS[0])].Value.Value == 300.0
    assert found[safety_path("ProtectiveStop")].Value.Value is False
    assert found[reading_path("gripper/vacuum")].SourceTimestamp is not None
    assert found[kpi_path("shift", "oee")].Value.Value == 0.75
    # What the cell has not told is no number.
    for path in (motor_path(JOINTS[1]), kpi_path("cycle", "cycle_time")):
        assert found[path].StatusCode.value == ua.StatusCodes.BadWaitingForInitialData
    assert (found["unit"].NamespaceUri, found["unit"].UnitId) == (UNITS_URI, unit_id_of("rad/s"))
    assert stage.server.refused == 0


@pytest.mark.parametrize("mode", ["Sign", "SignAndEncrypt"])
@pytest.mark.parametrize("policy", sorted(POLICIES))
def test_every_policy_serves_a_known_user(stage: Stage, policy: str, mode: str) -> None:
    async def state(client: Client) -> Any:
        return await (await node_of(client, "Cell.State")).read_value()

    assert stage.look(state, policy=policy, mode=mode) == "pick"


@pytest.mark.parametrize(
    "client",
    [
        {"user": ""},
        {"password": "wrong"},
        {"user": "nobody"},
        {"policy": ""},
    ],
    ids=["anonymous", "wrong password", "unknown user", "no security"],
)
def test_nobody_else_gets_in(stage: Stage, client: dict[str, Any]) -> None:
    async def nothing(_: Client) -> None:
        return None

    with pytest.raises((UaError, OSError, TimeoutError)):
        stage.look(nothing, **client)


def test_an_unknown_client_is_refused_and_kept_for_a_person_to_trust(stage: Stage) -> None:
    async def nothing(_: Client) -> None:
        return None

    with pytest.raises((UaError, OSError, TimeoutError)):
        stage.look(nothing, own=stage.stranger)
    rejected = [path.read_bytes() for path in (stage.folder / "server" / "rejected").iterdir()]
    assert rejected == [stage.stranger.certificate.read_bytes()]


def test_nobody_may_write(stage: Stage) -> None:
    async def write(client: Client) -> None:
        node = await node_of(client, axis_path(JOINTS[0], "ActualPosition"))
        await node.write_value(ua.DataValue(ua.Variant(9.9, ua.VariantType.Double)))

    with pytest.raises(UaError):
        stage.look(write)


def test_missing_node_sets_are_named_with_their_source(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Opc\.Ua\.Di\.NodeSet2\.xml.*github\.com/OPCFoundation/UA-Nodeset"):
        node_set_files(str(tmp_path))
