"""What all executors share: nodes, ready entities, tasks and waiting."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.impl.wait_set import WaitSet
from rclpy.task import Future, Task
from rclpy.utilities import get_default_context, timeout_sec_to_nsec

from workcell_sim.embedded._kernel import Kernel, Waiter
from workcell_sim.embedded._kernel.ready import ReadyQueue

from .errors import InvalidHandle
from .work_tracker import WorkTracker

if TYPE_CHECKING:
    from rclpy.context import Context
    from rclpy.node import Node


class TimeoutException(Exception):
    """Nothing became ready in time."""


class ShutdownException(Exception):
    """The executor was shut down."""


class ExternalShutdownException(Exception):
    """The context was shut down while the executor was waiting."""


class ConditionReachedException(Exception):
    """What was waited for has come true."""


class TimeoutObject:
    """A timeout that can be changed between waits."""

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout

    @property
    def timeout(self) -> float:
        return self._timeout

    @timeout.setter
    def timeout(self, timeout: float) -> None:
        self._timeout = timeout


async def await_or_execute(callback: Any, *args: Any) -> Any:
    """Call a function, or await a coroutine function."""
    if inspect.iscoroutinefunction(callback):
        return await callback(*args)
    return callback(*args)


def _never() -> bool:
    return False


def _rank_of(kernel_entity: Any) -> int:
    owner = kernel_entity.owner
    return 0 if owner is None else owner._rank


class Executor:
    """Base class. A subclass implements :meth:`spin_once`, usually with :meth:`wait_for_ready_callbacks`.

    Entities report to the executor's queue when they become ready; nothing is polled. Callbacks run in the order
    in which their entities became ready.
    """

    def __init__(self, *, context: Context | None = None) -> None:
        super().__init__()
        self._context = get_default_context() if context is None else context
        handle = self._context.handle
        self._kernel: Kernel = Kernel.current() if handle is None else handle.kernel
        self._waiter = Waiter(self._kernel)
        self._queue = ReadyQueue(self._waiter)
        self._ready = self._queue.items
        self._nodes: set[Node] = set()
        self._nodes_lock = RLock()
        self._tasks: deque[Task] = deque()
        self._polled: list[Task] = []
        self._batch_left = 0
        self._is_shutdown = False
        self._custom_waitables = False
        self._work_tracker = WorkTracker(self._kernel)
        self._context.on_shutdown(self.wake)
        if handle is not None:
            handle.on_invalid(self._waiter.wake)

    @property
    def context(self) -> Context:
        return self._context

    # -- tasks --------------------------------------------------------------------------------------------------------

    def create_task(self, callback: Any, *args: Any, **kwargs: Any) -> Task:
        """Run a function or coroutine during spinning; returns the future of its result."""
        task = Task(callback, args, kwargs, executor=self)
        self._resume_task(task)
        return task

    def _resume_task(self, task: Task) -> None:
        self._tasks.append(task)
        self._waiter.wake()

    def _next_task(self) -> Task | None:
        """The next task to run; of those that wait together the newest goes first, as in rclpy."""
        tasks = self._tasks
        if len(tasks) > 1 and not self._batch_left:
            tasks.reverse()
            self._batch_left = len(tasks)
        while tasks:
            task = tasks.popleft()
            self._batch_left = max(0, self._batch_left - 1)
            if not task.done() and not task.executing():
                return task
        return None

    def _run_task(self, task: Task) -> None:
        """Run a task one step; a coroutine that is not done is run again when what it awaits is done."""
        task()
        if task.done():
            return
        awaited = task.awaited
        if awaited is None:
            # It awaits something that only polling can tell.
            self._polled.append(task)
        else:
            awaited._add_waker(lambda: self._resume_task(task))

    def _requeue_polled(self) -> None:
        if self._polled:
            polled, self._polled = self._polled, []
            self._tasks.extend(polled)

    # -- nodes --------------------------------------------------------------------------------------------------------

    def add_node(self, node: Node) -> bool:
        """Run the callbacks of a node; returns false if it was added before."""
        with self._nodes_lock:
            if node in self._nodes:
                return False
            self._nodes.add(node)
            node.executor = self
            node._port.attach(self._queue)
            self._refresh_custom_waitables()
        self._waiter.wake()
        return True

    def remove_node(self, node: Node) -> None:
        """Stop running the callbacks of a node."""
        with self._nodes_lock:
            if node not in self._nodes:
                return
            self._nodes.remove(node)
            node._port.detach()
            self._refresh_custom_waitables()
        self._waiter.wake()

    def get_nodes(self) -> list[Node]:
        with self._nodes_lock:
            return list(self._nodes)

    def wake(self) -> None:
        """Make a waiting executor look again."""
        self._waiter.wake()

    # -- life ---------------------------------------------------------------------------------------------------------

    def shutdown(self, timeout_sec: float | None = None) -> bool:
        """Stop; waits for callbacks that run in other threads.

        Returns:
            Whether they ended in time.
        """
        self._is_shutdown = True
        self._waiter.wake()
        if not self._work_tracker.wait(timeout_sec):
            return False
        for node in self.get_nodes():
            node._port.detach()
        with self._nodes_lock:
            self._nodes = set()
        handle = self._context.handle
        if handle is not None:
            handle.forget_listener(self._waiter.wake)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown()

    # -- spinning -----------------------------------------------------------------------------------------------------

    def spin(self) -> None:
        """Run callbacks until the context or the executor is shut down."""
        while self._context.ok() and not self._is_shutdown:
            self.spin_once()

    def spin_until_future_complete(self, future: Future, timeout_sec: float | None = None) -> None:
        """Run callbacks until a future is done, a time has passed, or a shutdown."""
        kernel = self._kernel
        timeout_ns = timeout_sec_to_nsec(timeout_sec)
        end_ns = None if timeout_ns < 0 else kernel.now_ns() + timeout_ns
        timeout_left: TimeoutObject | None = None
        while self._context.ok() and not future.done() and not self._is_shutdown:
            if end_ns is not None:
                left_ns = end_ns - kernel.now_ns()
                if left_ns < 0:
                    return
                timeout_left = TimeoutObject(left_ns * 1e-9)
            self.spin_once_until_future_complete(future, timeout_left)
            if timeout_ns == 0:
                return

    @contextmanager
    def _woken_by(self, future: Future) -> Iterator[None]:
        """Wake this executor when a future is done."""
        wake = self._waiter.wake
        future._add_waker(wake)
        try:
            yield
        finally:
            future._remove_waker(wake)

    def spin_once(self, timeout_sec: float | None = None) -> None:
        """Run one callback, or wait for a time at most (``None``: no limit) if none is ready."""
        raise NotImplementedError

    def spin_once_until_future_complete(self, future: Future, timeout_sec: float | TimeoutObject | None = None) -> None:
        """Run one callback unless the future is done or a time has passed first."""
        raise NotImplementedError

    # -- waiting ------------------------------------------------------------------------------------------------------

    def _wait_for_work(self, timeout_sec: float | TimeoutObject | None, condition: Callable[[], bool]) -> None:
        """Return when a task or an entity is ready.

        Raises:
            TimeoutException, ShutdownException, ExternalShutdownException, ConditionReachedException: that came first.
        """
        if isinstance(timeout_sec, TimeoutObject):
            timeout_sec = timeout_sec.timeout
        kernel, ready, tasks = self._kernel, self._ready, self._tasks
        timeout_ns = timeout_sec_to_nsec(timeout_sec)
        deadline_ns = None if timeout_ns < 0 else kernel.now_ns() + timeout_ns
        self._requeue_polled()
        first = True
        if kernel.is_virtual:
            # Whatever woke the executor is looked at below; an old wake-up must not make an empty poll free of charge.
            self._waiter.signaled = False
        while True:
            if self._is_shutdown:
                raise ShutdownException
            if condition():
                raise ConditionReachedException
            if self._custom_waitables:
                self._look_at_custom_waitables()
            if ready or tasks:
                return
            if not self._context.ok():
                raise ExternalShutdownException
            if not first and deadline_ns is not None and kernel.now_ns() >= deadline_ns:
                raise TimeoutException
            first = False
            kernel.wait(self._waiter, deadline_ns)
            self._requeue_polled()
            if len(ready) > 1:
                self._order_batch()

    def _order_batch(self) -> None:
        """Bring what became ready together into a wait set's order: waitables, timers, subscriptions, and so on."""
        batch = sorted(self._ready, key=_rank_of)
        self._ready.clear()
        self._ready.extend(batch)

    def _wait_for_ready_callbacks(self, *args: Any, **kwargs: Any) -> Iterator[tuple[Task, Any, Node | None]]:
        """Everything that becomes ready, one after the other; see :meth:`wait_for_ready_callbacks`."""
        while True:
            yield self.wait_for_ready_callbacks(*args, **kwargs)

    def wait_for_ready_callbacks(
        self,
        timeout_sec: float | TimeoutObject | None = None,
        nodes: list[Node] | None = None,
        condition: Callable[[], bool] = _never,
    ) -> tuple[Task, Any, Node | None]:
        """Wait for something to run.

        Returns:
            A task to call, its entity and its node (``None`` for tasks made with :meth:`create_task`).

        Raises:
            TimeoutException, ShutdownException, ExternalShutdownException, ConditionReachedException: that came first.
        """
        while True:
            self._wait_for_work(timeout_sec, condition)
            task = self._next_task()
            if task is not None:
                return _TaskStep(self, task), None, None
            entry = self._next_entity(nodes)
            if entry is not None:
                kernel_entity, owner = entry
                return Task(self._run_entity, (kernel_entity, owner)), owner, self._node_of(kernel_entity)

    def _node_of(self, kernel_entity: Any) -> Node | None:
        for node in self.get_nodes():
            if node._port is kernel_entity.port:
                return node
        return None

    # -- ready entities -----------------------------------------------------------------------------------------------

    def _next_entity(self, nodes: list[Node] | None = None) -> tuple[Any, Any] | None:
        """Take the first ready entity whose callback group lets it run; the group is told that it begins."""
        ports = None if nodes is None else {node._port for node in nodes}
        for _ in range(len(self._ready)):
            try:
                kernel_entity = self._ready.popleft()
            except IndexError:
                return None
            if ports is not None and kernel_entity.port not in ports:
                self._ready.append(kernel_entity)
                continue
            owner = kernel_entity.owner
            if owner is None:
                kernel_entity.queued = False
                continue
            group = owner.callback_group
            if group is None:
                kernel_entity.queued = False
                continue
            if group.can_execute(owner) and group.beginning_execution(owner):
                kernel_entity.queued = False
                return kernel_entity, owner
            group._defer(kernel_entity)
        return None

    def _run_entity(self, kernel_entity: Any, owner: Any) -> Any:
        """Take from an entity and run its callback; an asynchronous one becomes a task."""
        group = owner.callback_group
        try:
            work = owner._take()
        except InvalidHandle:
            work = None
        except BaseException:
            group.ending_execution(owner)
            raise
        if work is None:
            group.ending_execution(owner)
            return None
        callback, args = work
        if inspect.iscoroutinefunction(callback):
            self._run_task(Task(self._run_async, (callback, args, owner), executor=self))
            return None
        try:
            with self._work_tracker:
                return callback(*args)
        finally:
            group.ending_execution(owner)

    async def _run_async(self, callback: Any, args: tuple[Any, ...], owner: Any) -> None:
        try:
            await callback(*args)
        except Exception as error:
            self._raise_later(error)
        finally:
            owner.callback_group.ending_execution(owner)

    def _raise_later(self, error: Exception) -> None:
        """Let an exception of an asynchronous callback come out of the spinning."""

        def fail() -> None:
            raise error

        self._resume_task(Task(fail))

    # -- custom waitables ---------------------------------------------------------------------------------------------

    def _refresh_custom_waitables(self) -> None:
        self._custom_waitables = any(node._has_custom_waitables for node in self._nodes)

    def _look_at_custom_waitables(self) -> None:
        """Ask waitables that programs wrote themselves, with a wait set each."""
        for node in self.get_nodes():
            for waitable in node._custom_waitables():
                if waitable._executor_event or not waitable.callback_group.can_execute(waitable):
                    continue
                wait_set = WaitSet(context=self._context.handle)
                waitable.add_to_wait_set(wait_set)
                for handle in wait_set.handles():
                    if handle.port is not node._port:
                        handle.join(node._port)
                wait_set.check()
                if waitable.is_ready(wait_set):
                    waitable._executor_event = True
                    self._tasks.append(Task(self._run_waitable, (waitable,), executor=self))

    async def _run_waitable(self, waitable: Any) -> None:
        group = waitable.callback_group
        waitable._executor_event = False
        if not group.beginning_execution(waitable):
            return
        try:
            data = waitable.take_data()
            for future in waitable._futures:
                future._set_executor(self)
            await waitable.execute(data)
        except Exception as error:
            self._raise_later(error)
        finally:
            group.ending_execution(waitable)
            self._waiter.wake()


class _TaskStep(Task):
    """One step of a task, called by executors that programs wrote themselves."""

    def __init__(self, executor: Executor, task: Task) -> None:
        super().__init__(None)
        self._executor_running = executor
        self._task = task

    def __call__(self) -> None:
        self._executor_running._run_task(self._task)
        if self._task.done():
            error = self._task.exception()
            if error is not None:
                self.set_exception(error)
            else:
                self.set_result(self._task.result())


__all__ = ["Executor", "MutuallyExclusiveCallbackGroup"]
