"""What MQTT tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.mqtt_codec import ISO_8601, TIME_PATH, TIME_UNITS, VALUE_PATH, parse_address, parse_path
from workcell_sensors.sources.protocol import FieldProtocol

VERSIONS = ("3.1.1", "5")
BY_AGE = "by_age"
IGNORE = "ignore"
KEEPALIVE_S_MAX = 65_535


@dataclass(frozen=True)
class BrokerOptions:
    """Keys of every source that speaks to an MQTT broker."""

    version: str = param("3.1.1", "MQTT version", choices=VERSIONS)
    tls: bool = param(False, "TLS; authority and certificates come from the credentials")
    client_id: str = param("", "Name at the broker; empty: one is made up")
    keepalive_s: int = param(
        0,
        "Silence after which the broker must give a sign of life; 0: by stall_s",
        unit="s",
        low=0,
        high=KEEPALIVE_S_MAX,
    )


@dataclass(frozen=True)
class MqttOptions(BrokerOptions):
    """The source row's own keys."""

    qos: int = param(1, "Quality of service of the subscriptions", low=0, high=2)
    session_s: int = param(
        0,
        "How long the broker keeps messages while the gateway is away; 0: not at all",
        unit="s",
        low=0,
        high=2**32 - 1,
    )
    value_path: str = param(VALUE_PATH, "Where a JSON payload has the value, unless the address says")
    time_path: str = param(TIME_PATH, "Where a JSON payload has its time; empty: nowhere")
    time_unit: str = param("s", "Unit of that time since the epoch", choices=(*TIME_UNITS, ISO_8601))
    quality_path: str = param("", "Where a JSON payload has its quality; empty: nowhere")
    quality_good: list[str] = param(["good", "ok", "192", "true"], "What stands there for a good value, any case")
    quality_uncertain: list[str] = param(["uncertain"], "What stands there for a doubtful value; all else is bad")
    retained: str = param(
        BY_AGE, "Retained messages: by their time, without one as stale; or not at all", choices=(BY_AGE, IGNORE)
    )


def _check(options: object) -> tuple[str, str, str] | None:
    assert isinstance(options, MqttOptions)
    if options.session_s and not options.client_id:
        return "client_id", "is empty", "a name that no other client of the broker has, since session_s is not 0"
    if options.session_s and not options.qos:
        return "qos", "is 0", "1 or 2, since session_s is not 0"
    for key in ("value_path", "time_path", "quality_path"):
        text = getattr(options, key)
        try:
            if text or key == "value_path":
                parse_path(text)
        except ValueError as error:
            problem, _, valid = str(error).partition("; valid: ")
            return key, problem, valid
    return None


PROTOCOL = FieldProtocol(
    name="mqtt",
    source="workcell_sensors.sources.mqtt:MqttSource",
    check_address=parse_address,
    options=MqttOptions,
    check_options=_check,
    port=1883,
    discover="workcell_sensors.sources.mqtt_discover:discover",
)
