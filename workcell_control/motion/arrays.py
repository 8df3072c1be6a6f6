"""Array types shared by the motion modules."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IndexArray = NDArray[np.intp]
BoolArray = NDArray[np.bool_]


def frozen_array(values: FloatArray | Sequence[float]) -> FloatArray:
    """A read-only float copy of `values` (an array that is already read-only is returned as is)."""
    array = np.asarray(values, dtype=np.float64)
    if array.flags.writeable:
        array = array.copy()
        array.flags.writeable = False
    return array


def evenly(end: float, count: int) -> FloatArray:
    """`count` values, at least 2, evenly from 0 to `end`, both included: as `np.linspace`, without its overhead."""
    values = np.arange(count, dtype=np.float64) * (end / (count - 1))
    values[-1] = end
    return values
