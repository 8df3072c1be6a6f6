"""The one thread in which all asyncio clients of the gateway live."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
from collections.abc import Coroutine
from typing import Any

_LOG = logging.getLogger(__name__)
WIND_UP_S = 2.0
"""What tasks that were cancelled have for their clean-up."""
STOP_TIMEOUT_S = 2.0 * WIND_UP_S
_NOISY = ("asyncua", "pymodbus", "amqtt", "aiomqtt", "paho", "mqtt", "transitions", "httpx", "httpcore")


def quiet_libraries() -> None:
    """Keeps protocol libraries from logging what the gateway's diagnostics say; a level set before stays."""
    for name in _NOISY:
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.CRITICAL + 1)


class AsyncWorker:
    """An event loop in a thread of its own."""

    def __init__(self, name: str) -> None:
        quiet_libraries()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The worker's event loop; from other threads only its thread-safe methods may be called."""
        return self._loop

    def submit(self, work: Coroutine[Any, Any, Any]) -> concurrent.futures.Future[Any]:
        """Runs a coroutine in the worker; the future may be waited for or cancelled from any other thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def stop(self) -> None:
        """Cancels what still runs, waits for its clean-up and ends the thread."""
        if not self._thread.is_alive():
            return
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_TIMEOUT_S)
        if self._thread.is_alive():
            # It ends with the process; a client that hangs in its clean-up must not keep the cell from stopping.
            _LOG.warning("thread %s did not end within %g s", self._thread.name, STOP_TIMEOUT_S)

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
            self._loop.run_until_complete(self._wind_up())
        finally:
            self._loop.close()

    async def _wind_up(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(WIND_UP_S):
                # Clean-up may start further tasks (a library's disconnect), so ask until none is left.
                while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                    for task in tasks:
                        task.cancel()
                    await asyncio.wait(tasks)
                await self._loop.shutdown_asyncgens()
                await self._loop.shutdown_default_executor()
