"""The executors that programs use."""

from __future__ import annotations

import os
import warnings
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.task import Future, Task

from workcell_sim.embedded._kernel import current_process

from .errors import InvalidHandle
from .executor_base import (
    ConditionReachedException,
    Executor,
    ExternalShutdownException,
    ShutdownException,
    TimeoutException,
    TimeoutObject,
    _never,
)

if TYPE_CHECKING:
    from rclpy.context import Context


class SingleThreadedExecutor(Executor):
    """Runs callbacks one after the other in whoever calls :meth:`spin`."""

    def spin(self) -> None:
        if type(self).spin_once is not SingleThreadedExecutor.spin_once:
            super().spin()
            return
        while self._context.ok() and not self._is_shutdown:
            self._run_ready(_never)
            try:
                self._wait_for_work(None, _never)
            except ShutdownException:
                return

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        if timeout_sec is not None or (
            type(self).spin_once_until_future_complete is not SingleThreadedExecutor.spin_once_until_future_complete
        ):
            super().spin_until_future_complete(future, timeout_sec)
            return
        done = future.done
        with self._woken_by(future):
            while self._context.ok() and not done() and not self._is_shutdown:
                self._run_ready(done)
                try:
                    self._wait_for_work(None, done)
                except (ShutdownException, ConditionReachedException):
                    return

    def spin_once(self, timeout_sec: float | None = None) -> None:
        self._spin_once_impl(timeout_sec)

    def spin_once_until_future_complete(self, future: Future, timeout_sec: float | TimeoutObject | None = None) -> None:
        with self._woken_by(future):
            self._spin_once_impl(timeout_sec, future.done)

    def _spin_once_impl(
        self, timeout_sec: float | TimeoutObject | None = None, wait_condition: Callable[[], bool] = _never
    ) -> None:
        while True:
            try:
                self._wait_for_work(timeout_sec, wait_condition)
            except (ShutdownException, TimeoutException, ConditionReachedException):
                return
            task = self._next_task()
            if task is not None:
                self._run_task_and_raise(task)
                return
            if self._run_one():
                return

    def _run_task_and_raise(self, task: Task) -> None:
        self._run_task(task)
        if task.done():
            task.result()

    def _run_ready(self, done: Callable[[], bool]) -> None:
        """Run everything that is ready now, without waiting in between, until ``done()``."""
        tasks, ready = self._tasks, self._ready
        while not self._is_shutdown and not done():
            if tasks:
                task = self._next_task()
                if task is not None:
                    self._run_task_and_raise(task)
            elif not ready or not self._run_one() or not self._context.ok():
                return

    def _run_one(self) -> bool:
        """Run the next ready entity; false if none may run. This is the hot path."""
        ready = self._ready
        while ready:
            kernel_entity = ready.popleft()
            owner = kernel_entity.owner
            group = None if owner is None else owner.callback_group
            if group is None:
                kernel_entity.queued = False
                continue
            if group.__class__ is MutuallyExclusiveCallbackGroup:
                if group._active_entity is not None:
                    group._defer(kernel_entity)
                    continue
                group._active_entity = owner
            elif not group.can_execute(owner) or not group.beginning_execution(owner):
                group._defer(kernel_entity)
                continue
            kernel_entity.queued = False
            if owner._is_async:
                self._run_entity(kernel_entity, owner)
                return True
            try:
                work = owner._take()
                if work is None:
                    continue
                work[0](*work[1])
                return True
            except InvalidHandle:
                if not kernel_entity._destroyed:
                    raise
            finally:
                group.ending_execution(owner)
        return False


class MultiThreadedExecutor(Executor):
    """Runs callbacks in parallel, as their callback groups allow.

    On the wall clock they run in a pool of threads. Inside a process of the kernel, and in virtual and paced
    time, there are no threads: each callback runs in a fiber of its own, so that one may wait for another,
    deterministically.

    Args:
        num_threads: callbacks at a time; by default the number of processors.
    """

    def __init__(self, num_threads: int | None = None, *, context: Context | None = None) -> None:
        super().__init__(context=context)
        if num_threads is None:
            num_threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 2
        elif num_threads == 1:
            warnings.warn(
                "MultiThreadedExecutor is used with a single thread.\nUse the SingleThreadedExecutor instead.",
                stacklevel=2,
            )
        self._num_threads = num_threads
        self._use_fibers = self._kernel.kernel_is_clock or current_process() is not None
        self._executor = None if self._use_fibers else ThreadPoolExecutor(num_threads)
        self._futures: list[Task] = []
        self._failed = False
        self._running = 0
        self._backlog: deque[Task] = deque()

    def spin_once(self, timeout_sec: float | None = None) -> None:
        self._spin_once_impl(timeout_sec)

    def spin_once_until_future_complete(self, future: Future, timeout_sec: float | TimeoutObject | None = None) -> None:
        with self._woken_by(future):
            self._spin_once_impl(timeout_sec, future.done)

    def _spin_once_impl(
        self, timeout_sec: float | TimeoutObject | None = None, wait_condition: Callable[[], bool] = _never
    ) -> None:
        try:
            handler, _, _ = self.wait_for_ready_callbacks(timeout_sec, None, lambda: self._failed or wait_condition())
        except (ExternalShutdownException, ShutdownException, TimeoutException, ConditionReachedException):
            pass
        else:
            self._futures.append(handler)
            self._start(handler)
        self._failed = False
        for task in self._futures[:]:
            if task.done():
                self._futures.remove(task)
                task.result()

    def _start(self, handler: Task) -> None:
        if self._executor is not None:
            self._executor.submit(self._run_handler, handler)
            return
        if self._running >= self._num_threads:
            self._backlog.append(handler)
            return
        process = current_process()
        if process is None:
            # At the root there is no process to give fibers to; a helper process of the kernel lends them.
            process = _helper_process(self._kernel)
        self._running += 1
        process.start_fiber(lambda: self._run_in_fiber(handler))

    def _run_in_fiber(self, handler: Task) -> None:
        self._run_handler(handler)
        self._running -= 1
        if self._backlog:
            self._start(self._backlog.popleft())

    def _run_handler(self, handler: Task) -> None:
        handler()
        if handler.done() and handler._exception is not None:
            self._failed = True
        self._waiter.wake()

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        done = super().shutdown(timeout_sec)
        if self._executor is not None:
            self._executor.shutdown(wait=False)
        return done


def _helper_process(kernel: Any) -> Any:
    process = kernel.globals.get("rclpy.worker_process")
    if process is None or not process.alive:
        process = kernel.globals["rclpy.worker_process"] = kernel.spawn_idle("rclpy workers")
    return process
