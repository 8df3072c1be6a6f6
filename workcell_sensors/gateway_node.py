"""The gateway: field values of all protocols in, readings with unit, time and quality out."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Any

import numpy as np
from control_msgs.msg import DynamicInterfaceGroupValues
from std_msgs.msg import Header

from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_sensors.delivery import Delivery
from workcell_sensors.frame_codec import FrameCodec
from workcell_sensors.frame_queue import FrameQueue, Store
from workcell_sensors.gateway_parameters import MEMORY, NETWORK, GatewayParameters
from workcell_sensors.gateway_status import delivery_trouble, delivery_values, source_values
from workcell_sensors.journal import Journal
from workcell_sensors.link_watch import LinkWatch
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import Frame, Scan
from workcell_sensors.readings_message_node import ReadingsMessage
from workcell_sensors.sources.assembly import SourceDefaults, make_spec, stop_all
from workcell_sensors.sources.memory import MemorySource
from workcell_sensors.sources.source import Link, Source, SourceSpec
from workcell_sensors.tags import load_tags

POISON_LOG_PERIOD_S = 10.0
ACKNOWLEDGEMENTS_PER_CONSUMER = 10


class GatewayNode(WorkcellNode[GatewayParameters]):
    """Wires sources, queue and `Pipeline` to `readings`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("gateway", GatewayParameters, **kwargs)
        self._readings_pub = self.create_publisher(DynamicInterfaceGroupValues, "readings", qos.READINGS)
        self._past_pub = self.create_publisher(DynamicInterfaceGroupValues, "readings/historical", qos.READINGS)
        self._sources: dict[str, Source] = {}
        self._worker: Any = None
        self._wake: Any = None
        self._journal: Journal | None = None
        self._delivery: Delivery | None = None
        self._own_timers: list[Any] = []
        self._subs: list[Any] = []
        self._syncing: Any = None
        self._trouble = ""
        self.add_status_source(self._source_statuses)

    def configure(self) -> None:
        """Loads the tag table, opens the journal and makes the sources."""
        values = self.values
        self._table = load_tags(values.tags_file)
        self._message = ReadingsMessage(self._table)
        networked = values.transport == NETWORK
        # Before anything is opened: a row that cannot be used must leave neither a journal nor a thread behind.
        specs = [self._spec(name) for name in self._table.sources if self._table.of_source(name)]
        store = self._open_journal() if networked and values.journal_file else None
        self._queue = FrameQueue(values.queue_frames_max, store)
        self._delivery = None
        self._sources = self._network_sources(specs) if networked else self._memory_sources(specs)
        self._links = LinkWatch(self.now_ns())

    def activate(self) -> None:
        """Starts the sources and the publishing."""
        values = self.values
        self._pipeline = Pipeline(self._table, self.now_ns())
        self._delivery = Delivery(self._queue, self._pipeline, values.consumers, self._on_poison)
        if values.consumers:
            # Each consumer's last word must be there when the gateway comes back, and they all use this topic.
            depth = ACKNOWLEDGEMENTS_PER_CONSUMER * len(values.consumers)
            self._subs.append(
                self.create_subscription(Header, "readings/acknowledged", self._on_acknowledged, qos.latched(depth))
            )
        for source in self._sources.values():
            source.start()
        self._own_timers = [self.create_timer(values.stale_check_period_s, self._check)]
        if values.transport == MEMORY:
            self._subs.append(
                self.create_subscription(DynamicInterfaceGroupValues, "plant/field", self._on_field, qos.reliable(20))
            )
        else:
            self._own_timers.append(self.create_timer(values.poll_period_s, self._poll))
        if self._journal is not None and values.journal_sync_s > 0.0:
            self._own_timers.append(self.create_timer(values.journal_sync_s, self._sync))

    def deactivate(self) -> None:
        """Stops the sources and the publishing."""
        for timer in self._own_timers:
            self.destroy_timer(timer)
        for subscription in self._subs:
            self.destroy_subscription(subscription)
        self._own_timers, self._subs = [], []
        stop_all(self._sources.values())

    def cleanup(self) -> None:
        """Ends the network's thread and closes the journal."""
        self._sources = {}
        self._delivery = None
        if self._worker is not None:
            self._worker.stop()
            self.destroy_guard_condition(self._wake)
            self._worker = self._wake = None
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def _spec(self, name: str) -> SourceSpec:
        values = self.values
        defaults = SourceDefaults(
            values.host,
            {"mqtt": values.mqtt_port, "opcua": values.opcua_port, "modbus": values.modbus_port},
            values.timeout_s,
            values.stall_s,
            values.time_scale,
            values.credentials_file,
        )
        return make_spec(self._table.sources[name], self._table.of_source(name), defaults, os.environ)

    def _open_journal(self) -> Store:
        values = self.values
        layout = {name: tuple(row.address for row in self._table.of_source(name)) for name in self._table.sources}
        codec = FrameCodec(layout)
        self._journal = journal = Journal(values.journal_file, values.journal_bytes_max, codec.head)
        found = journal.recovery
        if found.pending or found.torn_bytes or found.missing:
            self.get_logger().info(
                f"journal {values.journal_file}: {found.pending} frames to publish, "
                f"{found.torn_bytes} torn bytes cut off, {found.missing} frames damaged"
            )
        return Store(journal, codec)

    def _memory_sources(self, specs: Iterable[SourceSpec]) -> dict[str, Source]:
        return {spec.name: MemorySource(spec, self._queue.put, self.now_ns) for spec in specs}

    def _network_sources(self, specs: Iterable[SourceSpec]) -> dict[str, Source]:
        # Late: virtual time needs neither a thread nor the network libraries.
        from workcell_sensors.sources.registry import make_source
        from workcell_sensors.sources.worker import AsyncWorker

        worker = self._worker = AsyncWorker("gateway-network")
        self._wake = self.create_guard_condition(self._on_wake)
        return {spec.name: make_source(spec, self._arrived, self.now_ns, worker) for spec in specs}

    def _arrived(self, frame: Frame) -> None:
        """Takes a frame in the network's thread; the node's acts on it at once, not with its next timer."""
        self._queue.put(frame)
        assert self._wake is not None, "frames come over the network"
        self._wake.trigger()

    def _on_wake(self) -> None:
        if self.is_active:
            self._poll()

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
        delivery = self._delivery
        assert delivery is not None, "the node is active"
        frames = delivery.frames
        for outgoing in delivery.pump(self.now_ns()):
            self._publish(outgoing.scan, f"{self._queue.epoch}:{outgoing.number}" if outgoing.number else "")
        if delivery.frames > frames:
            self.activity.note(self.now_ns(), delivery.frames - frames)

    def _check(self) -> None:
        """Publishes what went silent, and tells what changed on the way from the field."""
        now_ns = self.now_ns()
        scan = self._pipeline.stale(now_ns)
        if scan is not None:
            self._publish(scan, "")
        for change in self._links.changes({name: source.status() for name, source in self._sources.items()}):
            self._tell(change.up, change.text)
            self.publish_status(*self._source_statuses())
        assert self._delivery is not None, "the node is active"
        trouble = delivery_trouble(self._queue, self._delivery)
        if trouble != self._trouble:
            self._trouble = trouble
            self._tell(not trouble, f"readings: {trouble or 'delivered again'}")

    def _tell(self, good: bool, text: str) -> None:
        # Two lines, for rclpy keeps one severity per line of code.
        if good:
            self.get_logger().info(text)
        else:
            self.get_logger().warning(text)

    def _publish(self, scan: Scan, frame_id: str) -> None:
        publisher = self._past_pub if scan.historical else self._readings_pub
        publisher.publish(self._message.fill(scan, frame_id))

    def _on_acknowledged(self, message: Any) -> None:
        consumer, _, frame_id = message.frame_id.partition(" ")
        epoch, _, number = frame_id.partition(":")
        assert self._delivery is not None, "the node is active"
        if number.isdecimal():
            self._delivery.confirm(consumer, epoch, int(number))
        elif not frame_id:
            self._delivery.restarted(consumer)

    def _on_poison(self, frame: Frame, error: Exception) -> None:
        self.get_logger().error(
            f"source {frame.source}: a frame of {len(frame.addresses)} values is given up, "
            f"{type(error).__name__}: {error}",
            throttle_duration_sec=POISON_LOG_PERIOD_S,
        )

    def _sync(self) -> None:
        # In the worker's pool: a slow disk must hold up neither the node nor the network.
        if self._syncing is None or self._syncing.done():
            self._syncing = self._worker.submit(asyncio.to_thread(self._queue.sync))

    def _source_statuses(self) -> Iterable[Any]:
        now_ns = self.now_ns()
        lost = self._queue.losses.by_source if self._sources else {}
        for name, source in self._sources.items():
            status = source.status()
            level = {Link.CONNECTED: convert.OK, Link.DOWN: convert.ERROR}.get(status.link, convert.WARN)
            if status.link is Link.CONNECTED and status.reason:
                level = convert.WARN
            values = source_values(status, lost.get(name), self._links.rate_hz(name, status.frames, now_ns))
            yield self.status(f"source {name}", level, status.link.value, hardware_id=name, **values)
        if self._delivery is not None:
            trouble = delivery_trouble(self._queue, self._delivery)
            values = delivery_values(self._queue, self._delivery, self._pipeline)
            yield self.status(
                "delivery", convert.WARN if trouble else convert.OK, trouble or "delivering", "", **values
            )


def main(args: list[str] | None = None) -> None:
    """Runs the gateway."""
    run_node(GatewayNode, args)


if __name__ == "__main__":
    main()
