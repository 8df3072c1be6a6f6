"""The simulated plant: turns the world's signals into what field devices show, on real servers or in memory."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue

from workcell_ros import convert, qos
from workcell_ros.errors import WorkcellError
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param
from workcell_sensors.reading import FloatArray
from workcell_sensors.tags import load_tags
from workcell_sim.plant.devices import DeviceScan, SignalBoard, make_scans
from workcell_sim.plant.faults import KILL, STALL, DeviceFault, FaultPlan
from workcell_sim.plant.servers.server import FieldServer, Update
from workcell_sim.plant.trace import Trace, load_trace
from workcell_sim.world.scenario import load_scenario
from workcell_sim.world.signals import SHIFT_TIME

MEMORY = "memory"
NETWORK = "network"
NS_PER_S = 1_000_000_000
SIGNALS_AGE_MAX_S = 0.5
"""A device that hung must not show what it last saw as if it were new."""
ENDLESS_S = 86_400.0
"""How long a fault without an end lasts, wall clock."""


@dataclass(frozen=True)
class PlantParameters:
    """Parameters of the plant."""

    tags_file: str = param("config/tags.yaml", "The tag table", read_only=True)
    transport: str = param(
        MEMORY, "Where devices show their numbers: plant/field, or servers", choices=(MEMORY, NETWORK), read_only=True
    )
    host: str = param("127.0.0.1", "Where the servers listen", read_only=True)
    mqtt_port: int = param(0, "MQTT broker; 0: a free port", low=0, high=65535, read_only=True)
    opcua_port: int = param(0, "OPC UA server; 0: a free port", low=0, high=65535, read_only=True)
    modbus_port: int = param(0, "Modbus TCP server; 0: a free port", low=0, high=65535, read_only=True)
    scenario_file: str = param("", "Disturbances; empty: none", read_only=True)
    trace_file: str = param("", "Recorded field data in place of the arm's signals; empty: none", read_only=True)
    seed: int = param(0, "Seed of the devices' noise", low=0, read_only=True)
    time_scale: float = param(1.0, "Seconds of the cell's clock per wall second", low=0.01, read_only=True)


class _Device:
    """A device scan with its noise, its schedule and its part of the message."""

    def __init__(self, scan: DeviceScan, rng: np.random.Generator, tick_s: float) -> None:
        self.scan = scan
        self.rng = rng
        self.cells = InterfaceValue(interface_names=list(scan.addresses), values=[0.0] * len(scan.addresses))
        self._period_ns = round(scan.period_s * NS_PER_S)
        # A tick that comes a little early is still the one that was meant.
        self._slack_ns = round(0.5 * tick_s * NS_PER_S)
        self._due_ns = 0

    def is_due(self, now_ns: int) -> bool:
        """Whether its period has passed; then the next one begins. Scans missed in a stall are not made up for."""
        if now_ns + self._slack_ns < self._due_ns:
            return False
        on_time = now_ns - self._due_ns < self._period_ns
        self._due_ns = (self._due_ns if on_time else now_ns) + self._period_ns
        return True


class PlantNode(WorkcellNode[PlantParameters]):
    """Wires the device models to `plant/field` or to the servers."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("plant", PlantParameters, **kwargs)
        self._field_pub = self.create_publisher(DynamicInterfaceGroupValues, "plant/field", qos.reliable(20))
        self._message = DynamicInterfaceGroupValues()
        self._servers: dict[str, FieldServer] = {}
        self.add_status_source(self._server_statuses)

    def configure(self) -> None:
        """Loads tags, scenario and trace, and starts the servers."""
        values = self.values
        self._table = load_tags(values.tags_file)
        self._board = SignalBoard(self._table)
        self._plan = FaultPlan(load_scenario(values.scenario_file) if values.scenario_file else None)
        self._trace: Trace | None = load_trace(values.trace_file) if values.trace_file else None
        self._scans = make_scans(self._table)
        if values.transport == NETWORK:
            self._start_servers()

    def activate(self) -> None:
        """Starts the devices."""
        self._start_ns: int | None = None
        self._signals_ns = 0
        rngs = np.random.default_rng(self.values.seed).spawn(len(self._scans))
        tick_s = min(scan.period_s for scan in self._scans)
        self._devices = [_Device(scan, rng, tick_s) for scan, rng in zip(self._scans, rngs, strict=True)]
        # One timer for all: in virtual time a callback costs more than what most devices do in it.
        self._scan_timer = self.create_timer(tick_s, self._scan)
        self._signals_sub = self.create_subscription(
            DynamicInterfaceGroupValues, "plant/signals", self._on_signals, qos.reliable(20)
        )

    def deactivate(self) -> None:
        """Stops the devices; the servers keep their last values."""
        self.destroy_timer(self._scan_timer)
        self.destroy_subscription(self._signals_sub)

    def cleanup(self) -> None:
        """Stops the servers."""
        for server in self._servers.values():
            server.stop()
        self._servers = {}

    def _start_servers(self) -> None:
        # Late: virtual time needs neither threads nor the network libraries.
        from workcell_sim.plant.servers.registry import make_server

        values = self.values
        ports = {"mqtt": values.mqtt_port, "opcua": values.opcua_port, "modbus": values.modbus_port}
        try:
            for name, row in self._table.sources.items():
                server = make_server(row, self._table.of_source(name), values.host)
                port = server.start(ports[row.protocol])
                self._servers[name] = server
                self.get_logger().info(f"{name} server listens on {values.host}:{port}")
        except WorkcellError:
            self.cleanup()
            raise

    def _on_signals(self, message: Any) -> None:
        now_ns = self.now_ns()
        self._signals_ns = convert.stamp_to_ns(message.header.stamp)
        names, values = _flatten(message)
        if SHIFT_TIME in names:
            self._start_ns = self._signals_ns - round(values[names.index(SHIFT_TIME)] * NS_PER_S)
        elif self._start_ns is None:
            # A world that does not tell its time: the shift begins with its first word.
            self._start_ns = self._signals_ns
        self._board.update(names, values)
        self.activity.note(now_ns)
        shift_s = self._shift_s(now_ns)
        for fault in self._plan.begun(shift_s):
            self._begin(fault, shift_s)

    def _shift_s(self, now_ns: int) -> float:
        return 0.0 if self._start_ns is None else (now_ns - self._start_ns) / NS_PER_S

    def _begin(self, fault: DeviceFault, shift_s: float) -> None:
        left_s = fault.until_s - shift_s
        self.get_logger().warning(f"scenario: {fault.kind} of {fault.source} for {left_s:g} s")
        server = self._servers.get(fault.source)
        if server is None:
            return
        wall_s = min(left_s / self.values.time_scale, ENDLESS_S)
        {STALL: server.stall, KILL: server.outage}[fault.kind](wall_s)

    def _scan(self) -> None:
        """Has every device that is due take its scan."""
        now_ns = self.now_ns()
        shift_s = self._shift_s(now_ns)
        if self._start_ns is None or now_ns - self._signals_ns > SIGNALS_AGE_MAX_S * NS_PER_S:
            return
        truth = self._truth(shift_s)
        shown = []
        for device in self._devices:
            if not device.is_due(now_ns):
                continue
            # A device that is silent goes on measuring, so that its noise does not depend on the fault.
            raw = device.scan.sample(truth, device.rng).tolist()
            if not self._plan.silent(device.scan.source, shift_s):
                shown.append((device, raw))
        if self._servers:
            for device, raw in shown:
                update = Update(device.scan.addresses, tuple(raw), now_ns)
                self._servers[device.scan.source].write(update)
        elif shown:
            self._publish(shown, now_ns)

    def _publish(self, shown: list[tuple[_Device, list[float]]], now_ns: int) -> None:
        for device, raw in shown:
            device.cells.values = raw
        message = self._message
        message.header.stamp = convert.ns_to_stamp(now_ns)
        message.interface_groups = [device.scan.source for device, _ in shown]
        message.interface_values = [device.cells for device, _ in shown]
        self._field_pub.publish(message)

    def _truth(self, shift_s: float) -> FloatArray:
        if self._trace is not None:
            self._board.update(self._trace.tags, self._trace.at(shift_s).tolist())
        return self._board.values

    def _server_statuses(self) -> list[Any]:
        return [
            self.status(
                f"server {name}",
                convert.OK if server.running else convert.ERROR,
                "listening" if server.running else "down",
                hardware_id=name,
                host=server.host,
                port=server.port,
            )
            for name, server in self._servers.items()
        ]


def _flatten(message: Any) -> tuple[tuple[str, ...], list[float]]:
    """Returns signal names and values; a group is one signal, or a bundle with a name per interface."""
    groups = message.interface_values
    if len(groups) == 1 and len(groups[0].values) != 1:
        return tuple(groups[0].interface_names), list(groups[0].values)
    return tuple(message.interface_groups), [group.values[0] if group.values else math.nan for group in groups]


def main(args: list[str] | None = None) -> None:
    """Runs the plant."""
    run_node(PlantNode, args)


if __name__ == "__main__":
    main()
