"""The arm's driver on the graph: what it tells of itself, the way out of stops, and how near people are."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

from rosidl_runtime_py.utilities import get_message
from sensor_msgs.msg import Range

from workcell_control.cell.tool_clients_node import TriggerClient
from workcell_control.execution.driver_call_node import DriverCall
from workcell_control.execution.drivers import ArmDriver
from workcell_control.execution.drivers.driver import Condition, RecoveryStep
from workcell_control.execution.recovery import Recovery
from workcell_control.execution.separation import SeparationMonitor, SeparationParameters
from workcell_ros import qos
from workcell_ros.errors import WorkcellError

SLIDER_RETRY_NS = 5_000_000_000


class ArmDriverLink:
    """Hears the driver's state topics and carries out its recovery.

    Args:
        node: Owns subscriptions and clients.
        driver: Names and meanings.
        told: Called with condition and reason whenever one of them changed.

    Raises:
        WorkcellError: the driver's message types are not installed.
    """

    def __init__(self, node: Any, driver: ArmDriver, told: Callable[[Condition, str], None]) -> None:
        self._node = node
        self._driver = driver
        self._told = told
        self._values: dict[str, object] = {}
        self._last: tuple[Condition, str] | None = None
        # Made now: a client finds its service only some time after it was made.
        self._clients = {name: TriggerClient(node, name) for name in _recovery_services(driver)}
        self.recovery = Recovery(driver.recovery)
        self._slider = SpeedSlider(node, driver)
        self._subscriptions = [
            node.create_subscription(_message_type(driver, name), topic, partial(self._on_state, topic), qos.STATE)
            for topic, name in driver.state_topics.items()
        ]
        if not driver.state_topics:
            self._tell()

    def recover(self, is_acknowledged: bool) -> None:
        """Set out of the stop that the arm is in."""
        self._call(self.recovery.begin(self._node.now_ns(), is_acknowledged=is_acknowledged))

    def tick(self) -> None:
        """Goes on with a recovery, and sets the slider where it is not set yet; call it several times a second."""
        self._call(self.recovery.due(self._node.now_ns()))
        self._slider.tick()

    def destroy(self) -> None:
        """Free what was created on the node."""
        for subscription in self._subscriptions:
            self._node.destroy_subscription(subscription)
        for client in self._clients.values():
            client.destroy()
        self._slider.destroy()

    def _on_state(self, topic: str, message: Any) -> None:
        self._values[topic] = message.mode if hasattr(message, "mode") else message.data
        self._tell()

    def _tell(self) -> None:
        told = self._driver.condition(self._values)
        if told != self._last:
            self._last = told
            self.recovery.on_condition(*told)
            self._told(*told)

    def _call(self, step: RecoveryStep | None) -> None:
        if step is None:
            return
        self._node.get_logger().info(f"recovery: {step.name}")
        self._clients[step.service].call(self._on_answer)

    def _on_answer(self, is_ok: bool, message: str) -> None:
        self.recovery.on_answer(is_ok, message, self._node.now_ns())
        if not is_ok:
            self._node.get_logger().warning(f"recovery: {self.recovery.reason}")


class SpeedSlider:
    """Sets the slider of the arm's own driver to the parameter `speed_slider`, until the driver has taken it."""

    def __init__(self, node: Any, driver: ArmDriver) -> None:
        self._node = node
        self._driver = driver
        self._client: DriverCall | None = None
        self._asked = self._taken = 0.0
        self._again_ns = 0

    def tick(self) -> None:
        """Asks where something else is wanted; a driver that refuses, as long as it starts, is asked again."""
        wanted, now_ns = self._node.values.speed_slider, self._node.now_ns()
        if wanted == 0.0:
            self._asked = self._taken = 0.0  # a person may move it now
        if wanted == self._taken or (wanted == self._asked and now_ns < self._again_ns):
            return
        call = self._driver.slider_call(wanted)
        if call is None:
            self._taken = wanted
            self._node.get_logger().warning(f"speed_slider: the driver {self._driver.kind} has none")
            return
        self._client = self._client or DriverCall(self._node, call)
        if self._client.is_ready:
            self._asked, self._again_ns = wanted, now_ns + SLIDER_RETRY_NS
            self._client.call(call, partial(self._on_answer, wanted))

    def destroy(self) -> None:
        """Free the client."""
        if self._client is not None:
            self._client.destroy()

    def _on_answer(self, fraction: float, is_ok: bool, reason: str) -> None:
        if is_ok:
            self._taken = fraction
            self._node.get_logger().info(f"speed_slider: the arm's own is at {fraction:g}")
        else:
            self._node.get_logger().warning(f"speed_slider: {reason}")


class SeparationLink:
    """Hears the distance to the nearest person and says how fast the tool may be; `on_heard` is called each time."""

    def __init__(self, node: Any, parameters: SeparationParameters, on_heard: Callable[[], None]) -> None:
        self._node = node
        self._on_heard = on_heard
        self._monitor = SeparationMonitor(parameters)
        self._subscription = node.create_subscription(Range, "separation", self._on_range, qos.SENSOR_DATA)

    @property
    def speed_m_s(self) -> float:
        """The largest speed of the tool now; infinite where no distance was ever told."""
        return self._monitor.speed_m_s(self._node.now_ns())

    def destroy(self) -> None:
        """Free the subscription."""
        self._node.destroy_subscription(self._subscription)

    def _on_range(self, message: Any) -> None:
        # REP-117: beyond range is +inf (nobody there), too near is -inf, and nothing measured is not a number.
        distance_m = 0.0 if message.range == -math.inf else float(message.range)
        self._monitor.on_distance(distance_m, self._node.now_ns())
        self._on_heard()


def _recovery_services(driver: ArmDriver) -> set[str]:
    return {step.service for condition in Condition for step in driver.recovery(condition)}


def _message_type(driver: ArmDriver, name: str) -> Any:
    try:
        return get_message(name)
    except (ImportError, AttributeError, LookupError, ValueError) as error:
        raise WorkcellError(f"arm driver {driver.kind}: message type {name} is not installed ({error})") from error
