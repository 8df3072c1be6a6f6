"""A Python coroutine as an action."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from inspect import iscoroutinefunction
from typing import Any

from ..action import Action
from ..event import Event
from ..event_handlers import OnShutdown
from ..launch_context import LaunchContext
from ..utilities import ensure_argument_type


class OpaqueCoroutine(Action):
    """Runs ``coroutine(context, *args, **kwargs)``; cancelled when the launch shuts down.

    With `ignore_context` the coroutine is called without the context.
    """

    def __init__(
        self,
        *,
        coroutine: Callable[..., Coroutine[Any, Any, Any]],
        args: Iterable[Any] | None = None,
        kwargs: Mapping[str, Any] | None = None,
        ignore_context: bool = False,
        **left_over_kwargs: Any,
    ) -> None:
        super().__init__(**left_over_kwargs)
        if not iscoroutinefunction(coroutine):
            raise TypeError(f"OpaqueCoroutine expected a coroutine function for 'coroutine', got '{type(coroutine)}'")
        ensure_argument_type(args, (Iterable, type(None)), "args", "OpaqueCoroutine")
        ensure_argument_type(kwargs, (Mapping, type(None)), "kwargs", "OpaqueCoroutine")
        ensure_argument_type(ignore_context, bool, "ignore_context", "OpaqueCoroutine")
        self.__coroutine = coroutine
        self.__args = list(args or ())
        self.__kwargs = dict(kwargs or {})
        self.__ignore_context = ignore_context
        self.__future: asyncio.Future[Any] | None = None

    def execute(self, context: LaunchContext) -> None:
        """Start the coroutine."""
        args = self.__args if self.__ignore_context else [context, *self.__args]
        loop = context.asyncio_loop
        if loop is None:
            raise RuntimeError("OpaqueCoroutine can only be executed by a running LaunchService")
        self.__future = loop.create_task(self.__coroutine(*args, **self.__kwargs))
        context.register_event_handler(OnShutdown(on_shutdown=self.__on_shutdown))

    def __on_shutdown(self, event: Event, context: LaunchContext) -> None:
        if self.__future is not None:
            self.__future.cancel()

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        """Return the coroutine's task."""
        return self.__future
