"""Action clients."""

from __future__ import annotations

import inspect
import uuid
import weakref
from collections.abc import Callable
from typing import Any

from action_msgs.msg import GoalStatus
from action_msgs.srv import CancelGoal
from rclpy.impl.action_part import (
    CANCEL_GOAL,
    FEEDBACK,
    GET_RESULT,
    SEND_GOAL,
    STATUS,
    ActionPart,
    ActionWaitable,
    HandleGroup,
    part_name,
    resolve_action_name,
)
from rclpy.impl.endpoints import ClientHandle, SubscriptionHandle
from rclpy.impl.waiting import wait_for_future, wait_for_graph
from rclpy.qos import QoSProfile, qos_profile_action_status_default, qos_profile_services_default
from rclpy.task import Future
from rclpy.type_support import check_for_type_support
from rclpy.waitable import NumberOfEntities
from unique_identifier_msgs.msg import UUID

from workcell_sim.embedded._kernel.uuids import next_uuid

_TERMINAL = (GoalStatus.STATUS_SUCCEEDED, GoalStatus.STATUS_CANCELED, GoalStatus.STATUS_ABORTED)


class ClientGoalHandle:
    """A goal that was sent: whether it was accepted, how it stands, and how to cancel it or get its result."""

    def __init__(self, action_client: ActionClient, goal_id: UUID, goal_response: Any) -> None:
        self._action_client = action_client
        self._goal_id = goal_id
        self._goal_response = goal_response
        self._status = GoalStatus.STATUS_UNKNOWN

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ClientGoalHandle) and self._goal_id == other._goal_id

    def __hash__(self) -> int:
        return hash(bytes(self._goal_id.uuid))

    def __repr__(self) -> str:
        return f"ClientGoalHandle <id={self.goal_id.uuid}, accepted={self.accepted}, status={self.status}>"

    @property
    def goal_id(self) -> UUID:
        return self._goal_id

    @property
    def stamp(self) -> Any:
        return self._goal_response.stamp

    @property
    def accepted(self) -> bool:
        return self._goal_response.accepted

    @property
    def status(self) -> int:
        return self._status

    def cancel_goal(self) -> Any:
        """Ask to cancel and wait for the answer; not from a callback of a single-threaded executor."""
        return self._action_client._cancel_goal(self)

    def cancel_goal_async(self) -> Future:
        """Ask to cancel; the future gets the answer."""
        return self._action_client._cancel_goal_async(self)

    def get_result(self) -> Any:
        """Wait for the result; not from a callback of a single-threaded executor."""
        return self._action_client._get_result(self)

    def get_result_async(self) -> Future:
        """Ask for the result; the future gets it when the goal is done."""
        return self._action_client._get_result_async(self)


class _Requests:
    """Requests of one kind that have not been answered yet."""

    def __init__(self, owner: ActionClient, handle: ClientHandle, kind: str) -> None:
        self._owner = owner
        self._handle = handle
        self._kind = kind
        self.pending: dict[int, Future] = {}

    def send(self, request: Any) -> tuple[int, Future]:
        sequence = self._handle.send_request(request)
        if sequence in self.pending:
            raise RuntimeError(f"Sequence ({sequence}) conflicts with pending {self._kind} request")
        future = Future()
        self.pending[sequence] = future
        self._owner.add_future(future)
        return sequence, future

    def forget(self, sequence: int) -> None:
        future = self.pending.pop(sequence, None)
        if future is not None:
            self._owner.remove_future(future)

    def take(self) -> tuple[int, Any] | None:
        info, response = self._handle.take_response(self._handle.srv_type.Response)
        return None if info is None else (info.request_id.sequence_number, response)


