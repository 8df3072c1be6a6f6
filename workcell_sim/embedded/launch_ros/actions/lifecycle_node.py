"""The execution of a lifecycle node."""

from __future__ import annotations

import asyncio
from typing import Any

from launch.event_handler import EventHandler
from launch.launch_context import LaunchContext
from launch.launch_description_entity import LaunchDescriptionEntity
from launch.logging import get_logger
from launch.some_substitutions_type import SomeSubstitutionsType
from lifecycle_msgs.msg import TransitionEvent
from lifecycle_msgs.srv import ChangeState as ChangeStateService

from ..events.lifecycle import ChangeState, StateTransition
from ..ros_adapters import get_ros_node
from .node import Node

_SERVICE_POLL_S = 0.1


class LifecycleNode(Node):
    """Runs a lifecycle node; makes the transitions of ChangeState events, tells its own.

    With `autostart` it is configured and activated as soon as it is there.
    """

    def __init__(
        self,
        *,
        name: SomeSubstitutionsType,
        namespace: SomeSubstitutionsType,
        autostart: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, namespace=namespace, **kwargs)
        self.__autostart = autostart
        self.__logger = get_logger(__name__)
        self.__subscription: Any = None
        self.__client: Any = None

    @property
    def node_autostart(self) -> bool:
        """Whether it is configured and activated by itself."""
        return self.__autostart

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Listen to the node's state changes and start it.

        Raises:
            RuntimeError: the node's name is not fully told.
        """
        # Here because lifecycle_transition imports this module.
        from .lifecycle_transition import LifecycleTransition

        self._perform_substitutions(context)
        if not self.is_node_name_fully_specified():
            raise RuntimeError("node_name unexpectedly incomplete for lifecycle node")
        node = get_ros_node(context)
        self.__subscription = node.create_subscription(
            TransitionEvent,
            f"{self.node_name}/transition_event",
            lambda message: self.__on_transition(context, message),
            10,
        )
        self.__client = node.create_client(ChangeStateService, f"{self.node_name}/change_state")
        context.register_event_handler(_OnChangeState(self))
        entities = list(super().execute(context) or [])
        if self.__autostart:
            entities.append(LifecycleTransition(lifecycle_node_names=[self.node_name], transition_ids=[1, 3]))
        return entities

    def __on_transition(self, context: LaunchContext, message: Any) -> None:
        if context.asyncio_loop is not None:
            event = StateTransition(action=self, msg=message)
            context.asyncio_loop.call_soon_threadsafe(context.emit_event_sync, event)

    def change_state(self, context: LaunchContext, transition_id: int) -> None:
        """Ask the node for a transition, once its service is there; the launch waits for the answer."""
        if context.asyncio_loop is not None:
            task = context.asyncio_loop.create_task(self.__change_state(context, transition_id))
            context.add_completion_future(task)

    async def __change_state(self, context: LaunchContext, transition_id: int) -> None:
        while not self.__client.service_is_ready():
            if context.is_shutdown:
                self.__logger.warning("Abandoning wait for the '%s' service, due to shutdown.", self.__client.srv_name)
                return
            await asyncio.sleep(_SERVICE_POLL_S)
        request = ChangeStateService.Request()
        request.transition.id = transition_id
        answer = self.__client.call_async(request)
        while not answer.done():
            if context.is_shutdown:
                self.__logger.warning(
                    "Abandoning wait for the '%s' service response, due to shutdown.",
                    self.__client.srv_name,
                )
                answer.cancel()
                return
            await asyncio.sleep(_SERVICE_POLL_S)
        if not answer.result().success:
            self.__logger.error(
                "Failed to make transition '%s' for LifecycleNode '%s'",
                ChangeState.valid_transitions[transition_id],
                self.node_name,
            )


class _OnChangeState(EventHandler):
    """Passes ChangeState events on to a node that they are for."""

    def __init__(self, action: LifecycleNode) -> None:
        super().__init__(matcher=lambda event: isinstance(event, ChangeState))
        self.__action = action

    def handle(self, event: Any, context: LaunchContext) -> None:
        """Ask the node for the transition."""
        super().handle(event, context)
        if event.lifecycle_node_matcher(self.__action):
            self.__action.change_state(context, event.transition_id)
