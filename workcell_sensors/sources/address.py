"""Checks of tag addresses by protocol; pure, so that a bad address is an error at load, not at run time."""

from __future__ import annotations

import re
from collections.abc import Callable

from workcell_sensors.sources import modbus_codec, mqtt_codec

_NODE_ID = re.compile(r"(ns=\d{1,5};)?(i=\d{1,10}|s=.+|g=[0-9a-fA-F-]{36}|b=.+)")


def check_node_id(address: str) -> None:
    """Raises ValueError where the address is no OPC UA node id in string form.

    >>> check_node_id("ns=2;s=arm.tool.current")
    """
    if not _NODE_ID.fullmatch(address):
        raise ValueError(f"{address!r} is no node id like ns=2;s=arm.joint_1.current or ns=2;i=1001")


CHECKS: dict[str, Callable[[str], object]] = {
    "mqtt": mqtt_codec.parse_address,
    "opcua": check_node_id,
    "modbus": modbus_codec.parse_address,
}
PROTOCOLS = tuple(CHECKS)
