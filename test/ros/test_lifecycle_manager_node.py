"""The lifecycle manager's node brings up, watches and takes down nodes of the cell's kind, in virtual time."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Any

import pytest

from workcell_sim.embedded import is_active

if not is_active():
    pytest.skip("kill and stall are faults of the embedded kernel", allow_module_level=True)

import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger

from workcell_ros import convert
from workcell_ros.errors import WorkcellError
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.lifecycle_manager_node import EXIT_BRINGUP_FAILED
from workcell_ros.lifecycle_manager_node import main as manager_main
from workcell_ros.schema import param
from workcell_sim.embedded._kernel import Kernel, Process

S = 1_000_000_000
NAMES = ("governor", "gateway", "cell")


@dataclass(frozen=True)
class Parameters:
    """What the example node can be told."""

    fail_configure: bool = param(False, "Whether configuring fails")


class Example(WorkcellNode[Parameters]):
    """A node like those of the cell, that notes its transitions."""

    log: list[tuple[str, str]] = []

    def __init__(self, name: str, **kwargs: Any) -> None:
        super().__init__(name, Parameters, **kwargs)

    def configure(self) -> None:
        self.log.append((self.get_name(), "configure"))
        if self.values.fail_configure:
            raise WorkcellError("tags.yaml: arm/joint_7: unknown tag; valid: arm/joint_1 to arm/joint_6")

    def activate(self) -> None:
        self.log.append((self.get_name(), "activate"))

    def deactivate(self) -> None:
        self.log.append((self.get_name(), "deactivate"))


class Cell:
    """The managed nodes and their manager as processes of a kernel, and a node that looks at them."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.processes: dict[str, Process] = {}
        self.statuses: dict[str, Any] = {}
        self.context = Context()
        rclpy.init(args=[], context=self.context)
        self.node = Node("observer", context=self.context)
        self.node.create_subscription(DiagnosticArray, "diagnostics", self._on_diagnostics, 100)
        executor = SingleThreadedExecutor(context=self.context)
        executor.add_node(self.node)
        kernel.spawn(executor.spin, name="observer")

    def start(self, name: str, *arguments: str) -> None:
        def main() -> None:
            run_node(lambda: Example(name))

        self.processes[name] = self.kernel.spawn(main, [name, *arguments], name=name)

    def start_manager(self, *arguments: str) -> None:
        names = f"node_names:=[{', '.join(NAMES)}]"
        argv = ["lifecycle_manager", "--ros-args", "-p", names, "-p", "bringup_timeout_s:=5.0", *arguments]
        self.processes["manager"] = self.kernel.spawn(manager_main, argv, name="manager")

    def start_all(self, *manager_arguments: str) -> None:
        for name in NAMES:
            self.start(name)
        self.start_manager(*manager_arguments)

    def run(self, seconds: float) -> None:
        self.kernel.run_for(int(seconds * S))

    def level(self, name: str) -> int:
        return convert.level_of(self.statuses[f"lifecycle_manager: {name}"])

    def reason(self, name: str) -> str:
        return str(self.statuses[f"lifecycle_manager: {name}"].message)

    def ask(self, service: str) -> tuple[bool, str]:
        client = self.node.create_client(Trigger, f"lifecycle_manager/{service}")
        future = client.call_async(Trigger.Request())
        assert self.kernel.run_until(future.done, 5 * S)
        answer = future.result()
        return answer.success, answer.message

    def _on_diagnostics(self, message: Any) -> None:
        self.statuses.update({status.name: status for status in message.status})


@pytest.fixture
def cell(kernel: Kernel) -> Cell:
    Example.log = []
    return Cell(kernel)


def test_brings_the_nodes_up_in_order_and_says_so(cell: Cell) -> None:
    cell.start_all()
    cell.run(3.0)
    assert Example.log == [(name, step) for name in NAMES for step in ("configure", "activate")]
    assert [cell.level(name) for name in (*NAMES, "node")] == [0, 0, 0, 0]
    assert cell.reason("node") == "active"
    assert cell.ask("is_active") == (True, "active")


