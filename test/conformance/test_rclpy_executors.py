"""Executors, callback groups, tasks, futures and guard conditions, on whichever runtime is active."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import rclpy
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup
from rclpy.executors import (
    ConditionReachedException,
    ExternalShutdownException,
    MultiThreadedExecutor,
    ShutdownException,
    SingleThreadedExecutor,
    TimeoutException,
)
from rclpy.task import Future, Task
from rclpy_harness import Ros, running_ros
from std_msgs.msg import Int32
from std_srvs.srv import Empty


@pytest.fixture
def ros(kernel: Any) -> Iterator[Ros]:
    with running_ros() as ros:
        yield ros


def test_spin_once_runs_one_callback(ros: Ros) -> None:
    node = ros.node()
    calls: list[int] = []
    for number in range(3):
        node.create_guard_condition(lambda number=number: calls.append(number)).trigger()
    for expected in (1, 2, 3):
        ros.executor.spin_once(timeout_sec=1.0)
        assert len(calls) == expected


def test_spin_once_times_out(ros: Ros) -> None:
    node = ros.node()
    before = node.get_clock().now()
    rclpy.spin_once(node, timeout_sec=0.1)
    assert (node.get_clock().now() - before).nanoseconds >= 0.09e9


def test_exceptions_come_out_of_spinning(ros: Ros) -> None:
    def fail() -> None:
        raise LookupError("no part")

    ros.node().create_timer(0.01, fail)
    with pytest.raises(LookupError, match="no part"):
        ros.spin_for(2.0)


def test_exceptions_of_coroutines_come_out_too(ros: Ros) -> None:
    async def fail() -> None:
        raise LookupError("no part")

    ros.node().create_timer(0.01, fail)
    with pytest.raises(LookupError, match="no part"):
        ros.spin_for(2.0)


def test_spin_until_future_complete(ros: Ros) -> None:
    node = ros.node()
    future = Future()
    node.create_timer(0.05, lambda: future.set_result("done"))
    rclpy.spin_until_future_complete(node, future, timeout_sec=10.0)
    assert future.result() == "done"
    other = Future()
    rclpy.spin_until_future_complete(node, other, timeout_sec=0.1)
    assert not other.done()


def test_shutdown_ends_spin(ros: Ros) -> None:
    node = ros.node()
    node.create_timer(0.05, rclpy.shutdown)
    rclpy.spin(node)
    assert not rclpy.ok()


def test_executor_shutdown_ends_spin(ros: Ros) -> None:
    node = ros.node()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    node.create_timer(0.05, executor.shutdown)
    executor.spin()
    assert rclpy.ok()


def test_node_belongs_to_one_executor(ros: Ros) -> None:
    node = ros.node()
    assert node.executor is ros.executor
    other = SingleThreadedExecutor()
    assert other.add_node(node)
    assert not other.add_node(node)
    assert node.executor is other
    assert node not in ros.executor.get_nodes()
    other.remove_node(node)
    assert other.get_nodes() == []
    other.shutdown()


def test_ready_before_the_node_was_added(ros: Ros) -> None:
    node = rclpy.create_node("early")
    calls: list[int] = []
    node.create_guard_condition(lambda: calls.append(1)).trigger()
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    executor.spin_once(timeout_sec=1.0)
    assert calls == [1]
    executor.shutdown()
    node.destroy_node()


def test_tasks(ros: Ros) -> None:
    ros.node()

    async def coroutine(value: int) -> int:
        return value + 1

    plain = ros.executor.create_task(lambda value: value * 2, 21)
    asynchronous = ros.executor.create_task(coroutine, 1)
    assert isinstance(plain, Task)
    assert ros.until(lambda: plain.done() and asynchronous.done())
    assert (plain.result(), asynchronous.result()) == (42, 2)


def test_coroutines_await_futures(ros: Ros) -> None:
    node = ros.node()
    gate = Future()
    order: list[str] = []

    async def wait() -> str:
        order.append("waiting")
        value = await gate
        order.append("awake")
        return value

    task = ros.executor.create_task(wait)
    node.create_timer(0.05, lambda: None if gate.done() else gate.set_result("open"))
    assert ros.until(task.done)
    assert task.result() == "open"
    assert order == ["waiting", "awake"]


def test_done_callbacks(ros: Ros) -> None:
    seen: list[Any] = []
    future = Future()
    future.add_done_callback(lambda done: seen.append(done.result()))
    future.set_result(5)
    future.add_done_callback(lambda done: seen.append("late"))
    assert seen == [5, "late"]
    failed = Future()
    failed.set_exception(ValueError("bad"))
    assert failed.done()
    assert isinstance(failed.exception(), ValueError)
    with pytest.raises(ValueError, match="bad"):
        failed.result()
    cancelled = Future()
    cancelled.cancel()
    assert cancelled.cancelled()


def test_service_called_from_a_coroutine(ros: Ros) -> None:
    node = ros.node()
    group = ReentrantCallbackGroup()
    node.create_service(Empty, "ping", lambda request, response: response)
    client = node.create_client(Empty, "ping", callback_group=group)
    answers: list[Any] = []

    async def ask() -> None:
        timer.cancel()
        answers.append(await client.call_async(Empty.Request()))

    timer = node.create_timer(0.02, ask, callback_group=group)
    assert ros.until(lambda: answers)


def test_exclusive_group_waits_for_a_suspended_coroutine(ros: Ros) -> None:
    node = ros.node()
    gate = Future()
    order: list[str] = []

    async def first() -> None:
        timer.cancel()
        order.append("begin")
        await gate
        order.append("end")

    timer = node.create_timer(0.01, first)
    assert ros.until(lambda: order)
    guard = node.create_guard_condition(lambda: order.append("other"))
    guard.trigger()
    ros.spin_for(0.1)
    assert order == ["begin"]
    gate.set_result(None)
    ros.executor.wake()
    assert ros.until(lambda: len(order) == 3)
    assert order == ["begin", "end", "other"]


def test_own_group_is_not_held_up(ros: Ros) -> None:
    node = ros.node()
    gate = Future()
    order: list[str] = []

    async def first() -> None:
        timer.cancel()
        order.append("begin")
        await gate

    timer = node.create_timer(0.01, first)
    assert ros.until(lambda: order)
    guard = node.create_guard_condition(lambda: order.append("other"), callback_group=MutuallyExclusiveCallbackGroup())
    guard.trigger()
    assert ros.until(lambda: order == ["begin", "other"])
    gate.set_result(None)
    ros.spin_for(0.05)


def test_nested_spinning(ros: Ros) -> None:
    node = ros.node()
    other = ros.node("other")
    other.create_service(Empty, "ping", lambda request, response: response)
    client = node.create_client(Empty, "ping", callback_group=ReentrantCallbackGroup())
    done: list[bool] = []

    def ask() -> None:
        timer.cancel()
        future = client.call_async(Empty.Request())
        ros.executor.spin_until_future_complete(future, timeout_sec=10.0)
        done.append(future.done())

    timer = node.create_timer(0.02, ask)
    assert ros.until(lambda: done)
    assert done == [True]


def test_callbacks_may_wait_for_each_other_in_parallel(ros: Ros) -> None:
    node = rclpy.create_node("parallel")
    group = ReentrantCallbackGroup()
    executor = MultiThreadedExecutor(num_threads=4)
    executor.add_node(node)
    node.create_service(Empty, "ping", lambda request, response: response, callback_group=group)
    client = node.create_client(Empty, "ping", callback_group=group)
    answers = Future()

    def ask() -> None:
        timer.cancel()
        answers.set_result(client.call(Empty.Request()))

    timer = node.create_timer(0.02, ask, callback_group=group)
    executor.spin_until_future_complete(answers, timeout_sec=20.0)
    assert isinstance(answers.result(), Empty.Response)
    executor.shutdown()
    node.destroy_node()


def test_one_thread_is_warned_about(ros: Ros) -> None:
    with pytest.warns(UserWarning, match="single thread"):
        MultiThreadedExecutor(num_threads=1).shutdown()


def test_waiting_functions_for_own_executors(ros: Ros) -> None:
    executor = SingleThreadedExecutor()
    with pytest.raises(TimeoutException):
        executor.wait_for_ready_callbacks(timeout_sec=0.05)
    with pytest.raises(ConditionReachedException):
        executor.wait_for_ready_callbacks(timeout_sec=1.0, condition=lambda: True)
    node = ros.node()
    executor.add_node(node)
    calls: list[int] = []
    guard = node.create_guard_condition(lambda: calls.append(1))
    guard.trigger()
    task, entity, found = executor.wait_for_ready_callbacks(timeout_sec=1.0)
    assert (entity, found) == (guard, node)
    task()
    assert calls == [1]
    executor.shutdown()
    with pytest.raises(ShutdownException):
        executor.wait_for_ready_callbacks(timeout_sec=0.05)


def test_waiting_in_a_context_that_was_shut_down(ros: Ros) -> None:
    executor = SingleThreadedExecutor()
    rclpy.shutdown()
    # rclpy already fails to make its wait set; the embedded runtime gets as far as waiting.
    with pytest.raises((ExternalShutdownException, RuntimeError)):
        executor.spin_once()


def test_contexts_are_apart(ros: Ros) -> None:
    context = rclpy.context.Context()
    rclpy.init(args=[], context=context)
    node = rclpy.create_node("apart", context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    got: list[int] = []
    node.create_subscription(Int32, "shared", lambda m: got.append(m.data), 10)
    publisher = ros.node().create_publisher(Int32, "shared", 10)
    assert ros.until(lambda: publisher.get_subscription_count() == 1)
    publisher.publish(Int32(data=3))
    for _ in range(50):
        executor.spin_once(timeout_sec=0.1)
        if got:
            break
    assert got == [3]
    called: list[int] = []
    context.on_shutdown(lambda: called.append(1))
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown(context=context)
    assert called == [1]
    assert rclpy.ok()
    with pytest.raises(RuntimeError):
        rclpy.shutdown(context=context)


def test_domains_are_apart(ros: Ros) -> None:
    context = rclpy.context.Context()
    rclpy.init(args=[], context=context, domain_id=91)
    assert context.get_domain_id() == 91
    node = rclpy.create_node("elsewhere", context=context)
    ros.node("here").create_publisher(Int32, "topic", 1)
    ros.spin_for(0.3)
    assert node.count_publishers("topic") == 0
    node.destroy_node()
    rclpy.shutdown(context=context)
