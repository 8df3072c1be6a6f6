"""MQTT under test: the plant's embedded broker and devices, and one more device that lies."""

from __future__ import annotations

import json

import paho.mqtt.publish as paho_publish
from plant_harness import PlantHarness
from source_harness import Facts, Lie

from workcell_sensors.sources.mqtt_codec import parse_address

LIES = {
    Lie.WRONG_TYPE: json.dumps({"v": {"x": [1]}, "t": 1e9}).encode(),
    Lie.NOT_A_NUMBER: b'{"v": NaN}',
    Lie.HUGE_TEXT: json.dumps({"v": "x" * 1_000_000}).encode(),
    Lie.GARBAGE: b"\xde\xad\xbe\xef" * 8,
    Lie.OLD_TIME: b'{"v": 1, "t": 1000000000}',
}


class Harness(PlantHarness):
    """The plant's own server."""

    source = "mqtt"
    facts = Facts(tells_missing=False)
    missing = "no/such/topic"

    def lie(self, lie: Lie) -> bool:
        if lie not in LIES:
            return False
        topic = parse_address(self.tags[0].address).topic
        paho_publish.single(topic, LIES[lie], qos=1, hostname=self.host, port=self.port)
        return True


HARNESS = Harness
