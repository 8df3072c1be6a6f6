"""Futures and the tasks that executors run."""

from __future__ import annotations

import inspect
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Generator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rclpy.executors import Executor


# The task whose coroutine is running here.
_stepping: ContextVar[Task | None] = ContextVar("rclpy_task", default=None)


def _no_executor() -> None:
    return None


class Future:
    """The outcome of something that has not happened yet.

    Done callbacks run in the executor, if the future knows one, else at once in whoever completes the future.
    """

    def __init__(self, *, executor: Executor | None = None) -> None:
        self._done = False
        self._cancelled = False
        self._result: Any = None
        self._exception: BaseException | None = None
        self._exception_fetched = False
        self._callbacks: list[Callable[[Any], Any]] = []
        # Called when the future is done, before and unlike the callbacks: at once, never as tasks.
        self._wakers: list[Callable[[], Any]] = []
        self._lock = threading.Lock()
        self._executor: Callable[[], Executor | None] = _no_executor
        self._set_executor(executor)

    def __del__(self) -> None:
        if self._exception is not None and not self._exception_fetched:
            print(f"The following exception was never retrieved: {self._exception}", file=sys.stderr)

    def __await__(self) -> Generator[None, None, Any]:
        while not self._done:
            task = _stepping.get()
            if task is not None:
                # The task learns what it waits for. Outside of tasks (asyncio) there is only polling.
                task.awaited = self
            yield
        return self.result()

    def cancel(self) -> None:
        """Request cancellation of the running task, if it is not done yet."""
        with self._lock:
            if not self._done:
                self._cancelled = True
        self._schedule_or_invoke_done_callbacks()

    def cancelled(self) -> bool:
        return self._cancelled

    def done(self) -> bool:
        return self._done

    def result(self) -> Any:
        """The result, ``None`` while there is none.

        Raises:
            BaseException: what was set with :meth:`set_exception`.
        """
        if self._exception:
            raise self.exception()  # type: ignore[misc]
        return self._result

    def exception(self) -> BaseException | None:
        self._exception_fetched = True
        return self._exception

    def set_result(self, result: Any) -> None:
        with self._lock:
            self._result = result
            self._done = True
            self._cancelled = False
        self._schedule_or_invoke_done_callbacks()

    def set_exception(self, exception: BaseException) -> None:
        with self._lock:
            self._exception = exception
            self._exception_fetched = False
            self._done = True
            self._cancelled = False
        self._schedule_or_invoke_done_callbacks()

    def _schedule_or_invoke_done_callbacks(self) -> None:
        with self._lock:
            executor = self._executor()
            callbacks, self._callbacks = self._callbacks, []
            wakers: list[Callable[[], Any]] = []
            if self._done:
                wakers, self._wakers = self._wakers, []
        for wake in wakers:
            wake()
        if executor is not None:
            for callback in callbacks:
                executor.create_task(callback, self)
            return
        for callback in callbacks:
            try:
                callback(self)
            except Exception as error:
                # One failing callback must not keep the others from being told.
                warnings.warn(f"Unhandled exception in done callback: {error}", stacklevel=2)

    def _add_waker(self, wake: Callable[[], Any]) -> None:
        """Call ``wake()`` when the future is done, at once if it is."""
        with self._lock:
            if not self._done:
                self._wakers.append(wake)
                return
        wake()

    def _remove_waker(self, wake: Callable[[], Any]) -> None:
        with self._lock:
            if wake in self._wakers:
                self._wakers.remove(wake)

    def _set_executor(self, executor: Executor | None) -> None:
        with self._lock:
            self._executor = _no_executor if executor is None else weakref.ref(executor)

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        """Call ``callback(future)`` once the future is done or cancelled; soon, if it already is done."""
        with self._lock:
            if not self._done:
                self._callbacks.append(callback)
                return
            executor = self._executor()
        if executor is not None:
            executor.create_task(callback, self)
        else:
            callback(self)


class Task(Future):
    """A function or coroutine run by an executor; the future of its result.

    Calling the task runs the function, or the coroutine up to its next ``await`` of something that is not done.
    """

    def __init__(
        self,
        handler: Any,
        args: Any = None,
        kwargs: dict[str, Any] | None = None,
        executor: Executor | None = None,
    ) -> None:
        super().__init__(executor=executor)
        self._args: Any = [] if args is None else args
        self._kwargs: Any = {} if kwargs is None else kwargs
        self._handler = handler
        if inspect.iscoroutinefunction(handler):
            self._handler = handler(*self._args, **self._kwargs)
            self._args = None
            self._kwargs = None
        self._executing = False
        # The future that the coroutine awaits, ``None`` if unknown.
        self.awaited: Future | None = None
        self._task_lock = threading.Lock()

    def __call__(self) -> None:
        if self._done or self._executing or not self._task_lock.acquire(blocking=False):
            return
        try:
            if self._done:
                return
            self._executing = True
            if inspect.iscoroutine(self._handler):
                self._step_coroutine()
            else:
                self._run_function()
            self._executing = False
        finally:
            self._task_lock.release()

    def _step_coroutine(self) -> None:
        token = _stepping.set(self)
        self.awaited = None
        try:
            self._handler.send(None)
        except StopIteration as stop:
            self._handler.close()
            self.set_result(stop.value)
            self._forget_handler()
        except Exception as error:
            self.set_exception(error)
            self._forget_handler()
        finally:
            _stepping.reset(token)

    def _run_function(self) -> None:
        try:
            self.set_result(self._handler(*self._args, **self._kwargs))
        except Exception as error:
            self.set_exception(error)
        self._forget_handler()

    def _forget_handler(self) -> None:
        self._handler = None
        self._args = None
        self._kwargs = None

    def executing(self) -> bool:
        return self._executing
