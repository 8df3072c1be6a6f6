"""One MQTT connection in the worker's event loop, over paho-mqtt.

paho parses and answers; this class gives it the loop's readiness in place of a thread. Messages are handed on while
they are read, in bursts: nothing queues up here, and while nobody reads, TCP holds the server back.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from workcell_sensors.sources.credentials import Credentials

V311 = "3.1.1"
V5 = "5"
VERSIONS = (V311, V5)
BURST_MAX = 200
"""Messages read before other tasks of the loop have their turn."""
PACKET_BYTES_MAX = 4 << 20
"""Told to servers of MQTT 5, which then send no larger message; one of MQTT 3.1.1 that does is left."""
READ_AHEAD_BYTES = 1 << 16
HOUSEKEEPING_S = 0.5
NAMED_MAX = 5
"""Topics named in a text for a person."""
_DISCONNECT_WITH_WILL = 0x04


class Will(NamedTuple):
    """A message, and how it is to be sent."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class LinkError(Exception):
    """The server refused the connection or closed it; the text says why."""


@dataclass(frozen=True)
class LinkConfig:
    """How to connect.

    Attributes:
        version: "3.1.1" or "5".
        client_id: empty: one that the client makes up.
        keepalive_s: silence after which the server is asked for a sign of life, and as long again until it must come.
        session_expiry_s: how long the server is to keep the session; 0: not at all, the session starts clean.
        timeout_s: for connecting, and for every answer waited for.
        tls: whether to use TLS; the authority and certificates come from the credentials.
    """

    host: str
    port: int
    version: str = V311
    client_id: str = ""
    keepalive_s: int = 10
    session_expiry_s: int = 0
    timeout_s: float = 5.0
    tls: bool = False
    credentials: Credentials | None = field(default=None, repr=False)
    will: Will | None = None


