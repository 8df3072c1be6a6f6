"""The base of every node of the cell: lifecycle, parameters, heartbeat, and a safe way down."""

from __future__ import annotations

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType
from typing import Any, Generic, Self, TypeVar

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.exceptions import ParameterException
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.signals import SignalHandlerOptions
from rclpy.task import Future

from workcell_ros import convert, qos
from workcell_ros.activity import Activity
from workcell_ros.disk_watch import DiskWatch
from workcell_ros.errors import WorkcellError
from workcell_ros.params import ParameterSet

HEARTBEAT_PERIOD_S = 1.0
SAFE_STOP_TIMEOUT_S = 2.0
SIGNAL_POLL_S = 0.2
"""How late a signal may be noticed: rclpy's wait for work does not end with one."""
EXIT_CONFIG = 2

P = TypeVar("P")


class WorkcellNode(LifecycleNode, Generic[P]):
    """A lifecycle node with a typed parameter set and a heartbeat on `diagnostics`.

    A subclass declares in `__init__`, does what can fail in `configure`, starts timers and inputs in
    `activate`, stops them in `deactivate` and frees in `cleanup`. What any of these raises is logged with
    its cause and fails the transition.
    """

    def __init__(self, name: str, schema_cls: type[P], **kwargs: Any) -> None:
        super().__init__(name, **kwargs)
        self._clock_now = self.get_clock().now
        self.parameters: ParameterSet[P] = ParameterSet(self, schema_cls)
        self.activity = Activity(self.now_ns())
        logger = self.get_logger()
        self.disk = DiskWatch(logger.warning, logger.info)
        self._state = "unconfigured"
        self._status_sources: list[Callable[[], Iterable[Any]]] = []
        self._diagnostics_pub = self.create_publisher(DiagnosticArray, "diagnostics", qos.DIAGNOSTICS)
        self._heartbeat_timer = self.create_timer(HEARTBEAT_PERIOD_S, self._beat)

    @property
    def values(self) -> P:
        """The parameter values in force."""
        return self.parameters.values

    @property
    def is_active(self) -> bool:
        """Whether the node is in its active state."""
        return self._state == "active"

    def now_ns(self) -> int:
        """The node clock in nanoseconds."""
        return self._clock_now().nanoseconds  # type: ignore[no-any-return]

    def configure(self) -> None:
        """Does what can fail: opens files, loads models, connects."""

    def activate(self) -> None:
        """Starts timers and inputs."""

    def deactivate(self) -> None:
        """Stops timers and inputs."""

    def cleanup(self) -> None:
        """Frees what `configure` took."""

    def safe_stop(self) -> Future | None:
        """Asks what the node commands to come to rest; the future tells when it has."""
        return None

    def add_status_source(self, source: Callable[[], Iterable[Any]]) -> None:
        """Adds statuses (see `status`) to every heartbeat."""
        self._status_sources.append(source)

    def status(self, thing: str, level: bytes, message: str, hardware_id: str = "", **values: object) -> Any:
        """Returns a DiagnosticStatus named `<node>: <thing>`."""
        return convert.make_status(f"{self.get_name()}: {thing}", level, message, values, hardware_id)

    def publish_status(self, *statuses: Any) -> None:
        """Publishes statuses at once, without waiting for the heartbeat."""
        self._diagnostics_pub.publish(convert.make_diagnostics(self.now_ns(), statuses))

    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `configure`."""
        return self._guard("inactive", self.configure, lambda: super(WorkcellNode, self).on_configure(state))

    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `activate`, managed publishers first so that it may publish."""
        return self._guard("active", lambda: super(WorkcellNode, self).on_activate(state), self.activate)

    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `deactivate`, managed publishers last so that it may publish."""
        return self._guard("inactive", self.deactivate, lambda: super(WorkcellNode, self).on_deactivate(state))

    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Runs `cleanup`."""
        return self._guard("unconfigured", self.cleanup, lambda: super(WorkcellNode, self).on_cleanup(state))

    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Deactivates and cleans up as far as the node had come."""
        return self._guard("finalized", self.take_down, lambda: super(WorkcellNode, self).on_shutdown(state))

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Frees what was taken, so that the node can be configured again."""
        return self._guard("unconfigured", self.cleanup, lambda: super(WorkcellNode, self).on_error(state))

    def take_down(self) -> None:
        """Deactivates and cleans up from whatever state the node is in."""
        if self._state == "active":
            self.deactivate()
        if self._state in ("active", "inactive"):
            self.cleanup()

    def _guard(self, target: str, *steps: Callable[[], object]) -> TransitionCallbackReturn:
        try:
            for step in steps:
                if step() in (TransitionCallbackReturn.FAILURE, TransitionCallbackReturn.ERROR):
                    return TransitionCallbackReturn.FAILURE
        except WorkcellError as error:
            self._say_failed(target, str(error))
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self._say_failed(target, f"{type(error).__name__}: {error}\n{traceback.format_exc()}")
            return TransitionCallbackReturn.ERROR
        self._state = target
        self._beat()
        return TransitionCallbackReturn.SUCCESS

    def _say_failed(self, target: str, reason: str) -> None:
        self.get_logger().error(f"cannot become {target}: {reason}")
        first_line = reason.partition("\n")[0]
        self.publish_status(self.status("node", convert.ERROR, first_line, state=self._state))

    def _beat(self) -> None:
        pulse = self.activity.pulse(self.now_ns())
        level = convert.OK if self._state == "active" else convert.WARN
        heartbeat = self.status(
            "node",
            level,
            self._state,
            state=self._state,
            rate_hz=round(pulse.rate_hz, 3),
            staleness_s=round(pulse.staleness_s, 3),
            drops=pulse.drops,
        )
        extra = [status for source in self._status_sources for status in source()]
        self.publish_status(heartbeat, *extra)


