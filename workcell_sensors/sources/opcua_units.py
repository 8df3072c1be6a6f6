"""Engineering units between OPC UA and the tag table: UN/CEFACT common codes (part 8, 5.6.3; UNECE Rec. 20)."""

from __future__ import annotations

UNITS_URI = "http://www.opcfoundation.org/UA/units/un/cefact"

CODES: dict[str, str] = {
    "1": "C62",
    "%": "P1",
    "A": "AMP",
    "mA": "4K",
    "V": "VLT",
    "mV": "2Z",
    "kV": "KVT",
    "W": "WTT",
    "kW": "KWT",
    "J": "JOU",
    "kJ": "KJO",
    "Wh": "WHR",
    "kWh": "KWH",
    "Hz": "HTZ",
    "kHz": "KHZ",
    "K": "KEL",
    "degC": "CEL",
    "degF": "FAH",
    "Pa": "PAL",
    "hPa": "A97",
    "kPa": "KPA",
    "MPa": "MPA",
    "bar": "BAR",
    "mbar": "MBR",
    "psi": "PS",
    "s": "SEC",
    "ms": "C26",
    "min": "MIN",
    "h": "HUR",
    "day": "DAY",
    "m": "MTR",
    "mm": "MMT",
    "um": "4H",
    "cm": "CMT",
    "km": "KMT",
    "m/s": "MTS",
    "mm/s": "C16",
    "m/min": "2X",
    "m/s^2": "MSK",
    "rad": "C81",
    "degree": "DD",
    "rad/s": "2A",
    "rad/s^2": "2B",
    "degree/s": "E96",
    "rpm": "RPM",
    "kg": "KGM",
    "g": "GRM",
    "t": "TNE",
    "N": "NEW",
    "kN": "B47",
    "N*m": "NU",
    "L": "LTR",
    "m^3": "MTQ",
    "L/min": "L2",
    "m^3/h": "MQH",
    "lux": "LUX",
    "ohm": "OHM",
    "dB": "2N",
}
"""Unit as pint and the tag table spell it, to its common code."""

_UNITS = {code: unit for unit, code in CODES.items()}


def unit_id_of(unit: str) -> int:
    """Returns the number that stands for a unit, -1 where it has none.

    The number is the common code's characters, read as one big-endian number.

    >>> unit_id_of("rad"), unit_id_of("EUR/kWh")
    (4405297, -1)
    """
    code = CODES.get(unit)
    return int.from_bytes(code.encode("ascii"), "big") if code else -1


def unit_of(unit_id: int) -> str:
    """Returns the unit of a number, empty where it is unknown here.

    >>> unit_of(4408652)
    'degC'
    """
    if not 0 < unit_id < 2**24:
        return ""
    code = unit_id.to_bytes(3, "big").lstrip(b"\0")
    return _UNITS.get(code.decode("ascii", "replace"), "")
