"""Waiting for what may never come, without blaming the other side for our own standstill."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")

GRACE_S = 0.05
"""For what has come while this process stood still (stopped, swapped out, machine asleep): it only has to be read."""


async def within(seconds: float, awaited: Awaitable[T]) -> T:
    """Returns what is awaited.

    Raises:
        TimeoutError: it did not come in time, and was not there either when the time was up.
    """
    task = asyncio.ensure_future(awaited)
    try:
        for patience_s in (seconds, GRACE_S):
            done, _ = await asyncio.wait((task,), timeout=patience_s)
            if done:
                return task.result()
        raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
