"""The edge node's client where its configuration cannot be used."""

from __future__ import annotations

import time
from pathlib import Path

from waiting import until

from workcell_sensors.outward.sparkplug_client import ClientConfig, EdgeClient
from workcell_sensors.sources.credentials import Credentials
from workcell_sensors.sources.mqtt_link import LinkConfig
from workcell_sensors.sources.sparkplug_protocol import Server
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.sparkplug.edge import EdgeConfig, EdgeNode
from workcell_sensors.sparkplug.topic import EdgeNodeId


def test_a_certificate_that_is_none_is_told_and_tried_again(tmp_path: Path) -> None:
    trusted = tmp_path / "authority.pem"
    trusted.write_text("this is no certificate", encoding="utf-8")
    link = LinkConfig("", 0, tls=True, credentials=Credentials("plant", trusted=trusted))
    worker = AsyncWorker("test-edge")
    edge = EdgeNode(EdgeConfig(EdgeNodeId("plant", "cell")))
    config = ClientConfig((Server("127.0.0.1", 1),), link, flush_s=0.02, backoff_s_max=0.2)
    client = EdgeClient(edge, config, time.time_ns, worker)
    client.start()
    try:
        until(lambda: client.status().reason != "", lambda: f"a reason; {client.status()}")
        assert "127.0.0.1:1" in client.status().reason
        assert "CERTIFICATE" in client.status().reason
        trusted.unlink()
        until(lambda: "No such file" in client.status().reason, lambda: f"another attempt; {client.status()}")
    finally:
        client.stop()
        worker.stop()
