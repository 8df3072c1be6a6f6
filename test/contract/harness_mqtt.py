"""MQTT under test: the plant's embedded broker and devices, and one more device that lies."""

from __future__ import annotations

import json
from pathlib import Path

import paho.mqtt.publish as paho_publish
from server_harness import ServerHarness
from source_harness import Facts, Lie

from workcell_sensors.sources.mqtt_codec import parse_address
from workcell_sensors.tags import TagRow, load_tags
from workcell_sim.plant.servers.mqtt import MqttFieldServer

SOURCE = "mqtt"
TABLE = load_tags(Path(__file__).parents[2] / "config" / "tags.yaml")
TAGS = 3
"""A few are enough; the whole table is the bring-up tests' business."""
LIES = {
    Lie.WRONG_TYPE: json.dumps({"v": {"x": [1]}, "t": 1e9}).encode(),
    Lie.NOT_A_NUMBER: b'{"v": NaN}',
    Lie.HUGE_TEXT: json.dumps({"v": "x" * 1_000_000}).encode(),
    Lie.GARBAGE: b"\xde\xad\xbe\xef" * 8,
    Lie.OLD_TIME: b'{"v": 1, "t": 1000000000}',
}


class Harness(ServerHarness[MqttFieldServer]):
    """The first tags of the shipped tag table's MQTT source."""

    facts = Facts(tells_missing=False)
    row = TABLE.sources[SOURCE]
    tags = TABLE.of_source(SOURCE)[:TAGS]
    missing = "no/such/topic"

    def make(self, tags: tuple[TagRow, ...], *, reshaped: bool) -> MqttFieldServer:
        return MqttFieldServer(self.row, tags, self.host)

    def lie(self, lie: Lie) -> bool:
        if lie not in LIES:
            return False
        topic = parse_address(self.tags[0].address).topic
        paho_publish.single(topic, LIES[lie], qos=1, hostname=self.host, port=self.port)
        return True


HARNESS = Harness
