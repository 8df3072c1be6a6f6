"""Action servers."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from enum import Enum
from typing import Any

from action_msgs.msg import GoalInfo, GoalStatus
from rclpy.executors import await_or_execute
from rclpy.impl.action_goal import ERROR_NONE, GoalEvent, GoalRecord, select_for_cancel
from rclpy.impl.action_part import ActionPart, ActionWaitable
from rclpy.impl.action_server_handle import ActionServerHandle
from rclpy.impl.errors import InvalidHandle, RCLError
from rclpy.impl.logging_severity import LoggingSeverity
from rclpy.qos import QoSProfile, qos_profile_action_status_default, qos_profile_services_default
from rclpy.task import Future
from rclpy.type_support import check_for_type_support
from rclpy.waitable import NumberOfEntities


class GoalResponse(Enum):
    """Answer to a goal request."""

    REJECT = 1
    ACCEPT = 2


class CancelResponse(Enum):
    """Answer to a cancel request."""

    REJECT = 1
    ACCEPT = 2


class ServerGoalHandle:
    """A goal on the server: its request, its state, and how to publish feedback and to finish it."""

    def __init__(self, action_server: ActionServer, goal_info: GoalInfo, goal_request: Any) -> None:
        self._goal_handle: GoalRecord | None = action_server._handle.accept(goal_info)
        self._action_server = action_server
        self._goal_info = goal_info
        self._goal_request = goal_request
        self._lock = threading.RLock()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ServerGoalHandle) and self.goal_id == other.goal_id

    def __hash__(self) -> int:
        return hash(bytes(self.goal_id.uuid))

    @property
    def request(self) -> Any:
        return self._goal_request

    @property
    def goal_id(self) -> Any:
        return self._goal_info.goal_id

    @property
    def is_active(self) -> bool:
        with self._lock:
            return self._goal_handle is not None and self._goal_handle.is_active()

    @property
    def is_cancel_requested(self) -> bool:
        return self.status == GoalStatus.STATUS_CANCELING

    @property
    def status(self) -> int:
        with self._lock:
            return GoalStatus.STATUS_UNKNOWN if self._goal_handle is None else self._goal_handle.status

    def _update_state(self, event: GoalEvent) -> None:
        with self._lock:
            if self._goal_handle is None:
                return
            self._goal_handle.update(event)
            self._action_server._handle.goal_changed(self._goal_handle)

    def execute(self, execute_callback: Callable[..., Any] | None = None) -> None:
        """Begin execution (unless the goal is being canceled) with a callback, by default the server's."""
        if not self.is_cancel_requested:
            self._update_state(GoalEvent.EXECUTE)
        self._action_server.notify_execute(self, execute_callback)

    def publish_feedback(self, feedback: Any) -> None:
        """Publish feedback.

        Raises:
            TypeError: it is of another type.
        """
        if not isinstance(feedback, self._action_server.action_type.Feedback):
            raise TypeError
        with self._lock:
            if self._goal_handle is None:
                return
            message = self._action_server.action_type.Impl.FeedbackMessage()
            message.goal_id = self.goal_id
            message.feedback = feedback
            self._action_server._handle.publish_feedback(message)

    def succeed(self) -> None:
        self._update_state(GoalEvent.SUCCEED)

    def abort(self) -> None:
        self._update_state(GoalEvent.ABORT)

    def canceled(self) -> None:
        self._update_state(GoalEvent.CANCELED)

    def destroy(self) -> None:
        """Forget the goal's state."""
        with self._lock:
            self._goal_handle = None


def default_handle_accepted_callback(goal_handle: ServerGoalHandle) -> None:
    """Execute every accepted goal at once."""
    goal_handle.execute()


def default_goal_callback(goal_request: Any) -> GoalResponse:
    """Accept every goal."""
    return GoalResponse.ACCEPT


def default_cancel_callback(cancel_request: Any) -> CancelResponse:
    """Reject every cancel request."""
    return CancelResponse.REJECT


