"""MTConnect's units as pint knows them, and the numbers that its controlled vocabularies become; pure."""

from __future__ import annotations

from collections.abc import Mapping

_UNITS = {
    "AMPERE": "A",
    "CELSIUS": "degC",
    "CENTIPOISE": "centipoise",
    "COUNT": "1",
    "DECIBEL": "1",
    "DEGREE": "deg",
    "FAHRENHEIT": "degF",
    "FOOT": "ft",
    "GALLON": "gallon",
    "GRAM": "g",
    "HERTZ": "Hz",
    "HOUR": "h",
    "INCH": "inch",
    "INCH_POUND": "inch*pound_force",
    "JOULE": "J",
    "KILOGRAM": "kg",
    "KILOWATT": "kW",
    "LITER": "L",
    "LUMEN": "lm",
    "MICRO_RADIAN": "microrad",
    "MICROMETER": "um",
    "MILLIMETER": "mm",
    "CUBIC_MILLIMETER": "mm**3",
    "CUBIC_METER": "m**3",
    "METER": "m",
    "MINUTE": "min",
    "NEWTON": "N",
    "NEWTON_METER": "N*m",
    "OHM": "ohm",
    "PASCAL": "Pa",
    "PASCAL_SECOND": "Pa*s",
    "PERCENT": "percent",
    "POUND": "pound_force",
    "RADIAN": "rad",
    "REVOLUTION": "turn",
    "SECOND": "s",
    "SIEMENS": "S",
    "TESLA": "T",
    "TORR": "torr",
    "VOLT": "V",
    "VOLT_AMPERE": "V*A",
    "VOLT_AMPERE_REACTIVE": "V*A",
    "WATT": "W",
    "WATT_SECOND": "W*s",
}

_STATES = {
    "ACTUATOR_STATE": "INACTIVE ACTIVE",
    "AVAILABILITY": "UNAVAILABLE AVAILABLE",
    "AXIS_STATE": "STOPPED HOME TRAVEL PARKED",
    "CHUCK_STATE": "OPEN CLOSED UNLATCHED",
    "CONTROLLER_MODE": "MANUAL MANUAL_DATA_INPUT SEMI_AUTOMATIC AUTOMATIC EDIT",
    "CONTROLLER_MODE_OVERRIDE": "OFF ON",
    "DIRECTION": "NONE CLOCKWISE COUNTER_CLOCKWISE POSITIVE NEGATIVE",
    "DOOR_STATE": "CLOSED OPEN UNLATCHED",
    "EMERGENCY_STOP": "ARMED TRIGGERED",
    "EXECUTION": "READY ACTIVE INTERRUPTED FEED_HOLD STOPPED OPTIONAL_STOP PROGRAM_STOPPED PROGRAM_COMPLETED WAIT",
    "FUNCTIONAL_MODE": "PRODUCTION SETUP TEARDOWN MAINTENANCE PROCESS_DEVELOPMENT",
    "INTERFACE_STATE": "DISABLED ENABLED",
    "PATH_MODE": "INDEPENDENT MASTER SYNCHRONOUS MIRROR",
    "POWER_STATE": "OFF ON",
    "ROTARY_MODE": "SPINDLE INDEX CONTOUR",
    "SPINDLE_INTERLOCK": "INACTIVE ACTIVE",
}
CONDITION_LEVELS: Mapping[str, float] = {"NORMAL": 0.0, "WARNING": 1.0, "FAULT": 2.0}


def pint_unit(unit: str) -> str:
    """Returns an MTConnect unit as pint reads it; `1` where there is none or it is not known.

    >>> pint_unit("DEGREE/SECOND^2"), pint_unit("MILLIMETER_3D"), pint_unit("x:FURLONG"), pint_unit("REVOLUTION/MINUTE")
    ('deg/s**2', 'mm', '1', 'turn/min')
    """
    parts = []
    for part in unit.removesuffix("_3D").split("/"):
        name, _, power = part.partition("^")
        known = _UNITS.get(name)
        if known is None or (power and not power.isdigit()):
            return "1"
        parts.append(f"{known}**{power}" if power else known)
    return "/".join(parts)


def states_of(kind: str, category: str) -> Mapping[str, float]:
    """Returns a number per value of a data item's controlled vocabulary; empty where it has none that is known."""
    if category == "CONDITION":
        return CONDITION_LEVELS
    return {name: float(number) for number, name in enumerate(_STATES.get(kind, "").split())}
