"""An MQTT server that keeps every packet, for tests of what goes over the wire; it grants all but `denied` topics."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from waiting import PATIENCE_S, until

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True)
class Packet:
    """One packet of MQTT."""

    kind: int
    flags: int
    body: bytes


@dataclass(frozen=True)
class Connect:
    """What a CONNECT packet says."""

    level: int
    clean: bool
    keepalive_s: int
    session_expiry_s: int | None
    will_topic: str
    will_payload: bytes
    will_qos: int
    will_retain: bool


@dataclass(frozen=True)
class Published:
    """What a PUBLISH packet says."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass
class Connection:
    """Everything a client sent over one connection."""

    packets: list[Packet] = field(default_factory=list)
    is_v5: bool = False

    @property
    def connect(self) -> Connect:
        body = self.packets[0].body
        level, flags, keepalive_s = struct.unpack_from(">BBH", body, 6)
        expiry_s, place = None, 10
        if level == 5:
            size, place = _varint(body, place)
            properties = body[place : place + size]
            if b"\x11" in properties:
                (expiry_s,) = struct.unpack_from(">I", properties, properties.index(b"\x11") + 1)
            place += size
        _, place = _text(body, place)
        topic, payload = b"", b""
        if flags & 4:
            if level == 5:
                size, place = _varint(body, place)
                place += size
            topic, place = _text(body, place)
            payload, place = _text(body, place)
        clean, qos, retain = bool(flags & 2), flags >> 3 & 3, bool(flags & 32)
        return Connect(level, clean, keepalive_s, expiry_s, topic.decode(), payload, qos, retain)

    @property
    def published(self) -> list[Published]:
        return [self._published(packet) for packet in self.packets if packet.kind == PUBLISH]

    def _published(self, packet: Packet) -> Published:
        topic, place = _text(packet.body, 0)
        qos = packet.flags >> 1 & 3
        place += 2 if qos else 0
        if self.is_v5:
            size, place = _varint(packet.body, place)
            place += size
        return Published(topic.decode(), packet.body[place:], qos, bool(packet.flags & 1))

    @property
    def kinds(self) -> list[int]:
        return [packet.kind for packet in self.packets]


class FakeMqttServer:
    """Listens on a free port; one thread per connection."""

    def __init__(self, answers_pings: bool = True) -> None:
        self.connections: list[Connection] = []
        self._answers_pings = answers_pings
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server((LOOPBACK, 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def until(self, condition: Callable[[], bool], what: str) -> None:
        until(condition, lambda: what)

    def send(self, topic: str, payload: bytes, mid: int = 0) -> None:
        """Publishes to every client, at QoS 1 where `mid` is given."""
        for sock, connection in zip(self._sockets, self.connections, strict=True):
            number = struct.pack(">H", mid) if mid else b""
            more = b"\0" if connection.is_v5 else b""
            body = struct.pack(">H", len(topic)) + topic.encode() + number + more + payload
            sock.sendall(bytes((PUBLISH << 4 | (2 if mid else 0), len(body))) + body)

    def announce(self, size: int) -> None:
        """Begins a message of so many bytes to every client, of which nothing follows."""
        head = bytes((PUBLISH << 4,))
        while size >= 0x80:
            head += bytes((size & 0x7F | 0x80,))
            size >>= 7
        for sock in self._sockets:
            sock.sendall(head + bytes((size,)))

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for sock in self._sockets:
            sock.close()
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection()
            self._sockets.append(sock)
            self.connections.append(connection)
            self._threads.append(threading.Thread(target=self._serve, args=(sock, connection)))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket, connection: Connection) -> None:
        stream = sock.makefile("rb")
        try:
            while head := stream.read(1):
                size, shift = 0, 0
                while True:
                    (low,) = stream.read(1)
                    size |= (low & 0x7F) << shift
                    shift += 7
                    if low < 0x80:
                        break
                packet = Packet(head[0] >> 4, head[0] & 15, stream.read(size))
                connection.packets.append(packet)
                sock.sendall(self._answer(packet, connection))
        except (OSError, ValueError):
            return

    def _answer(self, packet: Packet, connection: Connection) -> bytes:
        more = b"\0" if connection.is_v5 else b""
        if packet.kind == CONNECT:
            connection.is_v5 = packet.body[6] == 5
            return b"\x20\x03\0\0\0" if connection.is_v5 else b"\x20\x02\0\0"
        if packet.kind == SUBSCRIBE:
            granted = bytes(0x80 if b"denied" in topic else 1 for topic in self._filters(packet.body, connection.is_v5))
            return bytes((0x90, 2 + len(more) + len(granted))) + packet.body[:2] + more + granted
        if packet.kind == PUBLISH and packet.flags >> 1 & 3:
            _, place = _text(packet.body, 0)
            return b"\x40\x02" + packet.body[place : place + 2]
        return b"\xd0\0" if packet.kind == PINGREQ and self._answers_pings else b""

    def _filters(self, body: bytes, is_v5: bool) -> list[bytes]:
        place, found = 2, []
        if is_v5:
            size, place = _varint(body, place)
            place += size
        while place < len(body):
            topic, place = _text(body, place)
            place += 1
            found.append(topic)
        return found


def _text(body: bytes, place: int) -> tuple[bytes, int]:
    (size,) = struct.unpack_from(">H", body, place)
    return body[place + 2 : place + 2 + size], place + 2 + size


def _varint(body: bytes, place: int) -> tuple[int, int]:
    size, shift = 0, 0
    while True:
        low = body[place]
        size |= (low & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if low < 0x80:
            return size, place
