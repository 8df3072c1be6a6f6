"""What a node can find out about the graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rclpy.expand_topic_name import expand_topic_name
from rclpy.topic_endpoint_info import TopicEndpointInfo, TopicEndpointTypeEnum
from rclpy.type_hash import type_hash_of
from rclpy.validate_full_topic_name import validate_full_topic_name

from workcell_sim.embedded._kernel import Waiter
from workcell_sim.embedded._kernel.graph import NodeRecord

from .errors import NodeNameNonExistentError
from .qos_compatibility import from_bus
from .waiting import wait_until

NamesAndTypes = list[tuple[str, list[str]]]


class GraphMixin:
    """Graph queries; needs ``handle``, ``get_name`` and ``get_namespace``."""

    # -- topics and services ------------------------------------------------------------------------------------------

    def get_topic_names_and_types(self, no_demangle: bool = False) -> NamesAndTypes:
        """Topics and their types. Without demangling, the names are those on the wire and services are among them."""
        with self.handle:
            graph = self.handle.graph
            topics = [(topic.name, topic.type_names()) for topic in graph.topics() if not topic.empty]
            if not no_demangle:
                return topics
            wire = [(f"rt{name}", [_wire_type(kind) for kind in types]) for name, types in topics]
            for service in graph.services():
                for prefix, suffix in (("rq", "Request"), ("rr", "Reply")):
                    types = [_wire_type(kind) for kind in service.type_names()]
                    wire.append((f"{prefix}{service.name}{suffix}", types))
            return sorted(wire)

    def get_service_names_and_types(self) -> NamesAndTypes:
        """Services that have a server or a client, and their types."""
        with self.handle:
            services = self.handle.graph.services()
            return [(service.name, service.type_names()) for service in services if service.servers]

    def get_publisher_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """Topics that a node publishes.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        nodes = self._find_nodes(node_name, node_namespace)
        found = _group((end.topic_name, end.type_name) for node in nodes for end in node.publishers)
        return _mangled(found) if no_demangle else found

    def get_subscriber_names_and_types_by_node(
        self, node_name: str, node_namespace: str, no_demangle: bool = False
    ) -> NamesAndTypes:
        """Topics that a node subscribes to.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        nodes = self._find_nodes(node_name, node_namespace)
        found = _group((end.topic_name, end.type_name) for node in nodes for end in node.subscriptions)
        return _mangled(found) if no_demangle else found

    def get_service_names_and_types_by_node(self, node_name: str, node_namespace: str) -> NamesAndTypes:
        """Services that a node serves.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        nodes = self._find_nodes(node_name, node_namespace)
        return _group((end.name, end.type_name) for node in nodes for end in node.servers)

    def get_client_names_and_types_by_node(self, node_name: str, node_namespace: str) -> NamesAndTypes:
        """Services that a node is a client of.

        Raises:
            NodeNameNonExistentError: there is no such node.
        """
        nodes = self._find_nodes(node_name, node_namespace)
        return _group((end.name, end.type_name) for node in nodes for end in node.clients)

    def _find_nodes(self, node_name: str, node_namespace: str) -> list[NodeRecord]:
        with self.handle:
            nodes = self.handle.graph.find_nodes(node_name, node_namespace)
        if not nodes:
            raise NodeNameNonExistentError(
                f"cannot get names and types: node name not found: {node_name!r} in namespace {node_namespace!r}"
            )
        return nodes

    # -- nodes --------------------------------------------------------------------------------------------------------

    def get_node_names(self) -> list[str]:
        return [name for name, _ in self.get_node_names_and_namespaces()]

    def get_fully_qualified_node_names(self) -> list[str]:
        return [f"{namespace.rstrip('/')}/{name}" for name, namespace in self.get_node_names_and_namespaces()]

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        with self.handle:
            return self.handle.get_node_names_and_namespaces()

    def get_node_names_and_namespaces_with_enclaves(self) -> list[tuple[str, str, str]]:
        with self.handle:
            return self.handle.get_node_names_and_namespaces_with_enclaves()

    def wait_for_node(self, fully_qualified_node_name: str, timeout: float) -> bool:
        """Wait until a node exists; returns whether it does."""
        name = fully_qualified_node_name
        name = name if name.startswith("/") else f"/{name}"
        waiter = Waiter(self.handle.kernel)
        graph = self.handle.graph
        graph.listen(waiter.wake)
        try:
            return wait_until(
                self.handle.kernel, waiter, lambda: name in self.get_fully_qualified_node_names(), timeout
            )
        finally:
            graph.unlisten(waiter.wake)

    # -- counting -----------------------------------------------------------------------------------------------------

    def _expanded(self, name: str, is_service: bool = False) -> str:
        full_name = expand_topic_name(name, self.get_name(), self.get_namespace())
        validate_full_topic_name(full_name, is_service=is_service)
        return full_name

    def count_publishers(self, topic_name: str) -> int:
        with self.handle:
            return self.handle.get_count_publishers(self._expanded(topic_name))

    def count_subscribers(self, topic_name: str) -> int:
        with self.handle:
            return self.handle.get_count_subscribers(self._expanded(topic_name))

    def count_clients(self, service_name: str) -> int:
        with self.handle:
            return self.handle.get_count_clients(self._expanded(service_name, is_service=True))

    def count_services(self, service_name: str) -> int:
        with self.handle:
            return self.handle.get_count_services(self._expanded(service_name, is_service=True))

    # -- endpoints ----------------------------------------------------------------------------------------------------

    def get_publishers_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        """Who publishes a topic, and with which QoS."""
        ends = self.handle.graph.publishers_of(self._topic_of_query(topic_name, no_mangle))
        return [_endpoint_info(end, TopicEndpointTypeEnum.PUBLISHER) for end in ends]

    def get_subscriptions_info_by_topic(self, topic_name: str, no_mangle: bool = False) -> list[TopicEndpointInfo]:
        """Who subscribes to a topic, and with which QoS."""
        ends = self.handle.graph.subscriptions_of(self._topic_of_query(topic_name, no_mangle))
        return [_endpoint_info(end, TopicEndpointTypeEnum.SUBSCRIPTION) for end in ends]

    def _topic_of_query(self, topic_name: str, no_mangle: bool) -> str:
        with self.handle:
            if no_mangle:
                return topic_name.removeprefix("rt")
            return self.handle.remap(self._expanded(topic_name))


def _group(pairs: Iterable[tuple[str, str]]) -> NamesAndTypes:
    types: dict[str, set[str]] = {}
    for name, kind in pairs:
        types.setdefault(name, set()).add(kind)
    return [(name, sorted(types[name])) for name in sorted(types)]


def _mangled(names: NamesAndTypes) -> NamesAndTypes:
    return [(f"rt{name}", [_wire_type(kind) for kind in kinds]) for name, kinds in names]


def _wire_type(type_name: str) -> str:
    package, kind, name = type_name.split("/")
    return f"{package}::{kind}::dds_::{name}_"


def _endpoint_info(end: Any, kind: TopicEndpointTypeEnum) -> TopicEndpointInfo:
    return TopicEndpointInfo(
        node_name=end.node.name,
        node_namespace=end.node.namespace,
        topic_type=end.type_name,
        topic_type_hash=type_hash_of(end.msg_type),
        endpoint_type=kind,
        endpoint_gid=list(end.gid),
        qos_profile=from_bus(end.qos),
    )
