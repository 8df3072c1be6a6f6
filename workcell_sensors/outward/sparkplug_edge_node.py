"""The cell as a Sparkplug B edge node: a plant's SCADA, MES or historian sees it over MQTT, without ROS."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String
from vision_msgs.msg import Detection2DArray

from workcell_ros import convert, qos
from workcell_ros.errors import ConfigError
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param
from workcell_sensors.outward import cell_report
from workcell_sensors.outward.sparkplug_client import ClientConfig, EdgeClient, server_list
from workcell_sensors.sources.credentials import FILE_VARIABLE, load_credentials
from workcell_sensors.sources.mqtt_link import VERSIONS, LinkConfig
from workcell_sensors.sources.sparkplug_protocol import Server, parse_server
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.sparkplug.edge import EdgeConfig, EdgeNode
from workcell_sensors.sparkplug.topic import EdgeNodeId, check_id
from workcell_sensors.tags import load_tags

NS_PER_MS = 1_000_000
MS_PER_S = 1000.0


@dataclass(frozen=True)
class SparkplugEdgeParameters:
    """Parameters of the edge node."""

    servers: list[str] = param(["127.0.0.1:1883"], "MQTT servers as host:port, one of which is used", read_only=True)
    group_id: str = param("workcell", "Sparkplug group", read_only=True)
    edge_node_id: str = param("cell", "Sparkplug edge node, unique with its group", read_only=True)
    primary_host: str = param("", "Host application without which nothing is told; empty: none", read_only=True)
    version: str = param("3.1.1", "MQTT version", choices=VERSIONS, read_only=True)
    tls: bool = param(False, "TLS; authority and certificates come from the credentials", read_only=True)
    credentials: str = param("", "Name of the credentials to show; empty: none", read_only=True)
    credentials_file: str = param("", "Their file; empty: what WORKCELL_CREDENTIALS_FILE says", read_only=True)
    keepalive_s: int = param(
        15,
        "Silence after which the server takes the node for dead, and a half",
        unit="s",
        low=1,
        high=3600,
        read_only=True,
    )
    timeout_s: float = param(3.0, "For a connection or an answer", unit="s", low=0.1, high=60.0, read_only=True)
    flush_s: float = param(0.2, "How often changes are told", unit="s", low=0.02, high=60.0, read_only=True)
    backlog_max: int = param(
        100_000, "Changes kept while nobody listens; the oldest give way", low=100, high=10_000_000, read_only=True
    )
    tags_file: str = param("config/tags.yaml", "The tag table, for units", read_only=True)


class SparkplugEdgeNode(WorkcellNode[SparkplugEdgeParameters]):
    """Wires the cell's topics to the edge node, which runs in the network's thread."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("sparkplug_edge", SparkplugEdgeParameters, **kwargs)
        self._worker: AsyncWorker | None = None
        self._client: EdgeClient | None = None
        self._held: list[Any] = []
        self.add_status_source(self._statuses)

    def configure(self) -> None:
        """Checks names, servers and credentials; nothing is connected yet."""
        values = self.values
        self._units = {row.tag: row.si for row in load_tags(values.tags_file).rows}
        servers = self._servers()
        self._where = server_list(servers)
        for name in ("group_id", "edge_node_id", "primary_host"):
            self._check_id(name)
        node = EdgeNodeId(values.group_id, values.edge_node_id)
        edge = EdgeNode(EdgeConfig(node, len(servers), values.primary_host, changes_max=values.backlog_max))
        file = values.credentials_file or os.environ.get(FILE_VARIABLE, "")
        link = LinkConfig(
            host="",
            port=0,
            version=values.version,
            # The same over restarts: the server then ends the session before at once, and tells its death in time.
            client_id=f"{values.group_id}-{values.edge_node_id}",
            keepalive_s=values.keepalive_s,
            timeout_s=values.timeout_s,
            tls=values.tls,
            credentials=load_credentials(values.credentials, file, os.environ) if values.credentials else None,
        )
        self._worker = AsyncWorker("sparkplug-edge")
        self._client = EdgeClient(edge, ClientConfig(servers, link, values.flush_s), self.now_ns, self._worker)

    def activate(self) -> None:
        """Opens the inputs and connects."""
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(DynamicInterfaceGroupValues, "readings/historical", self._on_readings, qos.READINGS),
            subscribe(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI),
            subscribe(String, "cell/state", self._on_state, qos.latched(1)),
            subscribe(Detection2DArray, "inspection/detections", self._on_detections, qos.reliable()),
            subscribe(DiagnosticArray, "diagnostics", self._on_diagnostics, qos.DIAGNOSTICS),
        ]
        assert self._client is not None, "the node is configured"
        self._client.start()

    def deactivate(self) -> None:
        """Says goodbye to the host applications and closes the inputs."""
        if self._client is not None:
            self._client.stop()
        for subscription in self._held:
            self.destroy_subscription(subscription)
        self._held = []

    def cleanup(self) -> None:
        """Ends the network's thread."""
        self._client = None
        if self._worker is not None:
            self._worker.stop()
            self._worker = None

    def _servers(self) -> tuple[Server, ...]:
        given = self.values.servers
        try:
            servers = tuple(parse_server(text) for text in given)
        except ValueError as error:
            problem, _, valid = str(error).partition("; valid: ")
            raise ConfigError("sparkplug_edge", "servers", problem, valid) from None
        if not servers:
            raise ConfigError("sparkplug_edge", "servers", "is empty", "at least one host:port")
        return servers

    def _check_id(self, name: str) -> None:
        text = getattr(self.values, name)
        try:
            if text or name != "primary_host":
                check_id(name, text)
        except ValueError as error:
            raise ConfigError("sparkplug_edge", name, str(error), "a text without + / #") from None

    def _put(self, observations: Iterable[cell_report.Observation]) -> None:
        if self._client is not None:
            self._client.put(observations)
            self.activity.note(self.now_ns())

    def _on_readings(self, message: Any) -> None:
        stamp_ms = _ms(message.header.stamp)
        found = []
        for tag, group in zip(message.interface_groups, message.interface_values, strict=True):
            cells = group.values
            age_ms = round(MS_PER_S * cells[2]) if len(cells) > 2 else 0
            found.append(cell_report.reading(tag, cells[0], int(cells[1]), stamp_ms - age_ms, self._units.get(tag, "")))
        self._put(found)

    def _on_metric(self, message: Any) -> None:
        if message.statistics:
            stamp_ms = _ms(message.window_stop)
            value = float(message.statistics[0].data)
            source, metric = message.measurement_source_name, message.metrics_source
            self._put([cell_report.kpi(source, metric, value, message.unit, stamp_ms)])

    def _on_state(self, message: Any) -> None:
        self._put(cell_report.cell_state(message.data, self.now_ns() // NS_PER_MS))

    def _on_detections(self, message: Any) -> None:
        if not message.detections or not message.detections[0].results:
            self.activity.drop()
            return
        part, *defects = message.detections
        verdict = max((result.hypothesis for result in part.results), key=lambda each: each.score)
        kinds = [defect.results[0].hypothesis.class_id for defect in defects if defect.results]
        stamp_ms = _ms(message.header.stamp)
        self._put(cell_report.inspection(verdict.class_id, verdict.score, part.id, kinds, stamp_ms))

    def _on_diagnostics(self, message: Any) -> None:
        stamp_ms = _ms(message.header.stamp)
        self._put([cell_report.health(status.name, _level(status.level), stamp_ms) for status in message.status])

    def _statuses(self) -> Iterable[Any]:
        if self._client is None:
            return
        now = self._client.status()
        level = convert.OK if now.is_born else convert.WARN
        text = "told to host applications" if now.is_born else now.reason or "connecting"
        yield self.status(
            "server",
            level,
            text,
            hardware_id=now.server or self._where,
            births=now.births,
            data=now.data,
            historical=now.historical,
            backlog=now.backlog,
            dropped=now.dropped,
            refused=now.refused,
            failure=now.failure,
        )


def _ms(stamp: Any) -> int:
    return convert.stamp_to_ns(stamp) // NS_PER_MS


def _level(level: Any) -> int:
    return level[0] if isinstance(level, bytes) else int(level)


def main(args: list[str] | None = None) -> None:
    """Runs the edge node."""
    run_node(SparkplugEdgeNode, args)


if __name__ == "__main__":
    main()