class ReadAhead:
    """paho's socket, read in large pieces: paho asks for a byte at a time, and each question would be a system call.

    Everything but `recv` is the socket's own.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._buffer = b""
        self._place = 0

    @property
    def pending(self) -> int:
        """Bytes that have been read and not yet been asked for."""
        return len(self._buffer) - self._place

    def recv(self, size: int) -> bytes:
        """Returns up to `size` bytes; raises as the socket does where there are none."""
        if self._place == len(self._buffer):
            self._buffer, self._place = b"", 0
            self._buffer = self._sock.recv(READ_AHEAD_BYTES)
        start = self._place
        data = self._buffer[start : start + size]
        self._place = start + len(data)
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class PatientClient(paho.Client):
    """paho takes a server for dead while its answer to a ping still waits behind data; data is a sign of life too."""

    @property
    def announced_bytes(self) -> int:
        """Of the packet that is being read."""
        return int(self._in_packet["remaining_length"])

    def note_life(self) -> None:
        """Does what paho does when the answer comes."""
        self._ping_t = 0.0


class Message(NamedTuple):
    """One message that came."""

    topic: str
    payload: bytes
    retained: bool
    qos: int


class MqttLink:
    """A connection from `open` until `close`; afterwards another is to be made.

    `on_message` is called for every message, `on_burst` after each run of them. The server is told that they came only
    then: what `on_burst` has put in safety outlives a kill, and what it has not the server sends again.
    """

    def __init__(
        self, config: LinkConfig, on_message: Callable[[Message], None], on_burst: Callable[[], None] | None = None
    ) -> None:
        self.config = config
        self._on_message = on_message
        self._on_burst = on_burst
        self._client = self._make_client()
        self._socket: ReadAhead | None = None
        self._unacknowledged: list[tuple[int, int]] = []
        self._acks: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._connected: asyncio.Future[bool] | None = None
        self._lost: asyncio.Future[str] | None = None
        self._housekeeping: asyncio.Task[None] | None = None

    # -- what a session does ------------------------------------------------------------------------------------------

    async def open(self) -> bool:
        """Connects; returns whether the server still had the session.

        Raises:
            LinkError: the server refused, or TLS failed.
            OSError: nobody listens.
            TimeoutError: no answer in time.
        """
        loop = asyncio.get_running_loop()
        self._connected, self._lost = loop.create_future(), loop.create_future()
        await self._connect_socket(loop)
        try:
            async with asyncio.timeout(self.config.timeout_s):
                return await self._connected
        except BaseException:
            self.abort()
            raise

    async def subscribe(self, filters: Sequence[tuple[str, int]]) -> tuple[str, ...]:
        """Subscribes to (topic filter, QoS); returns the filters that the server refused.

        Raises:
            LinkError: the link is lost.
            TimeoutError: no answer in time.
        """
        wanted: Any = list(filters)
        if self.config.version == V5:
            wanted = [(topic, SubscribeOptions(qos=qos)) for topic, qos in filters]
        code, mid = self._client.subscribe(wanted)
        if code is not MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkError(f"cannot subscribe: {paho.error_string(code)}")
        future = self._acks[mid] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(self.config.timeout_s):
            granted = await future
        return tuple(topic for (topic, _), reason in zip(filters, granted, strict=False) if reason.is_failure)

    def publish(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """Sends a message; what the socket does not take at once follows when it can.

        Raises:
            LinkError: the link is lost.
        """
        info = self._client.publish(topic, payload, qos, retain)
        if info.rc is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise LinkError(f"cannot publish: {paho.error_string(info.rc)}")

    @property
    def is_congested(self) -> bool:
        """Whether what was published before still waits for the socket."""
        return self._client.want_write()

    async def lost(self) -> str:
        """Waits until the link is lost, and returns why; raises what `on_message` or `on_burst` raised."""
        assert self._lost is not None
        return await asyncio.shield(self._lost)

    async def close(self, with_will: bool = False) -> None:
        """Disconnects; `with_will` asks a server of MQTT 5 to send the will all the same. Again is harmless."""
        if self._socket is not None:
            reason = None
            if with_will and self.config.version == V5:
                reason = ReasonCode(PacketTypes.DISCONNECT, identifier=_DISCONNECT_WITH_WILL)
            self._client.disconnect(reasoncode=reason)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.config.timeout_s):
                    while self._client.want_write() and self._socket is not None:
                        await asyncio.sleep(0)
        self.abort()

    def abort(self) -> None:
        """Drops the connection without a word; the server then sends the will. Again is harmless."""
        if self._housekeeping is not None:
            self._housekeeping.cancel()
            self._housekeeping = None
        self._forget_socket()
        with contextlib.suppress(OSError, ValueError):
            # paho's own handle on the socket.
            sock = self._client.socket()
            if sock is not None:
                sock.close()
        for future in self._acks.values():
            if not future.done():
                future.cancel()
        self._acks.clear()

    # -- paho ---------------------------------------------------------------------------------------------------------

    def _make_client(self) -> PatientClient:
        config = self.config
        is_v5 = config.version == V5
        client = PatientClient(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id or None,
            clean_session=None if is_v5 else config.session_expiry_s == 0,
            protocol=paho.MQTTv5 if is_v5 else paho.MQTTv311,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        client.connect_timeout = config.timeout_s
        if config.will is not None:
            client.will_set(*config.will)
        if config.credentials is not None and config.credentials.user:
            client.username_pw_set(config.credentials.user, config.credentials.password.reveal() or None)
        if config.tls:
            client.tls_set_context(tls_context(config.credentials))
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_paho_message
        return client

    async def _connect_socket(self, loop: asyncio.AbstractEventLoop) -> None:
        # Name resolution, TCP and TLS block; nothing else of this object runs meanwhile.
        connecting = loop.run_in_executor(None, self._connect)
        try:
            await asyncio.shield(connecting)
        except asyncio.CancelledError:
            connecting.add_done_callback(self._drop_late)
            raise
        except ssl.SSLError as error:
            raise LinkError(f"TLS: {error.reason or error}") from None
        if self._client.socket() is None:
            raise LinkError("the server closed the connection at once")
        # Nothing has been read yet: paho waits to be told.
        self._socket = self._client._sock = ReadAhead(self._client.socket())
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = self._on_register_write
        self._client.on_socket_unregister_write = self._on_unregister_write
        loop.add_reader(self._socket, self._readable)
        if self._client.want_write():
            loop.add_writer(self._socket, self._client.loop_write)
        self._housekeeping = loop.create_task(self._keep_house())

    def _connect(self) -> None:
        config = self.config
        properties = None
        if config.version == V5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = config.session_expiry_s
            properties.MaximumPacketSize = PACKET_BYTES_MAX
        self._client.connect(
            config.host,
            config.port,
            config.keepalive_s,
            clean_start=config.session_expiry_s == 0 if config.version == V5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
            properties=properties,
        )

    def _drop_late(self, connecting: asyncio.Future[None]) -> None:
        # The session was cancelled while its thread still connected.
        if not connecting.cancelled() and connecting.exception() is None:
            self.abort()

    def _readable(self) -> None:
        try:
            self._read_burst()
        except Exception as error:
            # paho would read the same packet again; whoever waits for the loss is told what went wrong.
            self._forget_socket()
            if self._lost is not None and not self._lost.done():
                self._lost.set_exception(error)

    def _read_burst(self) -> None:
        for _ in range(BURST_MAX):
            if self._socket is None:
                return
            self._client.loop_read()
            if self._client.announced_bytes > PACKET_BYTES_MAX:
                problem = f"the server sends a packet of {self._client.announced_bytes} bytes"
                raise LinkError(f"{problem}; valid: up to {PACKET_BYTES_MAX}")
            if self._socket is None or not self._socket.pending:
                break
        if self._on_burst is not None:
            self._on_burst()
        for mid, qos in self._unacknowledged:
            self._client.ack(mid, qos)
        self._unacknowledged.clear()
        if self._socket is not None and self._socket.pending:
            # The loop would not tell of bytes that have been read already.
            asyncio.get_running_loop().call_soon(self._readable)

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_S)
            # Read first: where this process did not get its turn, signs of life may be waiting.
            self._readable()
            self._client.loop_misc()

    def _on_paho_message(self, _client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        self._client.note_life()
        if message.qos:
            self._unacknowledged.append((message.mid, message.qos))
        self._on_message(Message(message.topic, bytes(message.payload), message.retain, message.qos))

    def _on_connect(self, _c: Any, _u: Any, flags: paho.ConnectFlags, reason: ReasonCode, _p: Any) -> None:
        if self._connected is None or self._connected.done():
            return
        if reason.is_failure:
            self._connected.set_exception(LinkError(f"the server refuses the connection: {reason}"))
        else:
            self._connected.set_result(flags.session_present)

    def _on_disconnect(self, _c: Any, _u: Any, _flags: Any, reason: ReasonCode, _p: Any) -> None:
        text = "the server no longer answers" if "Keep alive" in str(reason) else f"the connection is lost: {reason}"
        if self._connected is not None and not self._connected.done():
            self._connected.set_exception(LinkError(text))
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(text)

    def _on_subscribe(self, _c: Any, _u: Any, mid: int, reasons: list[ReasonCode], _p: Any) -> None:
        future = self._acks.pop(mid, None)
        if future is not None and not future.done():
            future.set_result(reasons)

    def _on_socket_close(self, _client: Any, _userdata: Any, _sock: Any) -> None:
        self._forget_socket()

    def _on_register_write(self, _client: Any, _userdata: Any, sock: Any) -> None:
        asyncio.get_running_loop().add_writer(sock, self._client.loop_write)

    def _on_unregister_write(self, _client: Any, _userdata: Any, sock: Any) -> None:
        asyncio.get_running_loop().remove_writer(sock)

    def _forget_socket(self) -> None:
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._socket)
        loop.remove_writer(self._socket)
        self._socket = None


def check_granted(refused: Sequence[str]) -> None:
    """Raises LinkError where a server refused a subscription without which there is no use in going on."""
    if refused:
        more = " and more" if len(refused) > NAMED_MAX else ""
        raise LinkError(f"the server refuses subscriptions to {', '.join(refused[:NAMED_MAX])}{more}")


def tls_context(credentials: Credentials | None) -> ssl.SSLContext:
    """Returns TLS settings under which the server's certificate must be trusted by the credentials or the system."""
    trusted = credentials.trusted if credentials is not None else None
    context = ssl.create_default_context(cafile=None if trusted is None else str(trusted))
    if credentials is not None and credentials.certificate is not None:
        key = None if credentials.private_key is None else str(credentials.private_key)
        context.load_cert_chain(str(credentials.certificate), key, credentials.private_key_password.reveal() or None)
    return context
