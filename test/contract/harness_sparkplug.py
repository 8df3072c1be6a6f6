"""Sparkplug B under test: an edge node with one device, on mosquitto where it is installed."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from mqtt_broker import make_broker
from source_harness import Facts, Lie, SourceHarness
from sparkplug_device import EdgeDevice

from workcell_sensors.sources.sparkplug_protocol import SparkplugOptions, parse_address
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import Directive, EdgeConfig, EdgeNode
from workcell_sensors.sparkplug.edge_model import MetricSpec
from workcell_sensors.sparkplug.payload import make_metric
from workcell_sensors.sparkplug.topic import EdgeNodeId, MessageType, Topic
from workcell_sensors.tags import SourceRow, TagRow

NODE = EdgeNodeId("plant", "cell1")
ARM = "arm"
ADDRESSES = ("plant/cell1/arm#axis/current", "plant/cell1/arm#axis/speed", "plant/cell1#light")
YEAR_2001_MS = 1_000_000_000_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Harness(SourceHarness):
    """Metrics of a device and of the node itself."""

    facts = Facts()
    row = SourceRow("line", "sparkplug", options=SparkplugOptions(host_id="contract", reorder_timeout_s=0.2))
    tags = tuple(TagRow(f"cell/{n}", "line", text, "1", "1", period_s=0.1) for n, text in enumerate(ADDRESSES))
    missing = "plant/cell1/arm#no/such"

    def __init__(self) -> None:
        self._broker = make_broker()
        self._device = EdgeDevice(EdgeNode(EdgeConfig(NODE)), now_ms)

    @property
    def is_up(self) -> bool:
        return self._broker.is_up

    def start(self) -> None:
        self._broker = make_broker()
        self._broker.start()
        self.port = self._broker.port
        self._make_device(self.tags)

    def close(self) -> None:
        self._device.drop()
        self._broker.unstall()
        self._broker.close()

    def show(self, values: Sequence[float], stamp_ns: int) -> None:
        def say(edge: EdgeNode, now: int) -> Directive:
            for tag, value in zip(self.tags, values, strict=True):
                place = parse_address(tag.address)
                if edge.model.has(place.device, place.metric):
                    shown = None if math.isnan(value) else float(value)
                    edge.model.update(place.device, place.metric, shown, stamp_ns // 1_000_000)
            return edge.flush(now)

        # At one go: a rebirth that is asked for meanwhile must find either all of it or nothing.
        self._device.do(say)

    def kill(self) -> None:
        self._device.drop()
        self._broker.kill()

    def restart(self) -> None:
        self._broker.restart()
        self._device.connect(self.port)

    def stall(self) -> None:
        self._broker.stall()

    def unstall(self) -> None:
        self._broker.unstall()

    def reshape(self) -> None:
        self.kill()
        self._broker.restart()
        self._make_device(tuple(reversed(self.tags[1:])))

    def lie(self, lie: Lie) -> bool:
        device, place = self._device, parse_address(self.tags[0].address)
        alias = device.edge.model.tags(ARM)[place.metric].alias
        topic = str(Topic(MessageType.DDATA, NODE, ARM))

        def send(kind: DataType, value: object, stamp_ms: int) -> None:
            metric = make_metric(None, kind, value, timestamp_ms=stamp_ms, alias=alias)  # type: ignore[arg-type]
            device.send(ARM, metric._replace(datatype=None))

        match lie:
            case Lie.WRONG_TYPE:
                send(DataType.STRING, "running", now_ms())
            case Lie.NOT_A_NUMBER:
                send(DataType.DOUBLE, math.nan, now_ms())
            case Lie.HUGE_TEXT:
                send(DataType.STRING, "x" * 1_000_000, now_ms())
            case Lie.GARBAGE:
                device.publish(topic, b"\xde\xad\xbe\xef" * 8)
            case Lie.GAP:
                device.skip()
                send(DataType.DOUBLE, 1.0, now_ms())
            case Lie.OLD_TIME:
                send(DataType.DOUBLE, 1.0, YEAR_2001_MS)
        return True

    def _make_device(self, tags: Sequence[TagRow]) -> None:
        edge = EdgeNode(EdgeConfig(NODE))
        for tag in tags:
            place = parse_address(tag.address)
            edge.declare(place.device, (MetricSpec(place.metric, DataType.DOUBLE),))
            edge.model.update(place.device, place.metric, 0.0, now_ms())
        self._device = EdgeDevice(edge, now_ms)
        self._device.connect(self.port)


HARNESS = Harness
