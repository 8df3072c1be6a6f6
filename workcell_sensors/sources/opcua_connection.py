"""A session with a server that outlives the connection it runs over (part 4, 6.7)."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import uuid
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from asyncua.ua.uaerrors import (
    BadCertificateUntrusted,
    BadIdentityTokenInvalid,
    BadIdentityTokenRejected,
    BadSecurityChecksFailed,
    BadUserAccessDenied,
    UaError,
)

from workcell_sensors.sources.opcua_address import NodeAddress
from workcell_sensors.sources.opcua_protocol import OpcUaOptions
from workcell_sensors.sources.opcua_publish import decode_read
from workcell_sensors.sources.opcua_security import check_password_is_hidden, load_user_certificate, make_client
from workcell_sensors.sources.opcua_status import name_of
from workcell_sensors.sources.opcua_transport import BoundedClient, ua, value_of
from workcell_sensors.sources.opcua_wire import Samples, WireError
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

CALL_ITEMS_MAX = 500
"""Items of one call where the server states no limit of its own."""
CALL_ITEMS_MIN = 10
"""However slow a server is, calls are not made smaller than this."""
OWN_CERTIFICATE = "own/gateway/certificate.der"
RENEW_SHARE = 0.75
"""A secure channel's token is renewed after this share of its lifetime (part 4, 5.5.2)."""
_GONE = (UaError, OSError, TimeoutError, RuntimeError, LookupError)
"""What asyncua raises where a server answers with a fault, not, or too late."""


@dataclass(frozen=True)
class ServerLimits:
    """What a server takes in one call (part 5, 6.3.11); `CALL_ITEMS_MAX` where it states nothing."""

    nodes_per_read: int = CALL_ITEMS_MAX
    nodes_per_browse: int = CALL_ITEMS_MAX
    items_per_call: int = CALL_ITEMS_MAX
    sample_rate_min_ms: float = 0.0
    """The quickest sampling interval it supports at all times."""


