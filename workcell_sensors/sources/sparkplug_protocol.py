"""What Sparkplug B tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.host_name import PORT_MAX, check_host
from workcell_sensors.sources.mqtt_protocol import BrokerOptions
from workcell_sensors.sources.protocol import FieldProtocol
from workcell_sensors.sparkplug.topic import EdgeNodeId, check_id

HOST_ID = "workcell"
DEFAULT_PORT = 1883


@dataclass(frozen=True)
class MetricAddress:
    """A metric of an edge node, or with a device of one of its devices."""

    node: EdgeNodeId
    device: str
    metric: str

    @property
    def place(self) -> str:
        """Everything before the `#`."""
        return f"{self.node}/{self.device}" if self.device else str(self.node)


@dataclass(frozen=True)
class Server:
    """Where an MQTT server listens."""

    host: str
    port: int


@dataclass(frozen=True)
class SparkplugOptions(BrokerOptions):
    """The source row's own keys."""

    host_id: str = param(HOST_ID, "This host application's id, unique in the infrastructure")
    further_servers: list[str] = param([], "Other MQTT servers, each as host:port, used at the same time")
    reorder_timeout_s: float = param(2.0, "How long a missing message is waited for", unit="s", low=0.0, high=3600.0)
    asks_rebirths: bool = param(True, "Whether edge nodes are asked for their births where only that helps")


def parse_address(text: str) -> MetricAddress:
    """Returns an address as its parts; ids have neither `/` nor `#`, metric names may have both.

    Raises:
        ValueError: it is no address of a metric.

    >>> parse_address("plant/line1/press#hydraulics/pressure").metric
    'hydraulics/pressure'
    """
    place, sign, metric = text.partition("#")
    ids = place.split("/")
    if not sign or not metric or len(ids) not in (2, 3):
        valid = "group/edge_node#metric or group/edge_node/device#metric"
        raise ValueError(f"{text!r:.120} is no Sparkplug metric; valid: {valid}")
    if len(ids) == 3:
        check_id("device id", ids[2])
    return MetricAddress(EdgeNodeId(ids[0], ids[1]), ids[2] if len(ids) == 3 else "", metric)


def parse_server(text: str) -> Server:
    """Returns a server given as `host:port` or `host`.

    Raises:
        ValueError: it is neither.

    >>> parse_server("broker-b:8883")
    Server(host='broker-b', port=8883)
    """
    host, sign, port = text.rpartition(":")
    if not sign:
        host, port = text, str(DEFAULT_PORT)
    host = host.removeprefix("[").removesuffix("]")
    try:
        check_host(host)
    except ValueError:
        # Not repeated: who writes a user and a password there shall not find them in a log.
        raise ValueError("a server has no host; valid: host:port, like broker-b:1883, without a user") from None
    if not port.isdecimal() or not 0 < int(port) <= PORT_MAX:
        raise ValueError(f"server {host} has no port; valid: host:port, like broker-b:1883")
    return Server(host, int(port))


def _check(options: object) -> tuple[str, str, str] | None:
    assert isinstance(options, SparkplugOptions)
    try:
        check_id("host id", options.host_id)
    except ValueError as error:
        return "host_id", str(error), "a text without + / #"
    for text in options.further_servers:
        try:
            parse_server(text)
        except ValueError as error:
            problem, _, valid = str(error).partition("; valid: ")
            return "further_servers", problem, valid
    return None


PROTOCOL = FieldProtocol(
    name="sparkplug",
    source="workcell_sensors.sources.sparkplug:SparkplugSource",
    check_address=parse_address,
    options=SparkplugOptions,
    check_options=_check,
    port=DEFAULT_PORT,
    discover="workcell_sensors.sources.sparkplug_discover:discover",
)
