"""Launch descriptions on virtual time: no thread, no sleep, the same every time, and several at once."""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from workcell_sim.embedded import is_active

if not is_active():
    pytest.skip("virtual time is the embedded runtime's own", allow_module_level=True)

from launch import LaunchContext, LaunchDescription, LaunchService
from launch.actions import (
    EmitEvent,
    ExecuteProcess,
    OpaqueCoroutine,
    OpaqueFunction,
    RegisterEventHandler,
    Shutdown,
    TimerAction,
)
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch.events import matches_action
from launch.events.process import SignalProcess
from launch_ros.actions import LifecycleNode, Node, ROSTimer
from launch_ros.event_handlers import OnStateTransition

from workcell_sim.embedded._kernel import DeadlockError, Kernel

S = 1_000_000_000

BEATER = """
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node
rclpy.init()
node = Node("beater")
start = node.get_clock().now()
node.create_timer(60.0, lambda: print(f"{(node.get_clock().now() - start).nanoseconds // 10**9}", end=" "))
try:
    rclpy.spin(node)
except (KeyboardInterrupt, ExternalShutdownException):
    print("stopped", end="")
"""

QUIET = """
import rclpy
rclpy.init()
node = rclpy.create_node("quiet")
node.create_timer(1.0, list)
try:
    rclpy.spin(node)
except KeyboardInterrupt:
    pass
"""

MANAGED = """
import rclpy
from rclpy.executors import ExternalShutdownException
from rclpy.lifecycle import LifecycleNode
rclpy.init()
try:
    rclpy.spin(LifecycleNode("managed"))
except (KeyboardInterrupt, ExternalShutdownException):
    pass
"""


@pytest.fixture
def beater(tmp_path: Path) -> str:
    path = tmp_path / "beater.py"
    path.write_text(BEATER)
    return str(path)


def run(*entities: Any) -> int:
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription(list(entities)))
    return int(service.run())


def collect(output: list[str]) -> RegisterEventHandler:
    return RegisterEventHandler(OnProcessIO(on_stdout=lambda event: output.append(event.text.decode())))


