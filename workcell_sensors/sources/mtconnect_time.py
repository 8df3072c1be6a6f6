"""Times as MTConnect agents and SHDR adapters write them; pure."""

from __future__ import annotations

import datetime
import functools
import re

from workcell_sensors.reading import NS_PER_S

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d{1,18}))?\s*(Z|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII | re.IGNORECASE,
)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_YEARS = range(1970, 2200)
"""What fits in 64 bits of nanoseconds, and a device may mean."""


@functools.lru_cache(maxsize=1024)
def parse_time_ns(text: str) -> int:
    """Returns an ISO 8601 time as nanoseconds since 1970; one that names no zone is UTC, as the standard has it.

    Raises:
        ValueError: it is no such time.

    >>> parse_time_ns("2022-08-08T13:51:34.7167146Z")
    1659966694716714600
    >>> parse_time_ns("1970-01-01T02:00:01+02:00")
    1000000000
    """
    match = _TIME.fullmatch(text.strip())
    if match is None or int(match[1]) not in _YEARS:
        raise ValueError(f"{text[:40]!r} is no time like 2022-08-08T13:51:34.716Z")
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    if hour > 23 or minute > 59 or second > 60:
        raise ValueError(f"{text[:40]!r} is no time of day")
    days = datetime.date(int(match[1]), int(match[2]), int(match[3])).toordinal() - _EPOCH_DAY
    seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - _offset_s(match[8] or "Z")
    return seconds * NS_PER_S + int((match[7] or "").ljust(9, "0")[:9])


def _offset_s(zone: str) -> int:
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset_s = (int(digits[:2]) * 60 + int(digits[2:])) * 60
    return -offset_s if zone[0] == "-" else offset_s
