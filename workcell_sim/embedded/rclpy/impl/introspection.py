"""Service introspection: what a client or server does is published on ``<service>/_service_event``."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Self

from workcell_sim.embedded._kernel.topic import PublisherEnd

from .qos_compatibility import to_bus

_SUFFIX = "/_service_event"


class ServiceIntrospectionState(IntEnum):
    """How much is published."""

    OFF = 0
    METADATA = 1
    CONTENTS = 2


class Introspection:
    """Publishes the events of one client or server."""

    def __init__(self, end: Any, clock: Any, qos_profile: Any) -> None:
        self._clock = clock
        self._srv_type = end.srv_type
        self._publisher = PublisherEnd(end.node, end.srv_type.Event, end.name + _SUFFIX, to_bus(qos_profile))
        self._state = ServiceIntrospectionState.OFF

    @classmethod
    def configure(cls, current: Self | None, end: Any, clock: Any, qos_profile: Any, state: int) -> Self | None:
        """Start, change or stop introspection; returns what runs now."""
        state = ServiceIntrospectionState(state)
        if state is ServiceIntrospectionState.OFF:
            if current is not None:
                current.stop()
            return None
        introspection = current if current is not None else cls(end, clock, qos_profile)
        introspection._state = state
        return introspection

    def stop(self) -> None:
        self._publisher.destroy_quietly()

    def request_sent(self, request: Any, gid: bytes, sequence: int) -> None:
        self._publish("REQUEST_SENT", gid, sequence, request=request)

    def request_received(self, request: Any, gid: bytes, sequence: int) -> None:
        self._publish("REQUEST_RECEIVED", gid, sequence, request=request)

    def response_sent(self, response: Any, gid: bytes, sequence: int) -> None:
        self._publish("RESPONSE_SENT", gid, sequence, response=response)

    def response_received(self, response: Any, gid: bytes, sequence: int) -> None:
        self._publish("RESPONSE_RECEIVED", gid, sequence, response=response)

    def _publish(self, kind: str, gid: bytes, sequence: int, request: Any = None, response: Any = None) -> None:
        event = self._srv_type.Event()
        info = event.info
        info.event_type = getattr(type(info), kind)
        info.stamp.sec, info.stamp.nanosec = divmod(self._clock.now_ns(), 10**9)
        info.client_gid = list(gid)
        info.sequence_number = sequence
        if self._state is ServiceIntrospectionState.CONTENTS:
            if request is not None:
                event.request = [request]
            if response is not None:
                event.response = [response]
        self._publisher.publish(event)
