"""``/clock`` of a kernel in paced or virtual time: published as long as somebody subscribes."""

from __future__ import annotations

from workcell_sim.embedded._kernel.graph import Graph, NodeRecord
from workcell_sim.embedded._kernel.qos import Qos
from workcell_sim.embedded._kernel.topic import PublisherEnd

CLOCK_TOPIC = "/clock"
_KEY = "rclpy.clock_publisher"


class ClockPublisher:
    """Publishes the kernel's time every ``kernel.clock_period_ns``."""

    def __init__(self, graph: Graph) -> None:
        from rosgraph_msgs.msg import Clock

        self._kernel = graph.kernel
        self._clock_type = Clock
        self._node = NodeRecord(graph, "_kernel_clock", "/")
        self._publisher = PublisherEnd(self._node, Clock, CLOCK_TOPIC, Qos(depth=1))
        self.running = False

    def start(self) -> None:
        if not self.running:
            self.running = True
            self._kernel.call_soon(self._tick)

    def _tick(self) -> None:
        if not self._publisher.matched:
            self.running = False
            return
        message = self._clock_type()
        message.clock.sec, message.clock.nanosec = divmod(self._kernel.now_ns(), 10**9)
        self._publisher.publish(message)
        self._kernel.call_later(self._kernel.clock_period_ns, self._tick)


def ensure_clock(graph: Graph, topic_name: str) -> None:
    """Start the kernel's clock publisher if a new subscription is one to ``/clock``."""
    kernel = graph.kernel
    if topic_name != CLOCK_TOPIC or not kernel.kernel_is_clock:
        return
    key = f"{_KEY}.{graph.domain_id}"
    publisher = kernel.globals.get(key)
    if publisher is None:
        publisher = kernel.globals[key] = ClockPublisher(graph)
    publisher.start()
