"""The cell's side of gripper, inspection and protective stop: asynchronous calls, answers as callbacks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from control_msgs.action import GripperCommand
from rclpy.action import ActionClient
from rclpy.task import Future
from std_srvs.srv import Trigger

Done = Callable[[bool, str], None]
VACUUM_ON = 1.0
VACUUM_OFF = 0.0


class GripperClient:
    """Switches the vacuum; a new command replaces the former one."""

    def __init__(self, node: Any) -> None:
        self._node = node
        self._client = ActionClient(node, GripperCommand, "gripper_controller/gripper_cmd")
        self._number = 0

    def command(self, is_on: bool, vacuum_pa: float, done: Done) -> None:
        """Vacuum on at a set point in [Pa] below ambient, or off; `done(is_reached, reason)`.

        Where the gripper's controller is not there or refuses, no answer comes: the caller has a timeout, and
        asking again at once would only spend its attempts.
        """
        self._number += 1
        number = self._number
        if not self._client.server_is_ready():
            self._node.get_logger().warning("the gripper's controller is not there")
            return
        goal = GripperCommand.Goal()
        goal.command.position = VACUUM_ON if is_on else VACUUM_OFF
        goal.command.max_effort = vacuum_pa
        self._client.send_goal_async(goal).add_done_callback(lambda f: self._on_accepted(number, done, f))

    def destroy(self) -> None:
        """Free the client."""
        self._client.destroy()

    def _on_accepted(self, number: int, done: Done, future: Future) -> None:
        handle = future.result()
        if number != self._number:
            return
        if not handle.accepted:
            self._node.get_logger().warning("the gripper's controller refused the command")
            return
        handle.get_result_async().add_done_callback(lambda f: self._on_result(number, done, f))

    def _on_result(self, number: int, done: Done, future: Future) -> None:
        if number != self._number:
            return
        result = future.result().result
        reason = "" if result.reached_goal else f"vacuum {result.effort / 1e3:.1f} kPa"
        done(bool(result.reached_goal), reason)


class TriggerClient:
    """Calls one std_srvs/Trigger service without waiting for it."""

    def __init__(self, node: Any, service: str) -> None:
        self._node = node
        self._service = service
        self._client = node.create_client(Trigger, service)

    def call(self, done: Done) -> None:
        """`done(is_ok, message)` comes with the answer; never, where the server dies first."""
        if not self._client.service_is_ready():
            done(False, f"service {self._service} is not there")
            return
        future = self._client.call_async(Trigger.Request())
        future.add_done_callback(lambda f: done(bool(f.result().success), str(f.result().message)))

    def destroy(self) -> None:
        """Free the client."""
        self._node.destroy_client(self._client)