class ActionClient(ActionWaitable):
    """Sends goals to an action server.

    Args:
        node: node it belongs to.
        action_type: action class.
        action_name: name; relative ones get the node's namespace.
        callback_group: for its callbacks, by default the node's.
        goal_service_qos_profile, result_service_qos_profile, cancel_service_qos_profile, feedback_sub_qos_profile,
            status_sub_qos_profile: QoS of the underlying services and topics.
    """

    def __init__(
        self,
        node: Any,
        action_type: Any,
        action_name: str,
        *,
        callback_group: Any = None,
        goal_service_qos_profile: QoSProfile = qos_profile_services_default,
        result_service_qos_profile: QoSProfile = qos_profile_services_default,
        cancel_service_qos_profile: QoSProfile = qos_profile_services_default,
        feedback_sub_qos_profile: QoSProfile = QoSProfile(depth=10),
        status_sub_qos_profile: QoSProfile = qos_profile_action_status_default,
    ) -> None:
        callback_group = node.default_callback_group if callback_group is None else callback_group
        super().__init__(callback_group)
        check_for_type_support(action_type)
        self._node = node
        self._action_type = action_type
        self._action_name = action_name
        impl = action_type.Impl
        handle = node.handle
        with handle:
            name = resolve_action_name(handle, action_name)
            goal = ClientHandle(handle, impl.SendGoalService, part_name(name, SEND_GOAL), goal_service_qos_profile)
            cancel = ClientHandle(
                handle, impl.CancelGoalService, part_name(name, CANCEL_GOAL), cancel_service_qos_profile
            )
            result = ClientHandle(
                handle, impl.GetResultService, part_name(name, GET_RESULT), result_service_qos_profile
            )
            feedback = SubscriptionHandle(
                handle, impl.FeedbackMessage, part_name(name, FEEDBACK), feedback_sub_qos_profile
            )
            status = SubscriptionHandle(handle, impl.GoalStatusMessage, part_name(name, STATUS), status_sub_qos_profile)
        self._kept = self._client_handle = HandleGroup([goal, cancel, result, feedback, status])
        self._goal_requests = _Requests(self, goal, "goal")
        self._cancel_requests = _Requests(self, cancel, "cancel")
        self._result_requests = _Requests(self, result, "result")
        self._goal_handles: dict[bytes, weakref.ref[ClientGoalHandle]] = {}
        self._sent_goals: dict[int, UUID] = {}
        self._feedback_callbacks: dict[bytes, Callable[[Any], Any]] = {}
        self._parts = [
            ActionPart(goal, callback_group, self._goal_requests.take, self._on_goal_response),
            ActionPart(cancel, callback_group, self._cancel_requests.take, self._on_cancel_response),
            ActionPart(result, callback_group, self._result_requests.take, self._on_result_response),
            ActionPart(feedback, callback_group, lambda: _message(feedback), self._on_feedback),
            ActionPart(status, callback_group, lambda: _message(status), self._on_status),
        ]
        node.add_waitable(self)
        self._logger = node.get_logger().get_child("action_client")

    # -- as a waitable ------------------------------------------------------------------------------------------------

    def get_num_entities(self) -> NumberOfEntities:
        return NumberOfEntities(num_subs=2, num_clients=3)

    def add_to_wait_set(self, wait_set: Any) -> None:
        goal, cancel, result, feedback, status = self._handles()
        for client in (goal, cancel, result):
            wait_set.add_client(client)
        for subscription in (feedback, status):
            wait_set.add_subscription(subscription)

    # -- answers ------------------------------------------------------------------------------------------------------

    def _pending(self, requests: _Requests, sequence: int, kind: str) -> Future | None:
        future = requests.pending.get(sequence)
        if future is None:
            self._logger.warning(
                f"Ignoring unexpected {kind} response. There may be more than one action server for the action "
                f"'{self._action_name}'"
            )
            return None
        future._set_executor(self._node.executor)
        return future

    async def _on_goal_response(self, data: tuple[int, Any]) -> None:
        sequence, response = data
        future = self._pending(self._goal_requests, sequence, "goal")
        if future is None:
            return
        handle = ClientGoalHandle(self, self._sent_goals[sequence], response)
        if handle.accepted:
            key = bytes(handle.goal_id.uuid)
            if key in self._goal_handles:
                raise RuntimeError(f"Two goals were accepted with the same ID ({handle})")
            self._goal_handles[key] = weakref.ref(handle)
        future.set_result(handle)

    async def _on_cancel_response(self, data: tuple[int, Any]) -> None:
        future = self._pending(self._cancel_requests, data[0], "cancel")
        if future is not None:
            future.set_result(data[1])

    async def _on_result_response(self, data: tuple[int, Any]) -> None:
        future = self._pending(self._result_requests, data[0], "result")
        if future is not None:
            future.set_result(data[1])

    async def _on_feedback(self, message: Any) -> None:
        callback = self._feedback_callbacks.get(bytes(message.goal_id.uuid))
        if callback is None:
            return
        result = callback(message)
        if inspect.iscoroutinefunction(callback):
            await result

    async def _on_status(self, message: Any) -> None:
        for entry in message.status_list:
            key = bytes(entry.goal_info.goal_id.uuid)
            if key not in self._goal_handles:
                continue
            handle = self._goal_handles[key]()
            if handle is not None:
                handle._status = entry.status
            if handle is None or entry.status in _TERMINAL:
                del self._goal_handles[key]

    # -- requests -----------------------------------------------------------------------------------------------------

    def _generate_random_uuid(self) -> UUID:
        kernel = self._node.handle.kernel
        # In virtual time ids are drawn from the kernel, so that two runs are alike.
        value = next_uuid(kernel) if kernel.is_virtual else uuid.uuid4().bytes
        return UUID(uuid=list(value))

    def send_goal(self, goal: Any, **kwargs: Any) -> Any:
        """Send a goal and wait for its result; not from a callback of a single-threaded executor.

        Returns:
            The result, ``None`` if the goal was rejected.

        Raises:
            TypeError: the goal is of another type.
        """
        return self._get_result(self._wait(self.send_goal_async(goal, **kwargs)))

    def send_goal_async(
        self, goal: Any, feedback_callback: Callable[[Any], Any] | None = None, goal_uuid: UUID | None = None
    ) -> Future:
        """Send a goal; the future gets a :class:`ClientGoalHandle` that says whether it was accepted.

        Raises:
            TypeError: the goal is of another type.
        """
        if not isinstance(goal, self._action_type.Goal):
            raise TypeError
        request = self._action_type.Impl.SendGoalService.Request()
        request.goal_id = self._generate_random_uuid() if goal_uuid is None else goal_uuid
        request.goal = goal
        if feedback_callback is not None:
            self._feedback_callbacks[bytes(request.goal_id.uuid)] = feedback_callback
        sequence, future = self._goal_requests.send(request)
        self._sent_goals[sequence] = request.goal_id

        def forget(_: Future) -> None:
            self._goal_requests.forget(sequence)
            self._sent_goals.pop(sequence, None)

        future.add_done_callback(forget)
        return future

    def _check_goal_handle(self, goal_handle: ClientGoalHandle) -> None:
        if not isinstance(goal_handle, ClientGoalHandle):
            raise TypeError(f"Expected type ClientGoalHandle but received {type(goal_handle)}")

    def _cancel_goal(self, goal_handle: ClientGoalHandle) -> Any:
        return self._wait(self._cancel_goal_async(goal_handle))

    def _cancel_goal_async(self, goal_handle: ClientGoalHandle) -> Future:
        self._check_goal_handle(goal_handle)
        request = CancelGoal.Request()
        request.goal_info.goal_id = goal_handle.goal_id
        sequence, future = self._cancel_requests.send(request)
        future.add_done_callback(lambda _: self._cancel_requests.forget(sequence))
        return future

    def _get_result(self, goal_handle: ClientGoalHandle) -> Any:
        return self._wait(self._get_result_async(goal_handle))

    def _get_result_async(self, goal_handle: ClientGoalHandle) -> Future:
        self._check_goal_handle(goal_handle)
        request = self._action_type.Impl.GetResultService.Request()
        request.goal_id = goal_handle.goal_id
        sequence, future = self._result_requests.send(request)

        def forget(_: Future) -> None:
            self._result_requests.forget(sequence)
            self._feedback_callbacks.pop(bytes(request.goal_id.uuid), None)

        future.add_done_callback(forget)
        return future

    def _wait(self, future: Future) -> Any:
        wait_for_future(self._node.handle.kernel, future, None)
        error = future.exception()
        if error is not None:
            raise error
        return future.result()

    # -- server -------------------------------------------------------------------------------------------------------

    def server_is_ready(self) -> bool:
        """Whether a complete action server exists."""
        with self._node.handle:
            goal, cancel, result, feedback, status = self._handles()
            return (
                all(client.service_server_is_available() for client in (goal, cancel, result))
                and feedback.get_publisher_count() > 0
                and status.get_publisher_count() > 0
            )

    def wait_for_server(self, timeout_sec: float | None = None) -> bool:
        """Wait until a complete action server exists; returns whether one does."""
        return wait_for_graph(self._handles()[0], self._node.context, self.server_is_ready, timeout_sec)

    def destroy(self) -> None:
        """Destroy the client."""
        self._client_handle.destroy_when_not_in_use()
        self._node.remove_waitable(self)


def _message(handle: SubscriptionHandle) -> Any:
    sample = handle.take()
    return None if sample is None else sample[0]
