"""What the kernel adds to ROS: programs as processes, virtual time, fault injection, determinism, no leaks."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import rclpy
from rclpy.executors import ExternalShutdownException, MultiThreadedExecutor, SingleThreadedExecutor
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from std_msgs.msg import Int32
from std_srvs.srv import Empty

from workcell_sim.embedded._kernel import Kernel, KernelError

pytestmark = pytest.mark.embedded("drives the kernel itself")

SECOND_NS = 10**9


def spinning(make: Callable[[Node], Any], name: str) -> Callable[[], None]:
    """A program that makes a node, lets ``make`` furnish it, and spins."""

    def main() -> None:
        rclpy.init()
        node = Node(name)
        make(node)
        try:
            rclpy.spin(node)
        except (KeyboardInterrupt, ExternalShutdownException):
            node.destroy_node()

    return main


def talker(node: Node) -> None:
    publisher = node.create_publisher(Int32, "numbers", 10)
    count = iter(range(10**9))
    node.create_timer(0.1, lambda: publisher.publish(Int32(data=next(count))))


def listener(log: list[tuple[int, int]]) -> Callable[[Node], None]:
    def make(node: Node) -> None:
        node.create_subscription(
            Int32, "numbers", lambda m: log.append((node.get_clock().now().nanoseconds, m.data)), 10
        )

    return make


def run_pair(seconds: int) -> list[tuple[int, int]]:
    log: list[tuple[int, int]] = []
    with Kernel("virtual") as kernel:
        kernel.spawn(spinning(talker, "talker"))
        kernel.spawn(spinning(listener(log), "listener"))
        kernel.run_for(seconds * SECOND_NS)
    return log


def test_two_programs_talk_in_virtual_time_and_alike_every_time() -> None:
    first, second = run_pair(20), run_pair(20)
    assert len(first) == 200
    assert first == second
    assert first[1][0] - first[0][0] == SECOND_NS // 10


def test_stalled_node_catches_up_within_its_queue() -> None:
    log: list[tuple[int, int]] = []
    with Kernel("virtual", start_ns=0) as kernel:
        kernel.spawn(spinning(talker, "talker"))
        kernel.spawn(spinning(listener(log), "listener"))
        kernel.run_for(SECOND_NS)
        kernel.stall("/listener", 2 * SECOND_NS)
        heard = len(log)
        kernel.run_for(2 * SECOND_NS - 1)
        assert len(log) == heard
        kernel.run_for(SECOND_NS)
        # Twenty messages came meanwhile; the subscription keeps ten.
        assert len(log) == heard + 10 + 10
        with pytest.raises(KernelError, match="/listener, /talker"):
            kernel.stall("/nobody", 1)


def test_killed_program_vanishes_from_the_graph() -> None:
    log: list[tuple[int, int]] = []
    with Kernel("virtual") as kernel:
        process = kernel.spawn(spinning(talker, "talker"))
        kernel.spawn(spinning(listener(log), "listener"))
        kernel.run_for(SECOND_NS)
        graph = kernel.graph(0)
        assert len(graph.publishers_of("/numbers")) == 1
        process.kill()
        assert graph.publishers_of("/numbers") == []
        assert [node.name for node in graph.nodes] == ["listener"]
        heard = len(log)
        kernel.run_for(SECOND_NS)
        assert len(log) == heard


def test_interrupt_shuts_the_context_down_first() -> None:
    seen: list[bool] = []

    def main() -> None:
        rclpy.init()
        node = Node("node")
        try:
            rclpy.spin(node)
        except KeyboardInterrupt:
            seen.append(rclpy.ok())

    with Kernel("virtual") as kernel:
        process = kernel.spawn(main)
        kernel.run_for(10)
        process.signal(2)
        kernel.run_for(10)
        assert seen == [False]
        assert process.exit_code == 0


def test_programs_have_their_own_context_and_arguments() -> None:
    names: list[str] = []

    def main() -> None:
        rclpy.init()
        names.append(Node("node").get_fully_qualified_name())
        rclpy.shutdown()

    with Kernel("virtual") as kernel:
        kernel.spawn(main, ["prog", "--ros-args", "-r", "__ns:=/left"])
        kernel.spawn(main, ["prog", "--ros-args", "-r", "__node:=other"])
        kernel.run_for(10)
    assert names == ["/left/node", "/other"]


def test_blocking_calls_between_programs() -> None:
    times: list[int] = []

    def server(node: Node) -> None:
        node.create_service(Empty, "ping", lambda request, response: response)

    def client() -> None:
        rclpy.init()
        node = Node("client")
        spinner = threading.Thread(target=rclpy.spin, args=(node,), daemon=True)
        spinner.start()
        ping = node.create_client(Empty, "ping")
        assert ping.wait_for_service()
        rate = node.create_rate(10.0)
        for _ in range(3):
            rate.sleep()
            ping.call(Empty.Request())
            times.append(node.get_clock().now().nanoseconds)
        rclpy.shutdown()
        spinner.join()

    with Kernel("virtual", start_ns=SECOND_NS) as kernel:
        process = kernel.spawn(client)
        kernel.call_later(SECOND_NS, lambda: kernel.spawn(spinning(server, "server")))
        kernel.run_for(5 * SECOND_NS)
        assert process.exit_code == 0
    assert [later - earlier for earlier, later in pairwise(times)] == [SECOND_NS // 10] * 2


def test_parallel_callbacks_are_fibers_in_virtual_time() -> None:
    order: list[str] = []

    def main() -> None:
        rclpy.init()
        node = Node("node")
        group = rclpy.callback_groups.ReentrantCallbackGroup()
        clock = node.get_clock()

        def slow() -> None:
            timer.cancel()
            order.append("begin")
            clock.sleep_for(rclpy.duration.Duration(seconds=1))
            order.append("end")

        timer = node.create_timer(0.1, slow, callback_group=group)
        node.create_timer(0.5, lambda: order.append("other"), callback_group=group)
        executor = MultiThreadedExecutor(num_threads=4)
        executor.add_node(node)
        executor.spin()

    with Kernel("virtual") as kernel:
        kernel.spawn(main)
        threads_before = threading.active_count()
        kernel.run_for(1_200_000_000)
        assert threading.active_count() == threads_before
    assert order == ["begin", "other", "other", "end"]


def test_kernel_publishes_the_clock_while_somebody_listens() -> None:
    with Kernel("virtual", start_ns=SECOND_NS) as kernel:
        got: list[int] = []

        def watch(node: Node) -> None:
            node.create_subscription(Clock, "/clock", lambda m: got.append(m.clock.nanosec), 10)

        process = kernel.spawn(spinning(watch, "watcher"))
        kernel.run_for(SECOND_NS // 10)
        assert len(got) == pytest.approx(11, abs=1)
        process.kill()
        kernel.run_for(SECOND_NS)
        assert kernel.agenda.next_time_ns() is None


def test_polling_makes_progress_in_virtual_time() -> None:
    with Kernel("virtual"):
        rclpy.init(args=[])
        node = rclpy.create_node("poller")
        calls: list[int] = []
        node.create_timer(0.01, lambda: calls.append(1))
        for _ in range(10_000):
            rclpy.spin_once(node, timeout_sec=0)
            if calls:
                break
        assert calls
        rclpy.shutdown()


def test_spin_thread_on_the_wall_clock() -> None:
    with Kernel("wall"):
        rclpy.init(args=[])
        node = rclpy.create_node("node")
        node.create_service(Empty, "ping", lambda request, response: response)
        client = node.create_client(Empty, "ping")
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        thread = threading.Thread(target=executor.spin)
        thread.start()
        assert client.wait_for_service(timeout_sec=10.0)
        for _ in range(50):
            assert client.call(Empty.Request(), timeout_sec=10.0) is not None
        executor.shutdown()
        thread.join(10.0)
        assert not thread.is_alive()
        rclpy.shutdown()


def test_destroyed_nodes_are_forgotten() -> None:
    with Kernel("virtual") as kernel:
        rclpy.init(args=[])
        node: Any = rclpy.create_node("node")
        talker(node)
        node.create_subscription(Int32, "numbers", lambda m: node.get_name(), 10)
        for _ in range(5):
            rclpy.spin_once(node, timeout_sec=0.2)
        gone = weakref.ref(node)
        node.destroy_node()
        node = None
        gc.collect()
        assert gone() is None
        assert kernel.graph(0).nodes == []
        rclpy.shutdown()


def test_a_kernel_takes_its_nodes_with_it() -> None:
    kernel = Kernel("virtual")
    kernel.spawn(spinning(talker, "talker"))
    kernel.run_for(SECOND_NS)
    gone = [weakref.ref(node) for node in kernel.graph(0).nodes]
    kernel.close()
    del kernel
    gc.collect()
    assert [reference() for reference in gone] == [None]


@pytest.mark.parametrize("text", ["just text", "- a list", "ros__parameters: {a: 1}"])
def test_malformed_parameter_files_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with Kernel("virtual"):
        rclpy.init(args=[])
        with pytest.raises(RuntimeError, match=r"bad\.yaml"):
            rclpy.create_node("node", cli_args=["--ros-args", "--params-file", str(path)])
        rclpy.shutdown()
