"""One full set of the parameters that the optimiser chooses, and where each of them lives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

CELL, INSPECTION = "cell", "inspection"


@dataclass(frozen=True)
class Setting:
    """The governed parameters that shape a cycle, named as their nodes name them."""

    speed_scale: float
    acceleration_scale: float
    jerk_scale: float
    part_acceleration_max_m_s2: float
    grip_vacuum_pa: float
    grip_dwell_s: float
    settle_s: float
    exposure_s: float

    @staticmethod
    def of(parameters: Mapping[str, Mapping[str, float]]) -> Setting | None:
        """The set in force by node and parameter; None where one of them is not known."""
        try:
            return Setting(**{name: float(parameters[node][name]) for name, node in NODE_OF.items()})
        except KeyError:
            return None

    def by_node(self) -> dict[str, dict[str, float]]:
        """Values by node and parameter."""
        values: dict[str, dict[str, float]] = {CELL: {}, INSPECTION: {}}
        for name, node in NODE_OF.items():
            values[node][name] = getattr(self, name)
        return values

    def array(self) -> FloatArray:
        """Values in the order of `NAMES`, shape (8,)."""
        return np.array([getattr(self, name) for name in NAMES])

    def changed(self, changes: Mapping[str, float]) -> Setting:
        """With some values replaced; names of other parameters are passed over."""
        return replace(self, **{name: value for name, value in changes.items() if name in NODE_OF})


NAMES = tuple(entry.name for entry in fields(Setting))
NODE_OF = {name: INSPECTION if name == "exposure_s" else CELL for name in NAMES}
COLUMN = {name: index for index, name in enumerate(NAMES)}


def setting_from(values: FloatArray) -> Setting:
    """The set with values in the order of `NAMES`, shape (8,)."""
    return Setting(*(float(value) for value in values))
