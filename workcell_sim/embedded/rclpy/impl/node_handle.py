"""A node in the graph: its final name, its arguments, and its place on ``/rosout``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workcell_sim.embedded._kernel.entity import Destroyable
from workcell_sim.embedded._kernel.graph import NodeRecord
from workcell_sim.embedded._kernel.topic import PublisherEnd

from . import log_output
from .arguments import RosArguments, parse
from .context_handle import ContextHandle
from .errors import RCLError
from .names import expand_checked, full_topic_name_error, namespace_error, node_name_error, topic_name_error

_NO_ARGUMENTS = RosArguments()


class NodeHandle(Destroyable):
    """What stands behind :class:`rclpy.node.Node`.

    Raises:
        ValueError: the name or the namespace is malformed.
        RCLError: the context is not valid.
        RCLInvalidROSArgsError, UnknownROSArgsError: bad arguments.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        context: ContextHandle,
        cli_args: Sequence[str] | None = None,
        use_global_arguments: bool = True,
        enable_rosout: bool = True,
    ) -> None:
        super().__init__()
        if not context.ok():
            raise RCLError("failed to create node: the given context is not valid")
        self.context = context
        self.context_handle = context
        self.kernel = context.kernel
        self._local = parse(["--ros-args", *cli_args]) if cli_args else _NO_ARGUMENTS
        self._global = context.arguments if use_global_arguments else _NO_ARGUMENTS
        if node_name_error(name) is not None:
            raise ValueError(f"node name is invalid: {name!r}")
        namespace = namespace if namespace.startswith("/") else f"/{namespace}"
        if namespace_error(namespace) is not None:
            raise ValueError(f"namespace is invalid: {namespace!r}")
        # Rules select nodes by their original name.
        self._original_name = name
        name = self._local.node_name(name) or self._global.node_name(name) or name
        original = self._original_name
        namespace = self._local.node_namespace(original) or self._global.node_namespace(original) or namespace
        enclave = self._local.enclave if self._local.enclave != "/" else self._global.enclave
        self.record = NodeRecord(context.graph, name, namespace, enclave)
        self.port = self.record.port
        self.graph = context.graph
        self.withdrawn = False
        context.add_node(self)
        self._rosout: PublisherEnd | None = None
        if enable_rosout and context.arguments.switches.get("rosout-logs", True):
            self._start_rosout()

    # -- names --------------------------------------------------------------------------------------------------------

    def get_node_name(self) -> str:
        return self.record.name

    def get_namespace(self) -> str:
        return self.record.namespace

    def get_fully_qualified_name(self) -> str:
        return self.record.fully_qualified_name

    def logger_name(self) -> str:
        return self.get_fully_qualified_name().strip("/").replace("/", ".")

    def resolve(self, name: str, *, is_service: bool, only_expand: bool = False) -> str:
        """Expand and remap a topic or service name.

        Raises:
            ValueError: the name is malformed, before or after remapping.
        """
        error = topic_name_error(name)
        if error is not None:
            raise ValueError(f"{'service' if is_service else 'topic'} name is invalid: {error[0]}")
        full_name = expand_checked(name, self.record.name, self.record.namespace)
        if not only_expand:
            full_name = self.remap(full_name, is_service=is_service)
        error = full_topic_name_error(full_name)
        if error is not None:
            raise ValueError(f"{'service' if is_service else 'topic'} name is invalid: {error[0]}")
        return full_name

    def remap(self, full_name: str, *, is_service: bool = False) -> str:
        kind = "service" if is_service else "topic"
        for arguments in (self._local, self._global):
            replaced = arguments.remap(kind, full_name, self.record.name, self.record.namespace)
            if replaced is not None:
                return replaced
        return full_name

    # -- parameters ---------------------------------------------------------------------------------------------------

    def get_parameters(self, parameter_class: Any) -> dict[str, Any]:
        """Parameter overrides by name, from the context's and the node's arguments (the node's win)."""
        full_name = self.get_fully_qualified_name()
        values = self._global.parameters_for(full_name) | self._local.parameters_for(full_name)
        return {name: parameter_class(name, value=value) for name, value in values.items()}

    # -- graph --------------------------------------------------------------------------------------------------------

    def get_node_names_and_namespaces(self) -> list[tuple[str, str]]:
        return [(node.name, node.namespace) for node in self.graph.nodes]

    def get_node_names_and_namespaces_with_enclaves(self) -> list[tuple[str, str, str]]:
        return [(node.name, node.namespace, node.enclave) for node in self.graph.nodes]

    def get_count_publishers(self, topic_name: str) -> int:
        return len(self.graph.publishers_of(topic_name))

    def get_count_subscribers(self, topic_name: str) -> int:
        return len(self.graph.subscriptions_of(topic_name))

    def get_count_clients(self, service_name: str) -> int:
        return len(self.graph.clients_of(service_name))

    def get_count_services(self, service_name: str) -> int:
        return len(self.graph.servers_of(service_name))

    # -- life ---------------------------------------------------------------------------------------------------------

    def withdraw(self) -> None:
        """Leave the graph because the context was shut down; the handle itself stays."""
        if not self.withdrawn:
            self.withdrawn = True
            self._stop_rosout()
            self.record.withdraw()
            self.context.remove_node(self)

    def destroyed(self) -> None:
        self._stop_rosout()
        self.record.remove()
        self.context.remove_node(self)

    def _start_rosout(self) -> None:
        from rcl_interfaces.msg import Log
        from rclpy.impl.qos_compatibility import to_bus
        from rclpy.qos import qos_profile_rosout_default

        publisher = PublisherEnd(self.record, Log, "/rosout", to_bus(qos_profile_rosout_default))
        self._rosout = publisher

        def publish(severity: int, name: str, message: str, function: str, file: str, line: int, now_ns: int) -> None:
            log = Log(level=int(severity), name=name, msg=message, file=file, function=function, line=line)
            log.stamp.sec, log.stamp.nanosec = divmod(now_ns, 10**9)
            publisher.publish(log)

        self._log_state = log_output.state()
        self._log_state.rosout[self.logger_name()] = publish
        self._publish_log = publish

    def _stop_rosout(self) -> None:
        if self._rosout is not None:
            self._rosout.destroy_quietly()
            self._rosout = None
            if self._log_state.rosout.get(self.logger_name()) is self._publish_log:
                del self._log_state.rosout[self.logger_name()]
