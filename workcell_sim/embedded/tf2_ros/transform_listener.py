"""Fills a buffer from ``/tf`` and ``/tf_static``."""

from __future__ import annotations

from threading import Thread

from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile
from tf2_msgs.msg import TFMessage

from workcell_sim.embedded._kernel import current_process

from .buffer import Buffer

AUTHORITY = "default_authority"


class TransformListener:
    """Listens for transforms.

    Args:
        buffer: Buffer to fill.
        node: Node to listen with.
        spin_thread: Spin the node beside the program; in a process of the kernel without any thread.
        qos: Profile or depth for ``/tf``.
        static_qos: Profile or depth for ``/tf_static``.
    """

    def __init__(
        self,
        buffer: Buffer,
        node: Node,
        *,
        spin_thread: bool = False,
        qos: QoSProfile | int | None = None,
        static_qos: QoSProfile | int | None = None,
    ) -> None:
        if qos is None:
            qos = QoSProfile(depth=100, durability=DurabilityPolicy.VOLATILE, history=HistoryPolicy.KEEP_LAST)
        if static_qos is None:
            static_qos = QoSProfile(
                depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL, history=HistoryPolicy.KEEP_LAST
            )
        self.buffer = buffer
        self.node = node
        # Reentrant, so that a callback may wait for a transform.
        self.group = ReentrantCallbackGroup()
        self.tf_sub = node.create_subscription(TFMessage, "/tf", self.callback, qos, callback_group=self.group)
        self.tf_static_sub = node.create_subscription(
            TFMessage, "/tf_static", self.static_callback, static_qos, callback_group=self.group
        )
        if spin_thread:
            self._spin_beside()

    def _spin_beside(self) -> None:
        self.executor = SingleThreadedExecutor()

        def run() -> None:
            self.executor.add_node(self.node)
            self.executor.spin()
            self.executor.remove_node(self.node)

        process = current_process()
        if process is not None:
            process.start_fiber(run)
            return
        self.dedicated_listener_thread = Thread(target=run)
        self.dedicated_listener_thread.start()

    def __del__(self) -> None:
        if hasattr(self, "executor"):
            self.executor.shutdown()
        if hasattr(self, "dedicated_listener_thread"):
            self.dedicated_listener_thread.join()
        if hasattr(self, "tf_static_sub"):
            self.unregister()

    def unregister(self) -> None:
        """Stop listening."""
        self.node.destroy_subscription(self.tf_sub)
        self.node.destroy_subscription(self.tf_static_sub)

    def callback(self, data: TFMessage) -> None:
        """Take in moving frames."""
        for transform in data.transforms:
            self.buffer.set_transform(transform, AUTHORITY)

    def static_callback(self, data: TFMessage) -> None:
        """Take in fixed frames."""
        for transform in data.transforms:
            self.buffer.set_transform_static(transform, AUTHORITY)
