"""The service that visits launch descriptions, handles events, and waits for what they started."""

from __future__ import annotations

import asyncio
import logging as python_logging
import signal
import threading
import traceback
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

from workcell_sim.embedded._kernel import Kernel, current_process

from . import logging
from ._kernel_loop import KernelEventLoop, follow_kernel, hidden_running_loop, running_kernel_loop
from .event import Event
from .event_handlers import OnIncludeLaunchDescription, OnShutdown
from .events import IncludeLaunchDescription, Shutdown
from .launch_context import LaunchContext
from .launch_description import LaunchDescription
from .launch_description_entity import LaunchDescriptionEntity
from .utilities import AsyncSafeSignalManager
from .utilities.visit_all_entities_and_collect_futures_impl import visit_all_entities_into


class _Done(Coroutine[Any, Any, None]):
    """A coroutine with nothing left to do, which does not mind never being awaited."""

    def send(self, value: Any) -> NoReturn:
        raise StopIteration

    def throw(self, *error: Any) -> NoReturn:
        raise StopIteration

    def close(self) -> None:
        """Nothing was begun."""

    def __await__(self) -> Iterator[Any]:
        return iter(())


class LaunchService:
    """Runs launch descriptions on the current kernel's clock."""

    def __init__(
        self,
        *,
        argv: Iterable[str] | None = None,
        noninteractive: bool = False,
        debug: bool = False,
    ) -> None:
        logging.launch_config.level = python_logging.DEBUG if debug else python_logging.INFO
        self.__debug = debug
        self.__logger = logging.get_logger("launch")
        self.__context = LaunchContext(argv=argv, noninteractive=noninteractive)
        self.__context.register_event_handler(OnIncludeLaunchDescription())
        self.__context.register_event_handler(OnShutdown(on_shutdown=self.__on_shutdown))
        self._entity_future_pairs: list[tuple[LaunchDescriptionEntity, asyncio.Future[Any]]] = []
        self.__loop: asyncio.AbstractEventLoop | None = None
        self.__loop_thread: int | None = None
        self.__task: asyncio.Task[Any] | None = None
        self.__next_event: asyncio.Task[Event] | None = None
        self.__shutting_down = False
        self.__sigint_received = False
        self.__return_code = 0

    @property
    def context(self) -> LaunchContext:
        """The launch context."""
        return self.__context

    @property
    def event_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop while the service runs."""
        return self.__loop

    @property
    def task(self) -> asyncio.Task[Any] | None:
        """The task in which the service runs."""
        return self.__task

    def include_launch_description(self, launch_description: LaunchDescription) -> None:
        """Have a launch description visited, now or once the service runs; from any thread."""
        self.emit_event(IncludeLaunchDescription(launch_description))

    def emit_event(self, event: Event) -> None:
        """Queue an event; from any thread."""
        if self.__loop is None or self.__loop_thread == threading.get_ident():
            self.__context.emit_event_sync(event)
        else:
            self.__loop.call_soon_threadsafe(self.__context.emit_event_sync, event)

    def shutdown(self, force_sync: bool = False) -> Coroutine[Any, Any, None] | None:
        """Have the running service shut down; from any thread. Nothing happens if it is not running.

        Returns a coroutine to await where it is called from the event loop's thread; the event is
        queued whether it is awaited or not.
        """
        if self.__loop is None:
            return None
        return self._shutdown(reason="LaunchService.shutdown() called", due_to_sigint=False, force_sync=force_sync)

    def _shutdown(
        self, *, reason: str, due_to_sigint: bool, force_sync: bool = False
    ) -> Coroutine[Any, Any, None] | None:
        if not self.__shutting_down:
            self.emit_event(Shutdown(reason=reason, due_to_sigint=due_to_sigint))
        self.__on_shutdown(None, self.__context)
        return None if force_sync or self.__loop_thread != threading.get_ident() else _Done()

    def __on_shutdown(self, event: Event | None, context: LaunchContext) -> None:
        self.__shutting_down = True
        context._set_is_shutdown(True)

    def run(self, *, shutdown_when_idle: bool = True) -> int:
        """Run until all is done (or until `shutdown`), and return 0, or 1 after an error.

        Raises:
            DeadlockError: on the virtual clock, where nothing is left that could ever happen.
        """
        with hidden_running_loop(), running_kernel_loop(Kernel.current()) as loop:
            task = loop.create_task(self.run_async(shutdown_when_idle=shutdown_when_idle))
            while True:
                try:
                    return loop.run_until_complete(task)
                except KeyboardInterrupt:
                    # In a process of the kernel: how SIGINT arrives. Elsewhere a handler takes it.
                    self.__on_sigint(signal.SIGINT)

    async def run_async(self, *, shutdown_when_idle: bool = True) -> int:
        """Run within the caller's event loop: a kernel's, or on the wall clock any other.

        Raises:
            RuntimeError: from a thread other than the main one, or while already running, or on
                another loop than the kernel's in virtual time.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("LaunchService can only be run in the main thread.")
        with self.__running(asyncio.get_running_loop()):
            logging.log_launch_config(logger=self.__logger)
            while True:
                try:
                    if not await self.__step(shutdown_when_idle):
                        return self.__return_code
                except asyncio.CancelledError:
                    self.__logger.error("run task was canceled")
                    return 1
                except Exception as error:
                    self.__logger.debug("%s", traceback.format_exc())
                    message = f"Caught exception in launch (see debug for traceback): {error}"
                    self.__logger.error("%s", message)
                    self._shutdown(reason=message, due_to_sigint=False)
                    # Go on, so that what was started is stopped in order.
                    self.__return_code = 1

    async def __step(self, shutdown_when_idle: bool) -> bool:
        """Handle the next event or completion; false when there is nothing more to do."""
        if self._is_idle():
            if self.__shutting_down:
                return False
            if shutdown_when_idle:
                self._shutdown(reason="idle", due_to_sigint=False)
        if self.__next_event is None:
            queue = self.__context._event_queue
            self.__next_event = asyncio.ensure_future(queue.get())
        futures: list[asyncio.Future[Any]] = [self.__next_event]
        if self.__context._event_queue.empty():
            futures += [future for _, future in self._entity_future_pairs]
            futures += self.__context._completion_futures
        completed, _ = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
        if self.__next_event in completed:
            event = self.__next_event.result()
            self.__next_event = None
            self.__process_event(event)
        for future in completed:
            if not future.cancelled() and (error := future.exception()) is not None:
                raise error
        return True

    def _is_idle(self) -> bool:
        """Forget what is done; whether nothing is left, neither ongoing work nor events."""
        self._entity_future_pairs = [pair for pair in self._entity_future_pairs if not pair[1].done()]
        context = self.__context
        context._completion_futures = [future for future in context._completion_futures if not future.done()]
        ongoing = self._entity_future_pairs or context._completion_futures
        return not ongoing and context._event_queue.empty()

    def __process_event(self, event: Event) -> None:
        self.__logger.debug("processing event: '%s'", event)
        for handler in tuple(self.__context._event_handlers):
            if not handler.matches(event):
                continue
            self.__logger.debug("processing event: '%s' taken by '%s'", event, handler)
            self.__context._push_locals()
            try:
                result = handler.handle(event, self.__context)
                entities = result if isinstance(result, Iterable) else (result,)
                for entity in entities:
                    if entity is not None:
                        self.__visit(entity)
            finally:
                self.__context._pop_locals()

    def __visit(self, entity: object) -> None:
        if not isinstance(entity, LaunchDescriptionEntity):
            raise RuntimeError(f"expected a LaunchDescriptionEntity from event_handler, got '{entity}'")
        visit_all_entities_into(self._entity_future_pairs, entity, self.__context)

    @contextmanager
    def __running(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Make `loop` that of the context and handle signals, while the service runs."""
        if self.__loop is not None:
            raise RuntimeError("LaunchService cannot be run multiple times concurrently.")
        self.__renew_queue()
        self.__loop = loop
        self.__loop_thread = threading.get_ident()
        self.__task = asyncio.current_task(loop)
        self.__return_code = 0
        self.__sigint_received = False
        self.__context._set_asyncio_loop(loop)
        loop.set_debug(self.__debug)
        loop.set_exception_handler(self.__on_loop_exception)
        follower = self.__follow_kernel(loop)
        try:
            with self.__signals(loop):
                yield
        finally:
            if follower is not None:
                follower.cancel()
            if self.__next_event is not None:
                self.__next_event.cancel()
                self.__next_event = None
            loop.set_exception_handler(None)
            self.__context._set_asyncio_loop(None)
            self.__loop = None
            self.__shutting_down = False

    def __renew_queue(self) -> None:
        # A queue belongs to the loop it was first waited for in.
        old, self.__context._event_queue = self.__context._event_queue, asyncio.Queue()
        while not old.empty():
            self.__context._event_queue.put_nowait(old.get_nowait())

    @staticmethod
    def __follow_kernel(loop: asyncio.AbstractEventLoop) -> asyncio.Task[None] | None:
        if isinstance(loop, KernelEventLoop):
            return None
        kernel = Kernel.current()
        if kernel.is_virtual:
            raise RuntimeError(
                "in virtual time a LaunchService runs on the kernel's event loop only: call LaunchService.run()"
            )
        return loop.create_task(follow_kernel(kernel))

    def __on_loop_exception(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.__return_code = 1
        loop.default_exception_handler(context)

    @contextmanager
    def __signals(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        process = current_process()
        if process is not None:
            # SIGINT comes as KeyboardInterrupt, see run().
            process.signal_handlers[signal.SIGTERM] = self.__on_process_sigterm
            try:
                yield
            finally:
                del process.signal_handlers[signal.SIGTERM]
            return
        manager = AsyncSafeSignalManager(loop)
        handlers: dict[signal.Signals, Callable[[int], None]] = {
            signal.SIGINT: self.__on_sigint,
            signal.SIGTERM: self.__on_sigterm,
            signal.SIGQUIT: self.__on_sigterm,
        }
        for number, handler in handlers.items():
            manager.handle(number, handler)
        with manager:
            yield

    def __on_sigint(self, signum: int) -> None:
        message = "user interrupted with ctrl-c (SIGINT)"
        if self.__sigint_received:
            self.__logger.warning("%s again, ignoring...", message)
            return
        self.__logger.warning("%s", message)
        self.__sigint_received = True
        self._shutdown(reason="ctrl-c (SIGINT)", due_to_sigint=True, force_sync=True)

    def __on_sigterm(self, signum: int) -> None:
        name = signal.Signals(signum).name
        self.__logger.error("user interrupted with %s, terminating...", name)
        self.__logger.error("using %s can result in orphaned processes", name)
        if self.__task is not None:
            self.__task.cancel()

    def __on_process_sigterm(self, signum: int) -> bool:
        self.__on_sigterm(signum)
        return True
