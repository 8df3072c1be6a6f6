"""The cell as an OPC UA Robotics server, so that MES, SCADA and historian see it without ROS."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from sensor_msgs.msg import JointState
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import Float64, String

from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param
from workcell_sensors.outward.opcua_feed import Feed
from workcell_sensors.outward.opcua_robotics import Identity, NamePlate, cell_space
from workcell_sensors.sources.credentials import FILE_VARIABLE
from workcell_sensors.tags import load_tags

APPLICATION = "cell"
JOINTS = [f"{name}_joint" for name in ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")]
TEMPERATURES = [f"arm/joint_{number}/temperature" for number in range(1, 7)]


@dataclass(frozen=True)
class OpcuaServerParameters:
    """Parameters of the outward OPC UA server."""

    nodeset_dir: str = param("", "Folder of the OPC UA node sets DI, Machinery and Robotics", read_only=True)
    host: str = param("127.0.0.1", "Address to listen on", read_only=True)
    port: int = param(4850, "Port to listen on", low=1, high=65535, read_only=True)
    pki_dir: str = param("out/pki", "Folder with own/, trusted/ and rejected/ certificates", read_only=True)
    users: list[str] = param([], "Names of the users' credentials; none: a viewer of its own", read_only=True)
    credentials_file: str = param(
        "", "Names and passwords of users; empty: what WORKCELL_CREDENTIALS_FILE says, if set", read_only=True
    )
    tags_file: str = param("config/tags.yaml", "The tag table", read_only=True)
    joints: list[str] = param(JOINTS, "Joint names in joint_states, in the order of the axes", read_only=True)
    temperature_tags: list[str] = param(TEMPERATURES, "Tag of each joint's motor temperature", read_only=True)
    energy_tag: str = param("cell/energy", "Tag of the energy meter; empty: none", read_only=True)
    publish_period_s: float = param(0.1, "How often new values are shown", unit="s", low=0.01, read_only=True)
    silence_s: float = param(2.0, "Silence after which a value is no longer good", unit="s", low=0.1, read_only=True)
    arm_manufacturer: str = param("Universal Robots", "The arm's name plate", read_only=True)
    arm_model: str = param("UR5e", "The arm's name plate", read_only=True)
    arm_product_code: str = param("", "The arm's name plate", read_only=True)
    arm_serial_number: str = param("", "The arm's name plate", read_only=True)
    controller_manufacturer: str = param("Universal Robots", "The controller's name plate", read_only=True)
    controller_model: str = param("", "The controller's name plate", read_only=True)
    controller_product_code: str = param("", "The controller's name plate", read_only=True)
    controller_serial_number: str = param("", "The controller's name plate", read_only=True)
    product_instance_uri: str = param("urn:workcell:instance", "Unique name of this very cell", read_only=True)
    software_revision: str = param("0.1.0", "Version of the cell's software", read_only=True)


class OpcuaServerNode(WorkcellNode[OpcuaServerParameters]):
    """Passes what the cell says on its topics to the `Feed`, and the feed's changes to the server."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("opcua_server", OpcuaServerParameters, **kwargs)
        self._server: Any = None
        self._own_timers: list[Any] = []
        self._inputs: list[Any] = []
        self.add_status_source(self._statuses)

    def configure(self) -> None:
        """Reads node sets, tag table and users, and makes the server."""
        # Late: the library takes its time to load, and only this node needs its server.
        from workcell_sensors.outward.opcua_access import Access
        from workcell_sensors.outward.opcua_server import CellServer, node_set_files
        from workcell_sensors.outward.opcua_users import load_passwords
        from workcell_sensors.sources.opcua_pki import Pki

        values = self.values
        node_sets = node_set_files(values.nodeset_dir)
        table = load_tags(values.tags_file)
        pki = Pki(Path(values.pki_dir))
        own = pki.own(APPLICATION, (values.host,))
        password_file = Path(values.pki_dir) / "own" / APPLICATION / "viewer.password"
        credentials_file = values.credentials_file or os.environ.get(FILE_VARIABLE, "")
        passwords = load_passwords(values.users, credentials_file, os.environ, password_file)
        if not values.users:
            self.get_logger().info(f"OPC UA clients log in as viewer with the password in {password_file}")
        temperatures = dict(zip(values.joints, values.temperature_tags, strict=False))
        self._feed = Feed(values.joints, temperatures, values.energy_tag, table.tags, values.silence_s)
        url = f"opc.tcp://{values.host}:{values.port}/"
        space = cell_space(self._identity(), table)
        self._server = CellServer(url, space, Access(pki, own, passwords), node_sets)

    def activate(self) -> None:
        """Listens to the cell and lets clients in."""
        self._server.start()
        self._feed.start("pick, inspect, place", self.now_ns())
        subscribe = self.create_subscription
        self._inputs = [
            subscribe(JointState, "joint_states", self._on_joints, qos.SENSOR_DATA),
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(String, "cell/state", self._on_cell_state, qos.STATE),
            subscribe(String, "world/robot_state", self._on_robot_state, qos.STATE),
            subscribe(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI),
            subscribe(
                Float64, "speed_scaling_state_broadcaster/speed_scaling", self._on_speed_scaling, qos.SENSOR_DATA
            ),
        ]
        self._own_timers = [self.create_timer(self.values.publish_period_s, self._show)]

    def deactivate(self) -> None:
        """Stops listening and takes leave of the clients."""
        for timer in self._own_timers:
            self.destroy_timer(timer)
        for subscription in self._inputs:
            self.destroy_subscription(subscription)
        self._own_timers, self._inputs = [], []
        self._server.stop()

    def cleanup(self) -> None:
        """Lets the server go."""
        self._server = None

    def _identity(self) -> Identity:
        values = self.values
        return Identity(
            NamePlate(values.arm_manufacturer, values.arm_model, values.arm_product_code, values.arm_serial_number),
            NamePlate(
                values.controller_manufacturer,
                values.controller_model,
                values.controller_product_code,
                values.controller_serial_number,
            ),
            values.software_revision,
            values.product_instance_uri,
            tuple(values.joints),
        )

    def _on_joints(self, message: Any) -> None:
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        self._feed.joint_states(message.name, message.position, message.velocity, stamp_ns, self.now_ns())
        self.activity.note(self.now_ns())

    def _on_readings(self, message: Any) -> None:
        cells = [(group.values[0], int(group.values[1])) for group in message.interface_values]
        values, qualities = zip(*cells, strict=True) if cells else ((), ())
        self._feed.readings(message.interface_groups, values, qualities, convert.stamp_to_ns(message.header.stamp))

    def _on_cell_state(self, message: Any) -> None:
        self._feed.cell_state(message.data, self.now_ns())

    def _on_robot_state(self, message: Any) -> None:
        self._feed.robot_state(message.data, self.now_ns())

    def _on_speed_scaling(self, message: Any) -> None:
        self._feed.speed_scaling(message.data, self.now_ns())

    def _on_metric(self, message: Any) -> None:
        if message.statistics:
            stamp_ns = convert.stamp_to_ns(message.window_stop)
            self._feed.metric(
                message.measurement_source_name, message.metrics_source, message.statistics[0].data, stamp_ns
            )

    def _show(self) -> None:
        if not self._server.is_busy:
            self._server.show(self._feed.changes(self.now_ns()))

    def _statuses(self) -> Iterable[Any]:
        if self._server is None or not self.is_active:
            return
        values = {"clients": self._server.clients, "refused": self._server.refused, "ignored": self._feed.ignored}
        level = convert.WARN if self._server.refused else convert.OK
        yield self.status("server", level, f"serving on {self.values.host}:{self.values.port}", **values)


def main(args: list[str] | None = None) -> None:
    """Runs the outward OPC UA server."""
    run_node(OpcuaServerNode, args)


if __name__ == "__main__":
    main()
