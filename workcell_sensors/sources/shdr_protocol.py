"""What SHDR adapters tell about themselves: options and addresses of their rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.mtconnect_values import parse_address
from workcell_sensors.sources.protocol import FieldProtocol


@dataclass(frozen=True)
class ShdrOptions:
    """The source row's own keys."""

    devices_file: str = param(
        "", "Devices.xml that describes what the adapter sends: tells conditions, messages and data sets apart"
    )
    legacy_timeout_s: float = param(
        600.0, "Silence after which an adapter without a heartbeat counts as gone", unit="s", low=1.0, high=86400.0
    )
    lag_s: float = param(
        1.0, "How long a line may be under way; unchanged values are confirmed up to then", unit="s", low=0.0
    )


PROTOCOL = FieldProtocol(
    name="shdr",
    source="workcell_sensors.sources.shdr:ShdrSource",
    check_address=parse_address,
    options=ShdrOptions,
    port=7878,
    discover="workcell_sensors.sources.shdr_discover:discover",
)
