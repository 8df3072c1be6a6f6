"""The gateway: field values of all protocols in, readings with unit, time and quality out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue

from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.journal import Journal
from workcell_sensors.link_watch import LinkWatch
from workcell_sensors.pipeline import Pipeline, merge
from workcell_sensors.reading import Frame, Scan
from workcell_sensors.sources.memory import MemorySource
from workcell_sensors.sources.source import Link, Source, SourceSpec
from workcell_sensors.tags import TagTable, load_tags

MEMORY = "memory"
NETWORK = "network"
READING_INTERFACES = ["value", "quality"]


@dataclass(frozen=True)
class GatewayParameters:
    """Parameters of the gateway."""

    tags_file: str = param("config/tags.yaml", "The tag table", read_only=True)
    transport: str = param(
        MEMORY, "Where field values come from: plant/field, or the network", choices=(MEMORY, NETWORK), read_only=True
    )
    host: str = param("127.0.0.1", "Field servers that the tag table gives no host for", read_only=True)
    mqtt_port: int = param(1883, "MQTT broker", low=1, high=65535, read_only=True)
    opcua_port: int = param(4840, "OPC UA server", low=1, high=65535, read_only=True)
    modbus_port: int = param(502, "Modbus TCP server", low=1, high=65535, read_only=True)
    journal_file: str = param("", "Journal of frames not yet published (network only); empty: none", read_only=True)
    journal_bytes_max: int = param(16 << 20, "Bound of the journal", unit="B", low=4096, read_only=True)
    queue_frames_max: int = param(1000, "Frames that may wait; the oldest gives way", low=1, read_only=True)
    poll_period_s: float = param(0.02, "How often waiting frames are published", unit="s", low=0.001, read_only=True)
    stale_check_period_s: float = param(0.25, "How often silent tags are sought", unit="s", low=0.01, read_only=True)
    stall_s: float = param(2.5, "Silence after which a source counts as down", unit="s", low=0.1, read_only=True)
    timeout_s: float = param(1.0, "For a request or a connection, wall clock", unit="s", low=0.05, read_only=True)
    time_scale: float = param(1.0, "Seconds of the cell's clock per wall second", low=0.01, read_only=True)


class GatewayNode(WorkcellNode[GatewayParameters]):
    """Wires sources, queue and `Pipeline` to `readings`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("gateway", GatewayParameters, **kwargs)
        self._readings_pub = self.create_publisher(DynamicInterfaceGroupValues, "readings", qos.READINGS)
        self._message = DynamicInterfaceGroupValues()
        self._cells: list[Any] = []
        self._sources: dict[str, Source] = {}
        self._worker: Any = None
        self._journal: Journal | None = None
        self._own_timers: list[Any] = []
        self._field_sub: Any = None
        self.add_status_source(self._source_statuses)

    def configure(self) -> None:
        """Loads the tag table, opens the journal and makes the sources."""
        values = self.values
        self._table = load_tags(values.tags_file)
        self._cells = [InterfaceValue(interface_names=READING_INTERFACES, values=[0.0, 0.0]) for _ in self._table.tags]
        networked = values.transport == NETWORK
        if networked and values.journal_file:
            self._journal = Journal(values.journal_file, values.journal_bytes_max)
            self._tell_recovery(self._journal)
        self._queue = FrameQueue(values.queue_frames_max, self._journal)
        specs = [self._spec(name, self._table) for name in self._table.sources if self._table.of_source(name)]
        self._sources = self._network_sources(specs) if networked else self._memory_sources(specs)
        self._links = LinkWatch(self.now_ns())

    def activate(self) -> None:
        """Starts the sources and the publishing."""
        self._pipeline = Pipeline(self._table, self.now_ns())
        for source in self._sources.values():
            source.start()
        self._own_timers = [self.create_timer(self.values.stale_check_period_s, self._check)]
        if self.values.transport == MEMORY:
            self._field_sub = self.create_subscription(
                DynamicInterfaceGroupValues, "plant/field", self._on_field, qos.reliable(20)
            )
        else:
            self._own_timers.append(self.create_timer(self.values.poll_period_s, self._poll))

    def deactivate(self) -> None:
        """Stops the sources and the publishing."""
        for timer in self._own_timers:
            self.destroy_timer(timer)
        self._own_timers = []
        if self._field_sub is not None:
            self.destroy_subscription(self._field_sub)
            self._field_sub = None
        for source in self._sources.values():
            source.stop()

    def cleanup(self) -> None:
        """Ends the network's thread and closes the journal."""
        self._sources = {}
        if self._worker is not None:
            self._worker.stop()
            self._worker = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _spec(self, name: str, table: TagTable) -> SourceSpec:
        values = self.values
        row = table.sources[name]
        ports = {"mqtt": values.mqtt_port, "opcua": values.opcua_port, "modbus": values.modbus_port}
        return SourceSpec(
            row,
            table.of_source(name),
            row.host or values.host,
            row.port or ports[row.protocol],
            time_scale=values.time_scale,
            timeout_s=values.timeout_s,
            stall_s=values.stall_s,
        )

    def _memory_sources(self, specs: Iterable[SourceSpec]) -> dict[str, Source]:
        return {spec.name: MemorySource(spec, self._queue.put, self.now_ns) for spec in specs}

    def _network_sources(self, specs: Iterable[SourceSpec]) -> dict[str, Source]:
        # Late: virtual time needs neither a thread nor the network libraries.
        from workcell_sensors.sources.registry import make_source
        from workcell_sensors.sources.worker import AsyncWorker

        worker = self._worker = AsyncWorker("gateway-network")
        return {spec.name: make_source(spec, self._queue.put, self.now_ns, worker) for spec in specs}

    def _on_field(self, message: Any) -> None:
        now_ns = self.now_ns()
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        for name, group in zip(message.interface_groups, message.interface_values, strict=True):
            source = self._sources.get(name)
            if not isinstance(source, MemorySource):
                self.activity.drop()
                continue
            values = np.array(group.values, dtype=np.float64)
            source.push(Frame(name, tuple(group.interface_names), values, None, stamp_ns, now_ns))
        self._poll()

    def _poll(self) -> None:
        frames = self._queue.take()
        if not frames:
            return
        for frame in merge(frames):
            scan = self._pipeline.take(frame)
            if scan is not None:
                self._publish(scan)
        self._queue.done()
        self.activity.note(self.now_ns(), len(frames))

    def _check(self) -> None:
        """Publishes what went silent, and tells of links that changed."""
        now_ns = self.now_ns()
        scan = self._pipeline.stale(now_ns)
        if scan is not None:
            self._publish(scan)
        for change in self._links.changes({name: source.status() for name, source in self._sources.items()}):
            if change.up:
                self.get_logger().info(change.text)
            else:
                self.get_logger().warning(change.text)
            self.publish_status(*self._source_statuses())

    def _publish(self, scan: Scan) -> None:
        """Publishes a scan in a message that is filled anew each time: publishing copies or serializes it."""
        groups = [self._cells[row] for row in scan.rows.tolist()]
        for cell, value, quality in zip(groups, scan.values.tolist(), scan.quality.tolist(), strict=True):
            cell.values[0] = value
            cell.values[1] = float(quality)
        message = self._message
        message.header.stamp = convert.ns_to_stamp(scan.stamp_ns)
        message.interface_groups = list(scan.tags)
        message.interface_values = groups
        self._readings_pub.publish(message)

    def _source_statuses(self) -> Iterable[Any]:
        now_ns = self.now_ns()
        for name, source in self._sources.items():
            status = source.status()
            level = {Link.CONNECTED: convert.OK, Link.DOWN: convert.ERROR}.get(status.link, convert.WARN)
            yield self.status(
                f"source {name}",
                level,
                status.link.value,
                hardware_id=name,
                reason=status.reason,
                reconnects=status.reconnects,
                drops=self._queue.dropped,
                rate=self._links.rate_hz(name, status.frames, now_ns),
                rejected=status.rejected,
            )

    def _tell_recovery(self, journal: Journal) -> None:
        found = journal.recovery
        if found.pending or found.torn_bytes or found.dropped:
            self.get_logger().info(
                f"journal {self.values.journal_file}: {len(found.pending)} frames to publish, "
                f"{found.torn_bytes} torn bytes cut off, {found.dropped} frames lost to its bound"
            )


def main(args: list[str] | None = None) -> None:
    """Runs the gateway."""
    run_node(GatewayNode, args)


if __name__ == "__main__":
    main()
