"""asyncua's client with bounds on what a server may make it hold."""

from __future__ import annotations

from typing import Any

import asyncua.ua
from asyncua.client.client import Client
from asyncua.client.ua_client import UaClient, UASocketProtocol
from asyncua.common.connection import TransportLimits
from asyncua.common.shortcuts import Shortcuts

# Typed as Any: the library fills this module with generated names that a checker cannot see.
ua: Any = asyncua.ua

CHUNK_BYTES_MAX = 65_535
MESSAGE_BYTES_MAX = 16 << 20
"""A longer message is refused and the connection dropped: no notification of a field device is."""


def value_of(node_id: Any) -> Any:
    """Returns the request to read or monitor a node's value."""
    return ua.ReadValueId(NodeId=node_id, AttributeId=ua.AttributeIds.Value)


class BoundedLimits(TransportLimits):
    """Limits that a server's Acknowledge can tighten but not lift."""

    def update_client_limits(self, msg: Any) -> None:
        """Takes the server's limits in, within ours."""
        super().update_client_limits(msg)
        self.max_recv_buffer = min(self.max_recv_buffer, CHUNK_BYTES_MAX) or CHUNK_BYTES_MAX
        self.max_message_size = min(self.max_message_size, MESSAGE_BYTES_MAX) or MESSAGE_BYTES_MAX
        chunks = MESSAGE_BYTES_MAX // 8192
        self.max_chunk_count = min(self.max_chunk_count, chunks) or chunks


class BoundedProtocol(UASocketProtocol):
    """A connection that ends when the other side announces more than anybody needs."""

    def data_received(self, data: bytes) -> None:
        """Takes bytes in; a chunk that grows beyond all bounds closes the connection."""
        if len(self.receive_buffer or b"") > 2 * CHUNK_BYTES_MAX:
            self.receive_buffer = None
            if self.transport is not None:
                self.transport.abort()
            return
        super().data_received(data)


class _BoundedUaClient(UaClient):
    def _make_protocol(self) -> UASocketProtocol:
        limits = BoundedLimits(CHUNK_BYTES_MAX, CHUNK_BYTES_MAX, MESSAGE_BYTES_MAX // 8192, MESSAGE_BYTES_MAX)
        self.protocol = BoundedProtocol(self._timeout, security_policy=self.security_policy, limits=limits)
        self.protocol.on_connection_lost = self._on_transport_lost
        self.protocol.is_session_closing = self._is_session_closing
        return self.protocol


class BoundedClient(Client):
    """asyncua's client over a bounded connection, with none of its background tasks.

    Connecting again, watching and renewing are the source's own, which knows what the gateway promises.
    """

    def __init__(self, url: str, timeout_s: float) -> None:
        super().__init__(url, timeout_s)
        self.uaclient = _BoundedUaClient(timeout_s)
        self.nodes = Shortcuts(self.uaclient.session)

    async def ask(self, request: Any, timeout_s: float | None = None) -> bytes:
        """Returns a request's response as bytes; `timeout_s` 0 waits for as long as it takes.

        Raises:
            ConnectionError: there is no connection, or it ended.
            UaError: the server answered with a fault.
            TimeoutError: it did not answer.
        """
        protocol = self.uaclient.protocol
        if protocol is None:
            raise ConnectionError("the connection is closed")
        return bytes(await protocol.send_request(request, timeout_s))

    def drop(self) -> None:
        """Closes the socket at once; the server keeps the session for its time."""
        protocol = self.uaclient.protocol
        if protocol is not None and protocol.transport is not None:
            protocol.transport.abort()
        self.uaclient.disconnect_socket()