def run_node(node_cls: Callable[[], Any], args: list[str] | None = None) -> None:
    """Runs one node until it is told to stop; the body of every node's `main`."""
    run_nodes([node_cls], args)


def bring_up(node_cls: Callable[[], Any]) -> Any:
    """Makes a node that nobody manages, and configures and activates it.

    Raises:
        WorkcellError: it could not be brought up.
    """
    node = node_cls()
    for transition in (node.trigger_configure, node.trigger_activate):
        if transition() != TransitionCallbackReturn.SUCCESS:
            raise WorkcellError(f"{node.get_name()} could not be brought up; its log above says why")
    return node


def run_active(node_cls: Callable[[], Any], args: list[str]) -> None:
    """Runs one node that nobody manages: it brings itself up, and exits with code 2 where it cannot."""

    run_nodes([lambda: bring_up(node_cls)], args)


def run_nodes(node_classes: Iterable[Callable[[], Any]], args: list[str] | None = None) -> None:
    """Runs nodes on one executor until told to stop, then brings each to a safe stop.

    rclpy's own signal handlers are left out: they would end the context before a safe stop could be sent.
    Exits with code 2 where the configuration cannot be used.
    """
    with _StopSignals() as stop:
        rclpy.init(args=args, signal_handler_options=SignalHandlerOptions.NO)
        try:
            nodes = [node_cls() for node_cls in node_classes]
        except (WorkcellError, ValueError, ParameterException) as error:
            rclpy.try_shutdown()
            print(f"error: {error}", file=sys.stderr)
            raise SystemExit(EXIT_CONFIG) from None
        _run(nodes, stop)


class _StopSignals:
    """Notes SIGINT and SIGTERM in place of raising: raised within rclpy, KeyboardInterrupt may be lost or leave half
    a message behind. Once noted, further ones change nothing.

    A signal that somebody else handles is left to them: a launch service of the embedded runtime, in whose process
    the node lives, interrupts the node itself. So is every signal where this is not the main thread.
    """

    def __init__(self) -> None:
        self.is_set = False
        self._previous: dict[int, Any] = {}

    @property
    def is_watching(self) -> bool:
        """Whether any signal is noted here."""
        return bool(self._previous)

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            return self
        defaults = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
        for number, default in defaults.items():
            if signal.getsignal(number) is default:
                self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True


def _run(nodes: list[Any], stop: _StopSignals) -> None:
    executor = SingleThreadedExecutor()
    for node in nodes:
        executor.add_node(node)
    try:
        _spin(executor, stop)
        _stop_safely(nodes, executor)
    except (KeyboardInterrupt, ExternalShutdownException):
        _stop_safely(nodes, executor)
    finally:
        executor.shutdown()
        for node in nodes:
            node.destroy_node()
        rclpy.try_shutdown()


def _spin(executor: SingleThreadedExecutor, stop: _StopSignals) -> None:
    if not stop.is_watching:
        executor.spin()
        return
    while rclpy.ok() and not stop.is_set:
        executor.spin_once(timeout_sec=SIGNAL_POLL_S)


def _stop_safely(nodes: list[Any], executor: SingleThreadedExecutor) -> None:
    if not rclpy.ok():
        return
    for future in [node.safe_stop() for node in nodes]:
        if future is not None:
            executor.spin_until_future_complete(future, timeout_sec=SAFE_STOP_TIMEOUT_S)
    for node in nodes:
        node.take_down()
