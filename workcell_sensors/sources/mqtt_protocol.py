"""What MQTT tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

from workcell_sensors.sources.mqtt_codec import parse_address
from workcell_sensors.sources.protocol import FieldProtocol

PROTOCOL = FieldProtocol(
    name="mqtt",
    source="workcell_sensors.sources.mqtt:MqttSource",
    check_address=parse_address,
    port=1883,
)
