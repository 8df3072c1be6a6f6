"""Quality of a value, from the protocol's word, the physical limits and the age; the worst wins."""

from __future__ import annotations

import numpy as np

from workcell_sensors.reading import FloatArray, Quality, QualityArray

_GOOD = np.uint8(Quality.GOOD)
_UNCERTAIN = np.uint8(Quality.UNCERTAIN)
_BAD = np.uint8(Quality.BAD)


def grade(
    values: FloatArray,
    protocol: QualityArray | None,
    low: FloatArray,
    high: FloatArray,
    normal_low: FloatArray,
    normal_high: FloatArray,
) -> QualityArray:
    """Returns the quality of each value (n,); all arguments are (n,), in SI.

    A value that is not a number or outside `low..high` is BAD, one outside `normal_low..normal_high`, which lies
    within the former, UNCERTAIN.

    >>> one = np.ones(1)
    >>> grade(np.array([np.nan]), None, -one, one, -one, one).tolist()
    [2]
    """
    # Written so that NaN, which compares false with everything, falls outside every range.
    normal = (values >= normal_low) & (values <= normal_high)
    if normal.all():
        quality: QualityArray = np.zeros(len(values), dtype=np.uint8)
    else:
        possible = (values >= low) & (values <= high)
        quality = np.where(possible, np.where(normal, _GOOD, _UNCERTAIN), _BAD)
    return quality if protocol is None else np.maximum(quality, protocol)