def test_the_start_waits_for_nodes_that_come_late(cell: Cell) -> None:
    cell.start_manager()
    cell.run(2.0)
    assert cell.reason("governor") == "waiting for the node to appear"
    assert cell.ask("is_active")[0] is False
    for name in NAMES:
        cell.start(name)
    cell.run(2.0)
    assert cell.ask("is_active")[0] is True


def test_a_failed_configure_ends_the_manager_with_the_reason(cell: Cell, capfd: pytest.CaptureFixture[str]) -> None:
    cell.start("governor")
    cell.start("gateway", "--ros-args", "-p", "fail_configure:=true")
    cell.start("cell")
    cell.start_manager()
    cell.run(3.0)
    assert cell.processes["manager"].exit_code == EXIT_BRINGUP_FAILED
    assert cell.reason("node").startswith("gateway: configure failed: tags.yaml: arm/joint_7: unknown tag")
    assert cell.level("node") == 2
    assert ("cell", "configure") not in Example.log
    assert "bring-up failed: gateway: configure failed: tags.yaml" in capfd.readouterr().err


def test_a_failed_start_can_be_waited_out(cell: Cell) -> None:
    cell.start_all("-p", "exit_on_failure:=false")
    cell.processes["gateway"].kill()
    cell.run(8.0)
    assert cell.processes["manager"].exit_code is None
    assert cell.reason("node") == "gateway: the node is not there after 5 s"
    cell.start("gateway")
    assert cell.ask("resume") == (True, "resume begun")
    cell.run(3.0)
    assert cell.ask("is_active")[0] is True


def test_a_killed_node_is_brought_up_again(cell: Cell) -> None:
    cell.start_all()
    cell.run(3.0)
    cell.processes["gateway"].signal(signal.SIGKILL)
    cell.run(1.5)
    assert cell.level("gateway") == 2
    assert cell.reason("gateway") == "the node is gone; waiting for the node to appear"
    assert cell.ask("is_active")[0] is False
    cell.start("gateway")
    cell.run(2.0)
    assert cell.ask("is_active")[0] is True
    assert convert.status_values(cell.statuses["lifecycle_manager: gateway"])["restarts"] == "1"
    assert Example.log.count(("cell", "activate")) == 1


def test_a_stalled_node_is_told_and_comes_back(cell: Cell) -> None:
    cell.start_all()
    cell.run(3.0)
    cell.kernel.stall("/cell", 5 * S)
    cell.run(4.5)
    assert cell.level("cell") == 3
    assert cell.reason("cell").startswith("no heartbeat for ")
    assert cell.level("node") == 1
    cell.run(3.0)
    assert cell.level("cell") == 0
    assert Example.log.count(("cell", "activate")) == 1


def test_pause_resume_and_shutdown(cell: Cell) -> None:
    cell.start_all()
    cell.run(2.0)
    Example.log.clear()
    assert cell.ask("pause") == (True, "pause begun")
    cell.run(1.0)
    assert Example.log == [(name, "deactivate") for name in reversed(NAMES)]
    assert cell.ask("pause") == (False, "cannot pause while paused")
    assert cell.ask("resume")[0] is True
    cell.run(1.0)
    assert cell.ask("is_active")[0] is True
    assert cell.ask("shutdown")[0] is True
    cell.run(2.0)
    assert cell.reason("node") == "stopped"
    assert [cell.reason(name) for name in NAMES] == ["shut down"] * 3


def test_a_manager_without_nodes_says_what_is_missing(cell: Cell, capfd: pytest.CaptureFixture[str]) -> None:
    process = cell.kernel.spawn(manager_main, ["lifecycle_manager"], name="manager")
    cell.run(1.0)
    assert process.exit_code == 2
    assert "node_names: names the managed nodes" in capfd.readouterr().err
