"""The arm's own slider is set when somebody wants it otherwise, until the driver has taken it."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import SetBool

from workcell_control.cell.arm_driver_node import SLIDER_RETRY_NS, SpeedSlider
from workcell_control.execution.drivers.driver import ServiceCall


class Cell(Node):
    """A node with the little that the slider needs of the cell, whose time is told."""

    def __init__(self) -> None:
        super().__init__("cell")
        self.values = SimpleNamespace(speed_slider=0.0)
        self.time_ns = 0

    def now_ns(self) -> int:
        return self.time_ns


class Driver:
    """Offers a slider as ur_robot_driver does, by a service type of this world; refuses as long as it is told to."""

    kind = "with a slider"

    def __init__(self, node: Node) -> None:
        self.asked: list[float] = []
        self.heard = 0
        self.is_ready = True
        self._service = node.create_service(SetBool, "set_speed_slider", self._on_set)

    def slider_call(self, fraction: float) -> ServiceCall:
        self.asked.append(fraction)
        return ServiceCall("set_speed_slider", "std_srvs/srv/SetBool", {"data": fraction > 0.5})

    def _on_set(self, _request: Any, response: Any) -> Any:
        self.heard += 1
        response.success = self.is_ready
        return response


class Rig:
    """Slider, driver, and what turns them."""

    def __init__(self) -> None:
        self.cell = Cell()
        self.around = Node("driver")
        self.driver = Driver(self.around)
        self.slider = SpeedSlider(self.cell, self.driver)  # type: ignore[arg-type]
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.cell)
        self.executor.add_node(self.around)

    def want(self, fraction: float) -> None:
        self.cell.values.speed_slider = fraction

    def turn(self, times: int = 40) -> None:
        for _ in range(times):
            self.slider.tick()
            self.executor.spin_once(timeout_sec=0.01)


@pytest.fixture
def rig(kernel: Any) -> Iterator[Rig]:
    if not rclpy.ok():
        rclpy.init()
    made = Rig()
    yield made
    made.slider.destroy()
    made.executor.shutdown()
    made.cell.destroy_node()
    made.around.destroy_node()
    if rclpy.ok():
        rclpy.try_shutdown()


def test_nothing_is_asked_until_somebody_wants_it_and_then_once(rig: Rig) -> None:
    rig.turn()
    assert rig.driver.asked == []
    rig.want(0.8)
    rig.turn()
    assert rig.driver.heard == 1
    rig.want(0.4)
    rig.turn()
    assert (rig.driver.heard, rig.driver.asked[-1]) == (2, 0.4)


def test_a_driver_that_refuses_is_asked_again_later(rig: Rig) -> None:
    rig.driver.is_ready = False
    rig.want(0.8)
    rig.turn()
    assert rig.driver.heard == 1
    rig.driver.is_ready = True
    rig.cell.time_ns += SLIDER_RETRY_NS
    rig.turn()
    rig.cell.time_ns += SLIDER_RETRY_NS
    rig.turn()
    assert rig.driver.heard == 2


def test_what_the_pendant_may_have_changed_is_set_again(rig: Rig) -> None:
    for fraction in (0.8, 0.0, 0.8):
        rig.want(fraction)
        rig.turn()
    assert rig.driver.heard == 2
