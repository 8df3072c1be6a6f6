"""What Modbus TCP tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.modbus_codec import parse_address
from workcell_sensors.sources.protocol import FieldProtocol


@dataclass(frozen=True)
class ModbusOptions:
    """The source row's own keys."""

    device_id: int = param(1, "Unit identifier", low=0, high=255)


PROTOCOL = FieldProtocol(
    name="modbus",
    source="workcell_sensors.sources.modbus:ModbusSource",
    check_address=parse_address,
    options=ModbusOptions,
    port=502,
)
