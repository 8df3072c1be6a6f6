"""The parameters of the gateway; see `gateway_node`."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param

MEMORY = "memory"
NETWORK = "network"


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
    credentials_file: str = param(
        "", "Names, passwords and keys of sources; empty: what WORKCELL_CREDENTIALS_FILE says, if set", read_only=True
    )
    journal_file: str = param("", "Journal of frames not yet delivered (network only); empty: none", read_only=True)
    journal_bytes_max: int = param(16 << 20, "Bound of the journal", unit="B", low=4096, read_only=True)
    journal_sync_s: float = param(
        1.0, "How often the journal is made to outlive a loss of power; 0: never", unit="s", low=0.0, read_only=True
    )
    consumers: list[str] = param(
        [], "Nodes whose acknowledgement on readings/acknowledged counts as delivery", read_only=True
    )
    queue_frames_max: int = param(1000, "Frames that may wait; the oldest gives way", low=1, read_only=True)
    poll_period_s: float = param(0.02, "How often waiting frames are published", unit="s", low=0.001, read_only=True)
    stale_check_period_s: float = param(0.25, "How often silent tags are sought", unit="s", low=0.01, read_only=True)
    stall_s: float = param(2.5, "Silence after which a source counts as down", unit="s", low=0.1, read_only=True)
    timeout_s: float = param(1.0, "For a request or a connection, wall clock", unit="s", low=0.05, read_only=True)
    time_scale: float = param(1.0, "Seconds of the cell's clock per wall second", low=0.01, read_only=True)
