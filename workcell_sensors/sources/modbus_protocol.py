"""What Modbus TCP tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_ros.schema import param
from workcell_sensors.sources.modbus_codec import BITS_MAX, REGISTERS_MAX, UNIT_MAX, parse_address
from workcell_sensors.sources.protocol import FieldProtocol


@dataclass(frozen=True)
class ModbusOptions:
    """The source row's own keys."""

    device_id: int = param(1, "Unit identifier of addresses that name none", low=0, high=UNIT_MAX)
    in_flight_max: int = param(4, "Requests in flight over the connection, one per unit at most", low=1, high=16)
    load_max: float = param(0.5, "Share of the time that a unit may be kept at work", unit="1", low=0.01, high=1.0)
    gap_max: int = param(8, "Unused registers or bits read along rather than asking twice", low=0, high=BITS_MAX)
    registers_max: int = param(REGISTERS_MAX, "Registers per request", low=1, high=REGISTERS_MAX)
    bits_max: int = param(BITS_MAX, "Coils or discrete inputs per request", low=1, high=BITS_MAX)


def _widest(options: object) -> tuple[str, str, str] | None:
    assert isinstance(options, ModbusOptions)
    if options.registers_max < 4:
        return "registers_max", f"is {options.registers_max}", "at least 4, the width of a float64"
    return None


PROTOCOL = FieldProtocol(
    name="modbus",
    source="workcell_sensors.sources.modbus:ModbusSource",
    check_address=parse_address,
    options=ModbusOptions,
    check_options=_widest,
    port=502,
    discover="workcell_sensors.sources.modbus_discover:discover",
)
