"""What MTConnect agents tell about themselves: options and addresses of their rows in the tag table."""

from __future__ import annotations

import re
from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.mtconnect_values import parse_address
from workcell_sensors.sources.protocol import FieldProtocol


@dataclass(frozen=True)
class MtconnectOptions:
    """The source row's own keys."""

    device: str = param("", "Name or uuid of one device of the agent; empty: all of them")
    path: str = param("", "XPath that narrows what the agent streams, like //DataItem[@category='SAMPLE']; empty: all")
    tls: bool = param(False, "Whether to speak HTTPS; trusted certificates are among the credentials")
    heartbeat_s: float = param(1.0, "How often the agent is to say that it lives", unit="s", low=0.1, high=600.0)
    observations_max: int = param(2000, "Observations per document of the stream", low=1, high=1_000_000)
    lag_s: float = param(
        1.0, "How long an observation may be under way; unchanged values are confirmed up to then", unit="s", low=0.0
    )


def _device_is_a_name(options: object) -> tuple[str, str, str] | None:
    assert isinstance(options, MtconnectOptions)
    if re.search(r"[/?#\s]", options.device):
        return "device", f"is {options.device!r}", "a device's name or uuid as it stands in /probe"
    return None


PROTOCOL = FieldProtocol(
    name="mtconnect",
    source="workcell_sensors.sources.mtconnect:MtconnectSource",
    check_address=parse_address,
    options=MtconnectOptions,
    check_options=_device_is_a_name,
    port=5000,
    discover="workcell_sensors.sources.mtconnect_discover:discover",
)
