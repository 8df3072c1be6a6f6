"""Where a server is: a host alone, never with who logs in there."""

from __future__ import annotations

import ipaddress
import re

PORT_MAX = 65_535
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]{0,251}[A-Za-z0-9_.])?")
_VALID = "valid: a host name or an IP address alone"


def check_host(text: str) -> None:
    """Checks that a text names a host.

    Raises:
        ValueError: it does not. A user or password in it is not repeated, for errors reach logs and diagnostics.

    >>> check_host("plc-1.line"), check_host("192.168.0.7"), check_host("fe80::1")
    (None, None, None)
    >>> check_host("operator:secret@plc")
    Traceback (most recent call last):
    ...
    ValueError: names a user; valid: a host name or an IP address alone, and `credentials` for who logs in
    """
    if "@" in text:
        raise ValueError(f"names a user; {_VALID}, and `credentials` for who logs in")
    if _NAME.fullmatch(text):
        return
    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise ValueError(f"is {text!r:.120}; {_VALID}") from None
