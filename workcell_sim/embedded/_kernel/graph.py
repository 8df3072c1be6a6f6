"""The ROS graph of one domain: nodes and the names they publish, subscribe, serve and call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from .ready import Port
from .service import ClientEnd, ServerEnd, ServiceName
from .topic import PublisherEnd, SubscriptionEnd, Topic, match

if TYPE_CHECKING:
    from .kernel import Kernel


class NodeRecord:
    """One node as the graph knows it."""

    def __init__(self, graph: Graph, name: str, namespace: str, enclave: str = "/") -> None:
        self.graph = graph
        self.kernel = graph.kernel
        self.name = name
        self.namespace = namespace
        self.enclave = enclave
        self.port = Port()
        self.publishers: list[PublisherEnd] = []
        self.subscriptions: list[SubscriptionEnd] = []
        self.servers: list[ServerEnd] = []
        self.clients: list[ClientEnd] = []
        self._stalls = 0
        graph.add_node(self)

    @property
    def fully_qualified_name(self) -> str:
        return f"{self.namespace.rstrip('/')}/{self.name}"

    def stall(self, duration_ns: int) -> None:
        """Hold all callbacks of the node back for a time; overlapping stalls end with the last one."""
        self._stalls += 1
        self.port.stall()
        self.kernel.call_later(duration_ns, self._end_stall)

    def _end_stall(self) -> None:
        self._stalls -= 1
        if self._stalls == 0:
            self.port.release()

    def add_publisher(self, end: PublisherEnd) -> None:
        with self.kernel.lock:
            self.publishers.append(end)
            topic = self.graph.topic(end.topic_name)
            topic.publishers.append(end)
            for subscription in topic.subscriptions:
                match(end, subscription)
            self.graph.changed()

    def remove_publisher(self, end: PublisherEnd) -> None:
        with self.kernel.lock:
            if end not in self.publishers:
                return
            self.publishers.remove(end)
            topic = self.graph.topic(end.topic_name)
            topic.publishers.remove(end)
            for subscription in end.matched:
                subscription.disconnect(end)
            self.graph.topic_shrunk(topic)

    def add_subscription(self, end: SubscriptionEnd) -> None:
        with self.kernel.lock:
            self.subscriptions.append(end)
            topic = self.graph.topic(end.topic_name)
            topic.subscriptions.append(end)
            for publisher in topic.publishers:
                match(publisher, end)
            self.graph.changed()

    def remove_subscription(self, end: SubscriptionEnd) -> None:
        with self.kernel.lock:
            if end not in self.subscriptions:
                return
            self.subscriptions.remove(end)
            topic = self.graph.topic(end.topic_name)
            topic.subscriptions.remove(end)
            for publisher in topic.publishers:
                publisher.disconnect(end)
            self.graph.topic_shrunk(topic)

    def add_server(self, end: ServerEnd) -> None:
        with self.kernel.lock:
            self.servers.append(end)
            self.graph.service(end.name).servers.append(end)
            self.graph.changed()

    def remove_server(self, end: ServerEnd) -> None:
        with self.kernel.lock:
            if end not in self.servers:
                return
            self.servers.remove(end)
            service = self.graph.service(end.name)
            service.servers.remove(end)
            self.graph.service_shrunk(service)

    def add_client(self, end: ClientEnd) -> None:
        with self.kernel.lock:
            self.clients.append(end)
            self.graph.service(end.name).clients.append(end)
            self.graph.changed()

    def remove_client(self, end: ClientEnd) -> None:
        with self.kernel.lock:
            if end not in self.clients:
                return
            self.clients.remove(end)
            service = self.graph.service(end.name)
            service.clients.remove(end)
            self.graph.service_shrunk(service)

    def withdraw(self) -> None:
        """Take the node out of the graph but leave its endpoints valid, as after a shutdown of its context."""
        for publisher in tuple(self.publishers):
            self.remove_publisher(publisher)
            publisher.silence()
        for subscription in tuple(self.subscriptions):
            self.remove_subscription(subscription)
        for server in tuple(self.servers):
            self.remove_server(server)
        for client in tuple(self.clients):
            self.remove_client(client)
        self.graph.remove_node(self)

    def remove(self) -> None:
        """Take the node and all its endpoints out of the graph."""
        for end in (*self.publishers, *self.subscriptions, *self.servers, *self.clients):
            end.destroy_quietly()
        self.graph.remove_node(self)


class Graph:
    """Names of one domain and who stands behind them."""

    def __init__(self, kernel: Kernel, domain_id: int) -> None:
        self.kernel = kernel
        self.domain_id = domain_id
        self.nodes: list[NodeRecord] = []
        self._topics: dict[str, Topic] = {}
        self._services: dict[str, ServiceName] = {}
        self._gid_count = 0
        self._listeners: list[Callable[[], None]] = []

    def next_gid(self) -> bytes:
        """A fresh endpoint id of 16 bytes; the same in every run."""
        self._gid_count += 1
        return b"\x01\x0fwc" + self.domain_id.to_bytes(4, "big") + self._gid_count.to_bytes(8, "big")

    # -- names --------------------------------------------------------------------------------------------------------

    def topic(self, name: str) -> Topic:
        topic = self._topics.get(name)
        if topic is None:
            topic = self._topics[name] = Topic(name)
        return topic

    def topics(self) -> Iterator[Topic]:
        """Topics in order of name."""
        for name in sorted(self._topics):
            yield self._topics[name]

    def publishers_of(self, topic_name: str) -> list[PublisherEnd]:
        topic = self._topics.get(topic_name)
        return list(topic.publishers) if topic else []

    def subscriptions_of(self, topic_name: str) -> list[SubscriptionEnd]:
        topic = self._topics.get(topic_name)
        return list(topic.subscriptions) if topic else []

    def service(self, name: str) -> ServiceName:
        service = self._services.get(name)
        if service is None:
            service = self._services[name] = ServiceName(name)
        return service

    def services(self) -> Iterator[ServiceName]:
        """Services in order of name."""
        for name in sorted(self._services):
            yield self._services[name]

    def servers_of(self, service_name: str) -> list[ServerEnd]:
        service = self._services.get(service_name)
        return service.servers if service else []

    def clients_of(self, service_name: str) -> list[ClientEnd]:
        service = self._services.get(service_name)
        return service.clients if service else []

    def topic_shrunk(self, topic: Topic) -> None:
        if topic.empty:
            self._topics.pop(topic.name, None)
        self.changed()

    def service_shrunk(self, service: ServiceName) -> None:
        if service.empty:
            self._services.pop(service.name, None)
        self.changed()

    # -- nodes --------------------------------------------------------------------------------------------------------

    def add_node(self, node: NodeRecord) -> None:
        with self.kernel.lock:
            self.nodes.append(node)
            self.changed()

    def remove_node(self, node: NodeRecord) -> None:
        with self.kernel.lock:
            if node in self.nodes:
                self.nodes.remove(node)
                self.changed()

    def find_nodes(self, name: str, namespace: str) -> list[NodeRecord]:
        return [node for node in self.nodes if node.name == name and node.namespace == namespace]

    # -- changes ------------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` whenever an endpoint or node appears or vanishes."""
        self._listeners.append(listener)

    def unlisten(self, listener: Callable[[], None]) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    def changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def close(self) -> None:
        for node in list(self.nodes):
            node.remove()
        self._listeners.clear()
