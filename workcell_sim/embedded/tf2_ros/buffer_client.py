"""Looks transforms up in a buffer that another node serves by an action."""

from __future__ import annotations

from typing import Any

import tf2_py
from geometry_msgs.msg import TransformStamped
from rclpy.action.client import ActionClient
from rclpy.clock import Clock
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.task import Future
from rclpy.time import Time
from tf2_msgs.action import LookupTransform

from workcell_sim.embedded._kernel import current_kernel

from .buffer_interface import BufferInterface

_TOO_LATE = (
    "The LookupTransform goal sent to the BufferServer did not come back {}. Something is likely wrong with the server."
)


class BufferClient(BufferInterface):
    """A buffer somewhere else; the node must be spun elsewhere while a lookup waits.

    Args:
        node: Node to ask with.
        ns: Name of the server's action.
        check_frequency: How often to look for the answer, per second.
        timeout_padding: How much longer than the lookup's own timeout to wait for the server.
    """

    def __init__(
        self, node: Node, ns: str, check_frequency: float = 10.0, timeout_padding: Duration = Duration(seconds=2.0)
    ) -> None:
        super().__init__()
        self.node = node
        self.action_client = ActionClient(node, LookupTransform, action_name=ns)
        self.check_frequency = check_frequency
        self.timeout_padding = timeout_padding

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration = Duration()
    ) -> TransformStamped:
        """Return where the source frame lies in the target frame.

        Raises:
            TransformException: It is not known, or the server does not answer.
        """
        goal = LookupTransform.Goal()
        goal.target_frame = target_frame
        goal.source_frame = source_frame
        goal.source_time = time.to_msg() if isinstance(time, Time) else time
        goal.timeout = timeout.to_msg()
        goal.advanced = False
        return self._process_goal(goal, timeout)

    def lookup_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
    ) -> TransformStamped:
        """Return where the source frame was at one time in the target frame at another, the fixed frame at rest.

        Raises:
            TransformException: It is not known, or the server does not answer.
        """
        goal = LookupTransform.Goal()
        goal.target_frame = target_frame
        goal.source_frame = source_frame
        goal.source_time = source_time.to_msg()
        goal.timeout = timeout.to_msg()
        goal.target_time = target_time.to_msg()
        goal.fixed_frame = fixed_frame
        goal.advanced = True
        return self._process_goal(goal, timeout)

    def can_transform(self, target_frame: str, source_frame: str, time: Time, timeout: Duration = Duration()) -> bool:
        """Return whether `lookup_transform` gives an answer."""
        try:
            self.lookup_transform(target_frame, source_frame, time, timeout)
        except tf2_py.TransformException:
            return False
        return True

    def can_transform_full(
        self,
        target_frame: str,
        target_time: Time,
        source_frame: str,
        source_time: Time,
        fixed_frame: str,
        timeout: Duration = Duration(),
    ) -> bool:
        """Return whether `lookup_transform_full` gives an answer."""
        try:
            self.lookup_transform_full(target_frame, target_time, source_frame, source_time, fixed_frame, timeout)
        except tf2_py.TransformException:
            return False
        return True

    def _process_goal(self, goal: LookupTransform.Goal, timeout: Duration) -> TransformStamped:
        if not self.action_client.server_is_ready():
            raise tf2_py.TimeoutException("The BufferServer is not ready.")
        deadline = Clock().now() + timeout + self.timeout_padding
        handle = self._await(self.action_client.send_goal_async(goal), deadline)
        if not handle.accepted:
            raise tf2_py.TimeoutException(_TOO_LATE.format("with accepted status"))
        return _transform(self._await(handle.get_result_async(), deadline).result)

    def _await(self, future: Future, deadline: Time) -> Any:
        clock = Clock()
        while not future.done():
            if clock.now() > deadline:
                raise tf2_py.TimeoutException(_TOO_LATE.format("in the specified time"))
            current_kernel().sleep(int(1e9 / self.check_frequency))
        return future.result()

    def destroy(self) -> None:
        """Give up the action client."""
        self.action_client.destroy()


def _transform(result: LookupTransform.Result) -> TransformStamped:
    error = result.error
    if error.error == error.NO_ERROR:
        return result.transform
    raise {
        error.LOOKUP_ERROR: tf2_py.LookupException,
        error.CONNECTIVITY_ERROR: tf2_py.ConnectivityException,
        error.EXTRAPOLATION_ERROR: tf2_py.ExtrapolationException,
        error.INVALID_ARGUMENT_ERROR: tf2_py.InvalidArgumentException,
        error.TIMEOUT_ERROR: tf2_py.TimeoutException,
    }.get(error.error, tf2_py.TransformException)(error.error_string)
