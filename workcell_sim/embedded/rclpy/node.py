"""Nodes."""

from __future__ import annotations

import weakref
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor, ParameterEvent
from rclpy.callback_groups import CallbackGroup, MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.clock import Clock, ROSClock
from rclpy.context import Context
from rclpy.exceptions import NotInitializedException
from rclpy.executors import Executor
from rclpy.impl.errors import NodeNameNonExistentError
from rclpy.impl.node_entities import EntitiesMixin
from rclpy.impl.node_graph import GraphMixin
from rclpy.impl.node_handle import NodeHandle
from rclpy.impl.node_parameters import ParametersMixin
from rclpy.logging import get_logger
from rclpy.logging_service import LoggingService
from rclpy.parameter import Parameter
from rclpy.parameter_service import ParameterService
from rclpy.publisher import Publisher
from rclpy.qos import qos_profile_parameter_events
from rclpy.time_source import TimeSource
from rclpy.type_description_service import TypeDescriptionService
from rclpy.utilities import get_default_context
from rclpy.validate_namespace import validate_namespace
from rclpy.validate_node_name import validate_node_name

HIDDEN_NODE_PREFIX = "_"

__all__ = ["HIDDEN_NODE_PREFIX", "Node", "NodeNameNonExistentError"]


class Node(EntitiesMixin, ParametersMixin, GraphMixin):
    """A participant of the graph: makes publishers, subscriptions, services, timers, and has parameters.

    Args:
        node_name: name.
        context: context to belong to, default the default one.
        cli_args: ROS arguments for this node alone.
        namespace: namespace of the node and of its relative names.
        use_global_arguments: obey the program's command line.
        enable_rosout: publish log messages on ``/rosout``.
        start_parameter_services: offer the parameter services.
        parameter_overrides: initial values that win over those of arguments.
        allow_undeclared_parameters: let parameters be set without having been declared.
        automatically_declare_parameters_from_overrides: declare all parameters that arguments give values to.
        enable_logger_service: offer the services for logger levels.

    Raises:
        NotInitializedException: the context is not initialized.
        InvalidNodeNameException, InvalidNamespaceException: a bad name.
    """

    def __init__(
        self,
        node_name: str,
        *,
        context: Context | None = None,
        cli_args: list[str] | None = None,
        namespace: str | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
        start_parameter_services: bool = True,
        parameter_overrides: list[Parameter] | None = None,
        allow_undeclared_parameters: bool = False,
        automatically_declare_parameters_from_overrides: bool = False,
        enable_logger_service: bool = False,
    ) -> None:
        self._context = get_default_context() if context is None else context
        self._init_entities()
        self._init_parameters(allow_undeclared_parameters)
        self._default_callback_group = MutuallyExclusiveCallbackGroup()
        self._rate_group = ReentrantCallbackGroup()
        self._executor_weakref: weakref.ref[Executor] | None = None
        if not self._context.ok():
            raise NotInitializedException("cannot create node")
        self._handle = self._make_handle(node_name, namespace or "", cli_args, use_global_arguments, enable_rosout)
        self._port = self._handle.port
        self._logger = get_logger(self._handle.logger_name())
        with self._handle.kernel.use():
            self._clock: Clock = ROSClock()
        self._parameter_event_publisher = self.create_publisher(
            ParameterEvent, "/parameter_events", qos_profile_parameter_events
        )
        self._parameter_overrides = self._handle.get_parameters(Parameter)
        if parameter_overrides is not None:
            self._parameter_overrides.update({parameter.name: parameter for parameter in parameter_overrides})
        if automatically_declare_parameters_from_overrides:
            self.declare_parameters(
                "",
                [(name, override.value, ParameterDescriptor()) for name, override in self._parameter_overrides.items()],
                ignore_override=True,
            )
        self._time_source = TimeSource(node=self)
        self._time_source.attach_clock(self._clock)
        if start_parameter_services:
            self._parameter_service = ParameterService(self)
        if enable_logger_service:
            self._logger_service = LoggingService(self)
        self._type_description_service = TypeDescriptionService(self)

    def _make_handle(
        self, name: str, namespace: str, cli_args: list[str] | None, use_global: bool, rosout: bool
    ) -> NodeHandle:
        try:
            return NodeHandle(name, namespace, self._context.handle, cli_args, use_global, rosout)
        except ValueError:
            validate_node_name(name)
            namespace = namespace or "/"
            validate_namespace(namespace if namespace.startswith("/") else f"/{namespace}")
            raise

    # -- what it is ---------------------------------------------------------------------------------------------------

    @property
    def context(self) -> Context:
        return self._context

    @property
    def default_callback_group(self) -> CallbackGroup:
        """Group of entities that are made without one; runs one callback at a time."""
        return self._default_callback_group

    @property
    def handle(self) -> NodeHandle:
        return self._handle

    @handle.setter
    def handle(self, value: Any) -> None:
        raise AttributeError("handle cannot be modified after node creation")

    def get_name(self) -> str:
        with self.handle:
            return self.handle.get_node_name()

    def get_namespace(self) -> str:
        with self.handle:
            return self.handle.get_namespace()

    def get_fully_qualified_name(self) -> str:
        with self.handle:
            return self.handle.get_fully_qualified_name()

    def get_clock(self) -> Clock:
        return self._clock

    def get_logger(self) -> Any:
        return self._logger

    # -- executor -----------------------------------------------------------------------------------------------------

    @property
    def executor(self) -> Executor | None:
        """The executor the node was added to last."""
        return None if self._executor_weakref is None else self._executor_weakref()

    @executor.setter
    def executor(self, new_executor: Executor | None) -> None:
        current = self.executor
        if current is new_executor:
            return
        if current is not None:
            current.remove_node(self)
        if new_executor is None:
            self._executor_weakref = None
        else:
            self._executor_weakref = weakref.ref(new_executor)
            new_executor.add_node(self)

    def _wake_executor(self) -> None:
        executor = self.executor
        if executor is not None:
            executor.wake()

    # -- end ----------------------------------------------------------------------------------------------------------

    def destroy_node(self) -> None:
        """Destroy the node and all its entities; nothing of it can be used afterwards."""
        self._parameter_event_publisher = None
        self._type_description_service.destroy()
        self._destroy_entities()
        self._handle.destroy_when_not_in_use()
        self._wake_executor()

    def __enter__(self) -> Node:
        return self

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        self.destroy_node()


PublisherType = Publisher
