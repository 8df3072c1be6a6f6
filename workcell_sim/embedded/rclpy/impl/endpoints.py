"""Handles of publishers, subscriptions, clients and services: bus endpoints with resolved names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workcell_sim.embedded._interfaces import deserialize_message, serialize_message
from workcell_sim.embedded._kernel.service import ClientEnd, ServerEnd, ServiceInfo
from workcell_sim.embedded._kernel.topic import PublisherEnd, SubscriptionEnd

from .introspection import Introspection
from .node_handle import NodeHandle
from .qos_compatibility import to_bus


class PublisherHandle(PublisherEnd):
    """What stands behind a publisher."""

    def __init__(self, node: NodeHandle, msg_type: Any, topic: str, qos_profile: Any) -> None:
        super().__init__(node.record, msg_type, node.resolve(topic, is_service=False), to_bus(qos_profile))
        self._node_handle = node

    def get_logger_name(self) -> str:
        return self._node_handle.logger_name()

    def get_topic_name(self) -> str:
        return self.topic_name

    def get_subscription_count(self) -> int:
        return len(self.matched)

    def publish_raw(self, data: bytes) -> None:
        """Publish a serialized message."""
        self.publish(deserialize_message(data, self.msg_type))

    def wait_for_all_acked(self, timeout: Any) -> bool:
        """Whether every sample reached its subscriptions within a time (a duration handle)."""
        kernel = self.kernel
        end = kernel.now_ns() + timeout.nanoseconds
        while not self.all_acknowledged():
            if kernel.now_ns() >= end:
                return False
            kernel.poll()
        return True


class SubscriptionHandle(SubscriptionEnd):
    """What stands behind a subscription."""

    def __init__(self, node: NodeHandle, msg_type: Any, topic: str, qos_profile: Any) -> None:
        super().__init__(node.record, msg_type, node.resolve(topic, is_service=False), to_bus(qos_profile))
        self._node_handle = node

    def get_logger_name(self) -> str:
        return self._node_handle.logger_name()

    def get_topic_name(self) -> str:
        return self.topic_name

    def get_publisher_count(self) -> int:
        return sum(self in publisher.matched for publisher in self.node.graph.publishers_of(self.topic_name))

    def take_message(self, msg_type: Any, raw: bool) -> tuple[Any, dict[str, Any]] | None:
        """Take the oldest message and its info, ``None`` if there is none."""
        if not self.samples:
            self.kernel.poll()
        # The oldest sample in the queue is so many behind the last one received.
        number = self.received - len(self.samples) + 1
        sample = self.take()
        if sample is None:
            return None
        message, source_ns, sequence, _ = sample
        info = {
            "source_timestamp": source_ns,
            "received_timestamp": self.kernel.now_ns(),
            "publication_sequence_number": sequence,
            "reception_sequence_number": number,
        }
        return (serialize_message(message) if raw else message), info


class ClientHandle(ClientEnd):
    """What stands behind a service client."""

    def __init__(self, node: NodeHandle, srv_type: Any, name: str, qos_profile: Any) -> None:
        super().__init__(node.record, srv_type, node.resolve(name, is_service=True), to_bus(qos_profile))
        self._node_handle = node
        self._introspection: Introspection | None = None

    @property
    def service_name(self) -> str:
        return self.name

    def get_logger_name(self) -> str:
        return self._node_handle.logger_name()

    def service_server_is_available(self) -> bool:
        return bool(self.servers())

    def configure_introspection(self, clock: Any, qos_profile: Any, state: int) -> None:
        self._introspection = Introspection.configure(self._introspection, self, clock, qos_profile, state)

    def send_request(self, request: Any) -> int:
        """Send a request; returns its sequence number."""
        sequence = self.request(request)
        if self._introspection is not None:
            self._introspection.request_sent(request, self.gid, sequence)
        return sequence

    def take_response(self, response_type: Any) -> tuple[ServiceInfo | None, Any]:
        if not self.responses:
            self.kernel.poll()
        taken = self.take()
        if taken is None:
            return None, None
        response, info = taken
        if self._introspection is not None:
            self._introspection.response_received(response, self.gid, info.request_id.sequence_number)
        return info, response

    def destroyed(self) -> None:
        if self._introspection is not None:
            self._introspection.stop()
        super().destroyed()


class ServiceHandle(ServerEnd):
    """What stands behind a service server."""

    def __init__(self, node: NodeHandle, srv_type: Any, name: str, qos_profile: Any) -> None:
        super().__init__(node.record, srv_type, node.resolve(name, is_service=True), to_bus(qos_profile))
        self._node_handle = node
        self._introspection: Introspection | None = None

    def get_logger_name(self) -> str:
        return self._node_handle.logger_name()

    def configure_introspection(self, clock: Any, qos_profile: Any, state: int) -> None:
        self._introspection = Introspection.configure(self._introspection, self, clock, qos_profile, state)

    def service_take_request(self, request_type: Any) -> tuple[Any, ServiceInfo | None]:
        if not self.requests:
            self.kernel.poll()
        taken = self.take()
        if taken is None:
            return None, None
        request, info = taken
        if self._introspection is not None:
            self._introspection.request_received(request, *info.request_id)
        return request, info

    def service_send_response(self, response: Any, header: ServiceInfo) -> None:
        self.respond(response, header)
        if self._introspection is not None:
            self._introspection.response_sent(response, *header.request_id)

    def destroyed(self) -> None:
        if self._introspection is not None:
            self._introspection.stop()
        super().destroyed()


Listener = Callable[[], None]
