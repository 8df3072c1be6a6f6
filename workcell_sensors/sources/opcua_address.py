"""Node addresses that outlive a server's restart: by namespace URI, with an index into an array where wanted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from workcell_sensors.reading import FloatArray

_ADDRESS = re.compile(
    r"(?:nsu=(?P<uri>[^;]+);|ns=(?P<index>\d{1,5});)?"
    r"(?P<id>i=\d{1,10}|s=.+?|g=[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|b=[A-Za-z0-9+/]+={0,2})"
    r"(?:;index=(?P<element>\d{1,9}))?",
    re.DOTALL,
)
_VALID = "nsu=<namespace URI>;s=<name>, ns=2;s=<name> or ns=2;i=1001, with ;index=3 for one element of an array"
_NUMERIC_MAX = 2**32 - 1


@dataclass(frozen=True)
class NodeAddress:
    """One node of a server, or one element of the array it holds."""

    identifier: str
    """With its type, as in `s=arm.joint_1.current`."""
    uri: str = ""
    """Namespace by URI; empty: by index."""
    namespace: int = 0
    element: int | None = None

    def index_in(self, namespaces: Sequence[str]) -> int:
        """Returns the namespace's index in a server's namespace array.

        Raises:
            LookupError: the server has no such namespace; names those it has.

        >>> parse_address("nsu=urn:plant;s=arm.current").index_in(["http://opcfoundation.org/UA/", "urn:plant"])
        1
        """
        if not self.uri:
            return self.namespace
        if self.uri not in namespaces:
            raise LookupError(f"the server has no namespace {self.uri}; it has {', '.join(map(str, namespaces))}")
        return list(namespaces).index(self.uri)

    @property
    def node(self) -> NodeAddress:
        """The whole node, whichever element of it is meant."""
        return NodeAddress(self.identifier, self.uri, self.namespace)

    def pinned(self, namespaces: Sequence[str]) -> NodeAddress:
        """Returns the address by URI, as the namespace array in force tells it.

        Indices are the server's to choose anew at each start (part 3, 8.2.2); namespace 0 is fixed.
        """
        if self.uri or self.namespace == 0 or self.namespace >= len(namespaces):
            return self
        return NodeAddress(self.identifier, namespaces[self.namespace], self.namespace, self.element)

    def pick(self, array: FloatArray) -> float | None:
        """Returns the element of an array that this is about, None where there is none."""
        if self.element is None or self.element >= array.size:
            return None
        return float(np.ravel(array)[self.element])


def parse_address(address: str) -> NodeAddress:
    """Returns the parts of an address.

    Raises:
        ValueError: it is none; says what would be valid.

    >>> parse_address("ns=2;s=temps;index=3").element
    3
    """
    found = _ADDRESS.fullmatch(address)
    if not found:
        raise ValueError(f"{address!r} is no node id; valid: {_VALID}")
    identifier = found["id"]
    if identifier.startswith("i=") and int(identifier[2:]) > _NUMERIC_MAX:
        raise ValueError(f"{address!r} has a number beyond {_NUMERIC_MAX}; valid: {_VALID}")
    namespace = int(found["index"] or 0)
    if namespace > 0xFFFF:
        raise ValueError(f"{address!r} has a namespace beyond 65535; valid: {_VALID}")
    element = None if found["element"] is None else int(found["element"])
    return NodeAddress(identifier, found["uri"] or "", namespace, element)