class Connection:
    """One session. `open` again after a loss takes it up where the server still has it."""

    def __init__(self, spec: SourceSpec, options: OpcUaOptions) -> None:
        self._spec = spec
        self._options = options
        self._client: BoundedClient | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._started_at: object = None
        self._call_items_max = CALL_ITEMS_MAX
        self.namespaces: tuple[str, ...] = ()
        self.limits = ServerLimits()
        self.is_same_server = False
        """Whether the server has run on since the connection before this one: its subscriptions may live."""

    @property
    def client(self) -> BoundedClient:
        """The client of the open connection."""
        if self._client is None:
            raise ConnectionError("not connected")
        return self._client

    async def open(self) -> bool:
        """Connects; returns whether the session from before goes on.

        Raises:
            LinkLost: server and options agree on no security, or it is not trusted.
            OSError, TimeoutError, UaError: the server is away, turns us away or does not answer.
        """
        resumed = self._client is not None and await self._resume(self._client)
        if not resumed:
            await self._begin()
        started_at = await self.client.get_node(ua.NodeId(ua.ObjectIds.Server_ServerStatus_StartTime)).read_value()
        self.is_same_server = started_at == self._started_at
        if resumed and not self.is_same_server:
            # A server that started anew has handed our token to somebody else's session; that one is not ours.
            self.drop()
            self._client = None
            raise LinkLost("the server was started anew")
        self._started_at = started_at
        self.namespaces = tuple(await self.client.get_namespace_array())
        if not self.is_same_server or self.limits.items_per_call > self._call_items_max:
            self.limits = await self._read_limits()
        self._renewal = asyncio.create_task(self._renew())
        return resumed

    def slow_down(self, size: int) -> None:
        """Notes that the server did not answer a call of `size` items in time: the next ones are half as large."""
        self._call_items_max = max(CALL_ITEMS_MIN, min(size, self._call_items_max) // 2)

    def drop(self) -> None:
        """Lets the connection go and keeps the session."""
        self._end_renewal()
        if self._client is not None:
            self._client.drop()

    async def close(self) -> None:
        """Takes leave: the server deletes session and subscriptions. A server that no longer answers is left."""
        self._end_renewal()
        client, self._client = self._client, None
        if client is None:
            return
        try:
            # A dead server cannot answer the goodbye; what matters is that socket and tasks are gone.
            with contextlib.suppress(*_GONE):
                async with asyncio.timeout(self._spec.timeout_s):
                    await client.close_session()
                    await client.close_secure_channel()
        finally:
            client.drop()

    def node_id(self, address: NodeAddress) -> Any:
        """Returns the node id of an address in the server's present numbering.

        Raises:
            LookupError: the server has no such namespace.
        """
        namespace = address.index_in(self.namespaces)
        kind, text = address.identifier[0], address.identifier[2:]
        if kind == "i":
            return ua.NodeId(int(text), namespace)
        if kind == "g":
            return ua.GuidNodeId(uuid.UUID(text), namespace)
        if kind == "b":
            return ua.ByteStringNodeId(base64.b64decode(text), namespace)
        return ua.StringNodeId(text, namespace)

    async def read(self, requests: Sequence[Any]) -> Samples:
        """Returns what a Read of some ReadValueIds gives, numbered from 0.

        Raises:
            LinkLost: the answer is none to the question.
            ConnectionError, TimeoutError, UaError: as `BoundedClient.ask`.
        """
        request = ua.ReadRequest()
        request.Parameters.TimestampsToReturn = ua.TimestampsToReturn.Both
        request.Parameters.NodesToRead = list(requests)
        try:
            status, samples = decode_read(await self.client.ask(request))
        except TimeoutError:
            self.slow_down(len(requests))
            raise
        except WireError as error:
            raise LinkLost(f"the answer to Read cannot be understood ({error})") from None
        if status >> 30 or len(samples) != len(requests):
            raise LinkLost(f"Read of {len(requests)} nodes gave {len(samples)} values ({name_of(status)})")
        return samples

    async def _begin(self) -> None:
        self._client = None
        client = await make_client(self._spec, self._options)
        await load_user_certificate(client, self._spec)
        try:
            await client.connect_socket()
            await client.send_hello()
            await client.open_secure_channel()
            await client.create_session()
            check_password_is_hidden(client, self._spec)
            await _activate(client, self._spec)
        except (BadCertificateUntrusted, BadSecurityChecksFailed) as error:
            client.drop()
            ours = f"{self._options.pki_dir}/{OWN_CERTIFICATE}"
            raise LinkLost(f"the server turns us away ({type(error).__name__}); have it trust {ours}") from None
        except (BadUserAccessDenied, BadIdentityTokenRejected, BadIdentityTokenInvalid) as error:
            client.drop()
            raise LinkLost(f"the server does not let {self._user()} in ({type(error).__name__})") from None
        except BaseException:
            client.drop()
            raise
        self._client = client

    def _user(self) -> str:
        credentials = self._spec.credentials
        if credentials is None:
            return "anybody without credentials"
        return f"the user of credentials {credentials.name}"

    async def _resume(self, client: BoundedClient) -> bool:
        """Takes the session up over a new connection; returns False where it is not to be had any more.

        While nobody answers the session is kept. A server that answers and slams the door may have another
        certificate by now, or none of our sessions: with it one begins anew.
        """
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
            client.uaclient.session.rebind_authentication_token()
            await _activate(client, self._spec)
        except (UaError, ConnectionError):
            client.drop()
            self._client = None
            return False
        except BaseException:
            client.drop()
            raise
        return True

    async def _renew(self) -> None:
        client = self.client
        try:
            while True:
                await asyncio.sleep(RENEW_SHARE * client.secure_channel_timeout / 1000.0)
                await client.open_secure_channel(renew=True)
                client.uaclient.revolve_security_token()
        except _GONE:
            # Without a token the channel is dead; whoever waits for an answer on it learns that now.
            client.drop()

    def _end_renewal(self) -> None:
        if self._renewal is not None:
            self._renewal.cancel()
            self._renewal = None

    async def _read_limits(self) -> ServerLimits:
        ids = ua.ObjectIds
        prefix = "Server_ServerCapabilities_"
        names = ("MaxNodesPerRead", "MaxNodesPerBrowse", "MaxMonitoredItemsPerCall")
        wanted = [getattr(ids, f"{prefix}OperationLimits_{name}") for name in names]
        wanted.append(getattr(ids, f"{prefix}MinSupportedSampleRate"))
        samples = await self.read([value_of(ua.NodeId(each)) for each in wanted])
        # A limit is optional, and 0 means none; either way we stay reasonable.
        said = [
            number if number > 0 and not status >> 30 else 0.0
            for number, status in zip(samples.values.tolist(), samples.status.tolist(), strict=True)
        ]
        most = self._call_items_max
        reads, browses, items = (int(min(number or most, most)) for number in said[:3])
        return ServerLimits(max(1, reads), max(1, browses), max(1, items), said[3])


async def run_together(*work: Coroutine[Any, Any, None]) -> None:
    """Runs coroutines at once until one fails or all are done; leaves none running.

    Raises what the first one raised. A TaskGroup would do, but up to Python 3.12 it leaves the caller marked as being
    cancelled (python/cpython gh-116720), which here means that the source is being stopped.
    """
    tasks = [asyncio.create_task(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _activate(client: BoundedClient, spec: SourceSpec) -> None:
    credentials = spec.credentials
    user = credentials.user if credentials is not None else ""
    password = credentials.password.reveal() if credentials is not None else ""
    await client.activate_session(user or None, password or None, client.user_certificate)
