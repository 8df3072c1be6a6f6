"""MQTT addresses and payloads; pure."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from decimal import Decimal

from workcell_sensors.reading import NS_PER_S

VALUE_KEY = "v"
TIME_KEY = "t"
STAMP_S_MAX = 9_000_000_000
"""Beyond any time that 64 bits of nanoseconds hold."""


@dataclass(frozen=True)
class MqttAddress:
    """A topic, and the key of the value in its JSON payload."""

    topic: str
    key: str = VALUE_KEY


def parse_address(address: str) -> MqttAddress:
    """Returns `topic` or `topic#key` as its parts.

    Raises:
        ValueError: the topic is empty or has a wildcard.

    >>> parse_address("plant/line1#power")
    MqttAddress(topic='plant/line1', key='power')
    """
    topic, _, key = address.partition("#")
    if not topic or "+" in topic:
        raise ValueError(f"{address!r} is no MQTT topic without wildcards")
    return MqttAddress(topic, key or VALUE_KEY)


def parse_payload(payload: bytes, key: str) -> tuple[float, int | None]:
    """Returns the value and, where the payload has one, the source time in nanoseconds.

    A payload is a JSON object with `key` and optionally `t` in seconds since the epoch, or a bare number or boolean. A
    null value means that the device has none and comes back as NaN.

    Raises:
        ValueError: the payload holds no number; says what it holds.

    >>> parse_payload(b'{"v": 21.5, "t": 2.0}', "v")
    (21.5, 2000000000)
    >>> parse_payload(b"7", "v")
    (7.0, None)
    """
    try:
        # Decimal, because a double cannot hold a present-day time since the epoch to the nanosecond.
        data = json.loads(payload, parse_float=Decimal)
    except (UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"payload is no JSON: {error}") from None
    if not isinstance(data, dict):
        return _number(data, "payload"), None
    if key not in data:
        raise ValueError(f"payload has no key {key!r} but {', '.join(map(str, data)) or 'none'}")
    stamp = data.get(TIME_KEY)
    value = math.nan if data[key] is None else _number(data[key], key)
    if stamp is None:
        return value, None
    if not isinstance(stamp, int | Decimal) or not 0 <= stamp < STAMP_S_MAX:
        raise ValueError(f"{TIME_KEY} is {stamp!r:.40}; it is a time in seconds since the epoch")
    return value, int(stamp * NS_PER_S)


def _number(value: object, what: str) -> float:
    if isinstance(value, bool | int | float | Decimal):
        try:
            return float(value)
        except OverflowError:
            raise ValueError(f"{what} is too large a number") from None
    raise ValueError(f"{what} is {value!r:.40}, which is no number")


def make_payload(value: float, stamp_ns: int, key: str = VALUE_KEY) -> bytes:
    """Returns the JSON payload that a device publishes; NaN goes out as null.

    >>> make_payload(21.5, 2_000_000_000)
    b'{"v":21.5,"t":2.000000}'
    """
    number = "null" if math.isnan(value) else json.dumps(value)
    seconds, rest_ns = divmod(stamp_ns, NS_PER_S)
    return f'{{"{key}":{number},"{TIME_KEY}":{seconds}.{rest_ns // 1000:06d}}}'.encode()
