"""Status codes to quality (part 4, 7.39): the severity decides, except where a code says more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from workcell_sensors.reading import Quality, QualityArray

OVERFLOW = 0x0480
"""Info type DataValue with the overflow bit: the server's queue of this item lost values before this one."""
_CODE = 0xFFFF0000
_LIMIT_LOW_OR_HIGH = (0x0500, 0x0600)
_LIMIT_BITS = 0x0F00
BAD_NODE_ID_INVALID, BAD_NODE_ID_UNKNOWN = 0x8033_0000, 0x8034_0000
_GONE = (BAD_NODE_ID_INVALID, BAD_NODE_ID_UNKNOWN)

SPECIAL: dict[int, Quality] = {
    0x0096_0000: Quality.UNCERTAIN,  # GoodLocalOverride: a person has forced it, nothing has measured it
    0x408F_0000: Quality.STALE,  # UncertainNoCommunicationLastUsableValue
    0x4090_0000: Quality.STALE,  # UncertainLastUsableValue: whatever updated it has stopped to do so
    0x4091_0000: Quality.UNCERTAIN,  # UncertainSubstituteValue
    0x4092_0000: Quality.BAD,  # UncertainInitialValue: not from the device at all
    0x4093_0000: Quality.UNCERTAIN,  # UncertainSensorNotAccurate
    0x4094_0000: Quality.UNCERTAIN,  # UncertainEngineeringUnitsExceeded
    0x4095_0000: Quality.UNCERTAIN,  # UncertainSubNormal
}
"""Codes that mean more than their severity. Every other Good is GOOD, Uncertain UNCERTAIN, and Bad BAD."""

NAMES: dict[int, str] = {
    0x0000_0000: "Good",
    0x0096_0000: "GoodLocalOverride",
    0x4000_0000: "Uncertain",
    0x408F_0000: "UncertainNoCommunicationLastUsableValue",
    0x4090_0000: "UncertainLastUsableValue",
    0x4091_0000: "UncertainSubstituteValue",
    0x4092_0000: "UncertainInitialValue",
    0x4093_0000: "UncertainSensorNotAccurate",
    0x4094_0000: "UncertainEngineeringUnitsExceeded",
    0x4095_0000: "UncertainSubNormal",
    0x8000_0000: "Bad",
    0x800A_0000: "BadTimeout",
    0x8031_0000: "BadNoCommunication",
    0x8032_0000: "BadWaitingForInitialData",
    0x8033_0000: "BadNodeIdInvalid",
    0x8034_0000: "BadNodeIdUnknown",
    0x8035_0000: "BadAttributeIdInvalid",
    0x803A_0000: "BadNotReadable",
    0x8089_0000: "BadConfigurationError",
    0x808A_0000: "BadNotConnected",
    0x808B_0000: "BadDeviceFailure",
    0x808C_0000: "BadSensorFailure",
    0x808D_0000: "BadOutOfService",
}
"""Names of the codes that field values carry, for reports."""

_BY_SEVERITY = np.array([Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD], dtype=np.uint8)


def qualities_of(status: npt.NDArray[np.uint32]) -> QualityArray:
    """Returns the quality of each status code (n,). A sensor at the end of its range is UNCERTAIN at best.

    >>> qualities_of(np.array([0, 0x40930000, 0x808C0000, 0x408F0000, 0x00000600], dtype=np.uint32)).tolist()
    [0, 1, 2, 3, 1]
    """
    if not status.any():
        return np.zeros(len(status), dtype=np.uint8)
    quality: QualityArray = _BY_SEVERITY[status >> 30]
    codes = status & np.uint32(_CODE)
    for code, special in SPECIAL.items():
        quality[codes == code] = special
    at_limit = np.isin(status & _LIMIT_BITS, _LIMIT_LOW_OR_HIGH)
    quality[at_limit] = np.maximum(quality[at_limit], np.uint8(Quality.UNCERTAIN))
    return quality


def overflowed(status: npt.NDArray[np.uint32]) -> int:
    """Returns how many items say that the server lost values of theirs."""
    return int(np.count_nonzero((status & OVERFLOW) == OVERFLOW))


def is_gone(status: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Returns for each code (n,) whether it says that the server has no such node, or no longer."""
    return np.isin(status & np.uint32(_CODE), _GONE)


def name_of(status: int) -> str:
    """Returns a status code's name, or its number where it has none here.

    >>> name_of(0x808C0000)
    'BadSensorFailure'
    """
    return NAMES.get(status & _CODE, f"0x{status:08X}")