def test_an_hour_passes_at_once_and_to_the_nanosecond(kernel: Kernel) -> None:
    seen_ns: list[int] = []
    begin_ns = kernel.now_ns()
    note = OpaqueFunction(function=lambda context: seen_ns.append(kernel.now_ns() - begin_ns))
    real_s = time.perf_counter()
    assert run(TimerAction(period=3600.0, actions=[note]), TimerAction(period=0.1, actions=[note])) == 0
    assert seen_ns == [S // 10, 3600 * S]
    assert time.perf_counter() - real_s < 5.0


def test_coroutines_sleep_by_virtual_time(kernel: Kernel) -> None:
    async def work(context: LaunchContext) -> None:
        await asyncio.sleep(7200.0)

    begin_ns = kernel.now_ns()
    assert run(OpaqueCoroutine(coroutine=work)) == 0
    assert kernel.now_ns() - begin_ns == 7200 * S


def test_nodes_and_timers_share_one_time_line(kernel: Kernel, beater: str) -> None:
    output: list[str] = []
    stop = TimerAction(period=200.0, actions=[Shutdown()])
    assert run(collect(output), Node(executable=beater), stop) == 0
    assert "".join(output) == "60 120 180 stopped"


def test_no_thread_is_started(kernel: Kernel, beater: str) -> None:
    before = threading.active_count()
    during: list[int] = []
    look = OpaqueFunction(function=lambda context: during.append(threading.active_count()))
    stop = TimerAction(period=100.0, actions=[look, Shutdown()])
    assert run(Node(executable=beater), stop) == 0
    assert during == [before]


def test_a_killed_node_is_respawned_after_its_delay(kernel: Kernel, beater: str) -> None:
    output: list[str] = []
    exits: list[tuple[int, int]] = []
    begin_ns = kernel.now_ns()
    node = Node(executable=beater, respawn=True, respawn_delay=30.0)
    kill = EmitEvent(event=SignalProcess(signal_number="SIGKILL", process_matcher=matches_action(node)))

    def note(event: Any, context: LaunchContext) -> None:
        exits.append(((kernel.now_ns() - begin_ns) // S, event.returncode))

    timers = [TimerAction(period=100.0, actions=[kill]), TimerAction(period=200.0, actions=[Shutdown()])]
    assert run(collect(output), RegisterEventHandler(OnProcessExit(on_exit=note)), node, *timers) == 0
    assert exits == [(100, -signal.SIGKILL), (200, 0)]
    assert "".join(output) == "60 60 stopped"


def test_a_node_killed_while_another_passes_time_comes_back_on_the_same_kernel(
    kernel: Kernel, beater: str, tmp_path: Path
) -> None:
    output: list[str] = []
    quiet = tmp_path / "quiet.py"
    # Its timer is what happens next, so the launch service sleeps on and this process runs the event below.
    quiet.write_text(QUIET)
    victim = Node(executable=beater, respawn=True, respawn_delay=10.0)

    def kill() -> None:
        next(process for process in kernel.processes if process.name.startswith("beater")).kill()

    kernel.call_at(kernel.now_ns() + 90 * S, kill)
    entities = [collect(output), victim, Node(executable=str(quiet))]
    assert run(*entities, TimerAction(period=200.0, actions=[Shutdown()])) == 0
    assert "".join(output) == "60 60 stopped"


def test_a_lifecycle_node_can_be_driven_by_its_transitions(kernel: Kernel, tmp_path: Path) -> None:
    path = tmp_path / "managed.py"
    path.write_text(MANAGED)
    node = LifecycleNode(executable=str(path), name="managed", namespace="", autostart=True)
    reached: list[str] = []

    def on(goal: str, *further: Any) -> RegisterEventHandler:
        note = OpaqueFunction(function=lambda context: reached.append(goal))
        handler = OnStateTransition(target_lifecycle_node=node, goal_state=goal, entities=[note, *further])
        return RegisterEventHandler(handler)

    assert run(on("inactive"), on("active", Shutdown()), node) == 0
    assert reached == ["inactive", "active"]


def test_a_ros_timer_follows_the_kernel(kernel: Kernel) -> None:
    begin_ns = kernel.now_ns()
    assert run(ROSTimer(period=500.0, actions=[Shutdown()])) == 0
    assert (kernel.now_ns() - begin_ns) // S == 500


def test_a_second_cell_can_be_launched_from_within_a_callback(kernel: Kernel, beater: str) -> None:
    outer: list[str] = []
    inner: list[str] = []

    def fork(context: LaunchContext) -> None:
        with Kernel(clock="virtual", start_ns=kernel.now_ns()):
            stop = TimerAction(period=130.0, actions=[Shutdown()])
            assert run(collect(inner), Node(executable=beater), stop) == 0

    timer = TimerAction(period=70.0, actions=[OpaqueFunction(function=fork)])
    stop = TimerAction(period=150.0, actions=[Shutdown()])
    assert run(collect(outer), Node(executable=beater), timer, stop) == 0
    assert "".join(inner) == "60 120 stopped"
    assert "".join(outer) == "60 120 stopped"


def test_a_launch_can_itself_be_a_process(kernel: Kernel, beater: str) -> None:
    output: list[str] = []
    process = kernel.spawn(lambda: sys.exit(run(collect(output), Node(executable=beater))), name="launch")
    kernel.run_for(100 * S)
    assert process.alive
    process.signal(signal.SIGINT)
    kernel.run_for(10 * S)
    assert process.exit_code == 0
    assert "".join(output) == "60 stopped"


def test_operating_system_processes_are_refused(kernel: Kernel, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(ExecuteProcess(cmd=["true"])) == 0
    assert "cannot follow virtual time" in capfd.readouterr().out


def test_a_launch_that_waits_for_nothing_is_told_so(kernel: Kernel) -> None:
    async def wait(context: LaunchContext) -> None:
        await asyncio.Event().wait()

    with pytest.raises(DeadlockError, match="nothing is left to happen in virtual time"):
        run(OpaqueCoroutine(coroutine=wait))


def test_another_event_loop_cannot_follow_virtual_time(kernel: Kernel) -> None:
    with pytest.raises(RuntimeError, match=r"call LaunchService\.run"):
        asyncio.run(LaunchService(noninteractive=True).run_async())
