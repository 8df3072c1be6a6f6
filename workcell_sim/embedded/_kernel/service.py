"""Services: clients, servers, and how requests and responses travel between them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .entity import Entity
from .qos import Qos

if TYPE_CHECKING:
    from .graph import NodeRecord


class RequestId(NamedTuple):
    """Who asked, and its how-manieth request this is."""

    writer_guid: bytes
    sequence_number: int


@dataclass(frozen=True, slots=True)
class ServiceInfo:
    """Header of a request or response (``rmw_service_info_t``)."""

    request_id: RequestId
    source_timestamp: int
    received_timestamp: int
    client: Any = None


class ServiceName:
    """All endpoints of one service name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.servers: list[ServerEnd] = []
        self.clients: list[ClientEnd] = []

    @property
    def empty(self) -> bool:
        return not self.servers and not self.clients

    def type_names(self) -> list[str]:
        return sorted({end.type_name for end in self.servers} | {end.type_name for end in self.clients})


class ServerEnd(Entity):
    """Answering end of a service."""

    def __init__(self, node: NodeRecord, srv_type: Any, service_name: str, qos: Qos) -> None:
        super().__init__(node.port)
        self.node = node
        self.kernel = node.kernel
        self.srv_type = srv_type
        self.type_name: str = service_type_name(srv_type)
        self.name = service_name
        self.qos = qos
        self.gid = node.graph.next_gid()
        self.requests: deque[tuple[Any, ServiceInfo]] = deque(maxlen=qos.queue_length)
        node.add_server(self)

    def is_ready(self) -> bool:
        return bool(self.requests)

    def deliver(self, request_and_info: tuple[Any, ServiceInfo]) -> None:
        """Event: a request arrives."""
        self.requests.append(request_and_info)
        self.report()

    def take(self) -> tuple[Any, ServiceInfo] | None:
        return self.requests.popleft() if self.requests else None

    def respond(self, response: Any, info: ServiceInfo) -> None:
        """Send a copy of ``response`` to the client that asked."""
        client: ClientEnd = info.client
        now = self.kernel.now_ns()
        header = ServiceInfo(info.request_id, now, now)
        self.kernel.post((client.deliver, (type(response)._COPY(response), header)))
        if self.kernel.sleeping:
            self.kernel.bell.set()

    def destroyed(self) -> None:
        self.node.remove_server(self)
        self.requests = deque(maxlen=0)
        self.queued = True


class ClientEnd(Entity):
    """Asking end of a service."""

    def __init__(self, node: NodeRecord, srv_type: Any, service_name: str, qos: Qos) -> None:
        super().__init__(node.port)
        self.node = node
        self.kernel = node.kernel
        self.srv_type = srv_type
        self.type_name: str = service_type_name(srv_type)
        self.name = service_name
        self.qos = qos
        self.gid = node.graph.next_gid()
        self.sequence = 0
        self.responses: deque[tuple[Any, ServiceInfo]] = deque(maxlen=qos.queue_length)
        node.add_client(self)

    def is_ready(self) -> bool:
        return bool(self.responses)

    def servers(self) -> list[ServerEnd]:
        return [server for server in self.node.graph.servers_of(self.name) if server.type_name == self.type_name]

    def request(self, request: Any) -> int:
        """Send a copy of ``request`` to every server of the name; returns the sequence number."""
        self.sequence += 1
        now = self.kernel.now_ns()
        info = ServiceInfo(RequestId(self.gid, self.sequence), now, now, self)
        for server in self.servers():
            self.kernel.post((server.deliver, (type(request)._COPY(request), info)))
        if self.kernel.sleeping:
            self.kernel.bell.set()
        return self.sequence

    def deliver(self, response_and_info: tuple[Any, ServiceInfo]) -> None:
        """Event: a response arrives."""
        self.responses.append(response_and_info)
        self.report()

    def take(self) -> tuple[Any, ServiceInfo] | None:
        return self.responses.popleft() if self.responses else None

    def destroyed(self) -> None:
        self.node.remove_client(self)
        self.responses = deque(maxlen=0)
        self.queued = True


def service_type_name(srv_type: Any) -> str:
    """``package/srv/Name`` of a service class."""
    name: str = srv_type.Request._TYPE_NAME
    return name.removesuffix("_Request")