class ActionServer(ActionWaitable):
    """Executes goals.

    Args:
        node: node it belongs to.
        action_type: action class.
        action_name: name; relative ones get the node's namespace.
        execute_callback: takes a :class:`ServerGoalHandle`, returns the result; function or coroutine function.
        callback_group: for its callbacks, by default the node's.
        goal_callback: takes a goal, returns a :class:`GoalResponse`.
        handle_accepted_callback: takes a goal handle that was accepted; by default executes it.
        cancel_callback: takes a goal handle, returns a :class:`CancelResponse`.
        goal_service_qos_profile, result_service_qos_profile, cancel_service_qos_profile, feedback_pub_qos_profile,
            status_pub_qos_profile: QoS of the underlying services and topics.
        result_timeout: how long results are kept, in seconds; negative for ever.
    """

    def __init__(
        self,
        node: Any,
        action_type: Any,
        action_name: str,
        execute_callback: Callable[..., Any],
        *,
        callback_group: Any = None,
        goal_callback: Callable[..., Any] | None = default_goal_callback,
        handle_accepted_callback: Callable[..., Any] | None = default_handle_accepted_callback,
        cancel_callback: Callable[..., Any] | None = default_cancel_callback,
        goal_service_qos_profile: QoSProfile = qos_profile_services_default,
        result_service_qos_profile: QoSProfile = qos_profile_services_default,
        cancel_service_qos_profile: QoSProfile = qos_profile_services_default,
        feedback_pub_qos_profile: QoSProfile = QoSProfile(depth=10),
        status_pub_qos_profile: QoSProfile = qos_profile_action_status_default,
        result_timeout: float = 900,
    ) -> None:
        callback_group = node.default_callback_group if callback_group is None else callback_group
        super().__init__(callback_group)
        self._lock = threading.Lock()
        self.register_handle_accepted_callback(handle_accepted_callback)
        self.register_goal_callback(goal_callback)
        self.register_cancel_callback(cancel_callback)
        self.register_execute_callback(execute_callback)
        check_for_type_support(action_type)
        self._node = node
        self._action_type = action_type
        with node.handle, node.get_clock().handle:
            self._kept = self._handle = handle = ActionServerHandle(
                node.handle,
                node.get_clock().handle,
                action_type,
                action_name,
                goal_service_qos_profile,
                result_service_qos_profile,
                cancel_service_qos_profile,
                feedback_pub_qos_profile,
                status_pub_qos_profile,
                result_timeout,
            )
        self._goal_handles: dict[bytes, ServerGoalHandle] = {}
        self._result_futures: dict[bytes, Future] = {}
        self._parts = [
            ActionPart(handle.goal_service, callback_group, handle.take_goal_request, self._execute_goal_request),
            ActionPart(handle.cancel_service, callback_group, handle.take_cancel_request, self._execute_cancel_request),
            ActionPart(
                handle.result_service, callback_group, handle.take_result_request, self._execute_get_result_request
            ),
            ActionPart(handle.expire_timer, callback_group, handle.expire_goals, self._execute_expire_goals),
        ]
        node.add_waitable(self)
        self._logger = node.get_logger().get_child("action_server")

    @property
    def action_type(self) -> Any:
        return self._action_type

    # -- requests -----------------------------------------------------------------------------------------------------

    async def _execute_goal_request(self, data: tuple[Any, Any]) -> None:
        header, request = data
        goal_info = GoalInfo(goal_id=request.goal_id)
        key = bytes(request.goal_id.uuid)
        self._debug("New goal request with ID", key)
        goal_handle: ServerGoalHandle | None = None
        if not self._handle.goal_exists(key) and await self._wants_goal(request.goal):
            goal_info.stamp = self._node.get_clock().now().to_msg()
            goal_handle = ServerGoalHandle(self, goal_info, request.goal)
            self._goal_handles[key] = goal_handle
            self._result_futures[key] = future = Future()
            self.add_future(future)
        response = self._action_type.Impl.SendGoalService.Response()
        response.accepted = goal_handle is not None
        response.stamp = goal_info.stamp
        self._handle.goal_service.service_send_response(response, header)
        if goal_handle is None:
            self._debug("New goal rejected", key)
            return
        self._debug("New goal accepted", key)
        await await_or_execute(self._handle_accepted_callback, goal_handle)

    def _debug(self, what: str, goal_id: Any) -> None:
        """Log what happens to a goal; its id is written out only where somebody reads it."""
        if self._logger.is_enabled_for(LoggingSeverity.DEBUG):
            self._logger.debug(f"{what}: {bytes(goal_id).hex()}")

    async def _wants_goal(self, goal: Any) -> bool:
        response = await await_or_execute(self._goal_callback, goal)
        if not isinstance(response, GoalResponse):
            self._logger.warning("Goal request callback did not return a GoalResponse type. Rejecting goal.")
            return False
        return response is GoalResponse.ACCEPT

    async def _execute_cancel_request(self, data: tuple[Any, Any]) -> None:
        header, request = data
        self._logger.debug(f"Cancel request received: {request}")
        response = self._action_type.Impl.CancelGoalService.Response()
        response.return_code, goals = select_for_cancel(self._handle.goals, request.goal_info)
        canceling = []
        for goal in goals:
            goal_handle = self._goal_handles.get(goal.key)
            if goal_handle is not None and await self._lets_cancel(goal_handle):
                canceling.append(GoalInfo(goal_id=goal.info.goal_id, stamp=goal.info.stamp))
        response.goals_canceling = canceling
        self._handle.cancel_service.service_send_response(response, header)

    async def _lets_cancel(self, goal_handle: ServerGoalHandle) -> bool:
        if await await_or_execute(self._cancel_callback, goal_handle) is not CancelResponse.ACCEPT:
            return False
        try:
            goal_handle._update_state(GoalEvent.CANCEL_GOAL)
        except RCLError as error:
            # The goal may have ended in the callback.
            self._logger.debug(f"Failed to cancel goal in cancel callback: {error}")
            return False
        return True

    async def _execute_get_result_request(self, data: tuple[Any, Any]) -> None:
        header, request = data
        key = bytes(request.goal_id.uuid)
        self._debug("Result request received for goal with ID", key)
        if key not in self._goal_handles:
            self._debug("Sending result response for unknown goal ID", key)
            response = self._action_type.Impl.GetResultService.Response()
            response.status = GoalStatus.STATUS_UNKNOWN
            self._handle.result_service.service_send_response(response, header)
            return
        future = self._result_futures[key]
        future._set_executor(self._node.executor)
        future.add_done_callback(lambda done: self._send_result(header, done))

    def _send_result(self, header: Any, future: Future) -> None:
        try:
            with self._handle.result_service as service:
                service.service_send_response(future.result(), header)
        except InvalidHandle:
            # The server was destroyed before its goal was done.
            self._logger.warning("Failed to send result response (the server has been destroyed)")

    async def _execute_expire_goals(self, expired: list[GoalRecord]) -> None:
        for goal in expired:
            self._goal_handles.pop(goal.key).destroy()
            self.remove_future(self._result_futures.pop(goal.key))

    # -- execution ----------------------------------------------------------------------------------------------------

    def notify_execute(self, goal_handle: ServerGoalHandle, execute_callback: Callable[..., Any] | None) -> None:
        """Execute a goal in the node's executor."""
        callback = self._execute_callback if execute_callback is None else execute_callback
        self._node.executor.create_task(self._execute_goal, callback, goal_handle)

    async def _execute_goal(self, execute_callback: Callable[..., Any], goal_handle: ServerGoalHandle) -> None:
        goal_id = goal_handle.goal_id.uuid
        self._debug("Executing goal with ID", goal_id)
        try:
            result = await await_or_execute(execute_callback, goal_handle)
        except Exception as error:
            result = self._action_type.Result()
            self._logger.error(f"Error raised in execute callback: {error}")
            traceback.print_exc()
        if goal_handle.is_active:
            self._logger.warning(f"Goal state not set, assuming aborted. Goal ID: {goal_id}")
            goal_handle.abort()
        self._debug("Goal finished with ID", goal_id)
        future = self._result_futures.get(bytes(goal_id))
        if future is None:
            return
        response = self._action_type.Impl.GetResultService.Response()
        response.status = goal_handle.status
        response.result = result
        future.set_result(response)

    def notify_goal_done(self) -> None:
        """Look again for the goal that expires next."""
        self._handle.schedule_expiry()

    # -- callbacks ----------------------------------------------------------------------------------------------------

    def register_handle_accepted_callback(self, handle_accepted_callback: Callable[..., Any] | None) -> None:
        """Set what happens to accepted goals (``None``: execute them)."""
        self._handle_accepted_callback = handle_accepted_callback or default_handle_accepted_callback

    def register_goal_callback(self, goal_callback: Callable[..., Any] | None) -> None:
        """Set who decides about goals (``None``: accept all)."""
        self._goal_callback = goal_callback or default_goal_callback

    def register_cancel_callback(self, cancel_callback: Callable[..., Any] | None) -> None:
        """Set who decides about cancel requests (``None``: reject all)."""
        self._cancel_callback = cancel_callback or default_cancel_callback

    def register_execute_callback(self, execute_callback: Callable[..., Any]) -> None:
        """Set what executes goals.

        Raises:
            TypeError: not callable.
        """
        if not callable(execute_callback):
            raise TypeError("Failed to register goal execution callback: not callable")
        self._execute_callback = execute_callback

    # -- as a waitable ------------------------------------------------------------------------------------------------

    def get_num_entities(self) -> NumberOfEntities:
        return NumberOfEntities(num_timers=1, num_services=3)

    def add_to_wait_set(self, wait_set: Any) -> None:
        goal, cancel, result, timer = self._handles()
        for service in (goal, cancel, result):
            wait_set.add_service(service)
        wait_set.add_timer(timer)

    def destroy(self) -> None:
        """Destroy the server and forget its goals."""
        for goal_handle in self._goal_handles.values():
            goal_handle.destroy()
        for future in self._result_futures.values():
            self.remove_future(future)
        self._result_futures.clear()
        self._handle.destroy_when_not_in_use()
        self._node.remove_waitable(self)


__all__ = ["ERROR_NONE", "ActionServer", "CancelResponse", "GoalEvent", "GoalResponse", "RCLError", "ServerGoalHandle"]
