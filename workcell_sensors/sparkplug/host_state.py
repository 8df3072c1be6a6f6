"""STATE messages: a host application's birth and death certificates, in JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

STATE_BYTES_MAX = 4096
TIMESTAMP_MS_MAX = (1 << 63) // 1_000_000 - 1
"""The last millisecond that 64 signed bits of nanoseconds hold."""


@dataclass(frozen=True, slots=True)
class HostState:
    """Whether a host application is online, since when."""

    online: bool
    timestamp_ms: int
    """UTC; that of the CONNECT to which birth and will belong."""


def encode_state(state: HostState) -> bytes:
    """Returns the JSON payload.

    >>> encode_state(HostState(True, 1700000000000))
    b'{"online":true,"timestamp":1700000000000}'
    """
    return json.dumps({"online": state.online, "timestamp": state.timestamp_ms}, separators=(",", ":")).encode()


def decode_state(payload: bytes) -> HostState:
    """Returns what a STATE payload says.

    Raises:
        ValueError: it is no STATE payload of Sparkplug 3.0; says what is wrong.
    """
    if len(payload) > STATE_BYTES_MAX:
        raise ValueError(f"a STATE payload of {len(payload)} bytes is too large")
    try:
        data = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError(f"a STATE payload is JSON, not {payload!r:.60}") from None
    if not isinstance(data, dict) or not isinstance(data.get("online"), bool):
        raise ValueError("a STATE payload has no boolean 'online'")
    timestamp_ms = data.get("timestamp")
    if isinstance(timestamp_ms, bool) or not isinstance(timestamp_ms, int | float):
        raise ValueError("a STATE payload has no numeric 'timestamp'")
    if not 0 <= timestamp_ms <= TIMESTAMP_MS_MAX:
        raise ValueError(f"the timestamp {timestamp_ms!r:.40} of a STATE payload is no time since the epoch")
    return HostState(data["online"], int(timestamp_ms))
