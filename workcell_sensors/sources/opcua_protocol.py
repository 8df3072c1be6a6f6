"""What OPC UA tells about itself: options and addresses of its rows in the tag table."""

from __future__ import annotations

import re

from workcell_sensors.sources.protocol import FieldProtocol

_NODE_ID = re.compile(r"(ns=\d{1,5};)?(i=\d{1,10}|s=.+|g=[0-9a-fA-F-]{36}|b=.+)")


def check_node_id(address: str) -> None:
    """Raises ValueError where the address is no OPC UA node id in string form.

    >>> check_node_id("ns=2;s=arm.tool.current")
    """
    if not _NODE_ID.fullmatch(address):
        raise ValueError(f"{address!r} is no node id; valid: like ns=2;s=arm.joint_1.current or ns=2;i=1001")


PROTOCOL = FieldProtocol(
    name="opcua",
    source="workcell_sensors.sources.opcua:OpcUaSource",
    check_address=check_node_id,
    port=4840,
)
