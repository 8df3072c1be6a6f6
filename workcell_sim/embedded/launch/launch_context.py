"""The state of a launched system that entities see and change while they are visited."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Iterable, MutableMapping
from typing import Any

from .event import Event
from .event_handler import BaseEventHandler
from .logging import get_logger
from .substitution import Substitution


class _Locals:
    """Read-only attribute access to the locals of one moment."""

    def __init__(self, values: dict[str, Any]) -> None:
        object.__setattr__(self, "_values", values)

    def __getattr__(self, key: str) -> Any:
        values: dict[str, Any] = object.__getattribute__(self, "_values")
        if key not in values:
            raise AttributeError(
                f"context.locals does not contain attribute '{key}', it contains: [{', '.join(values)}]"
            )
        return values[key]

    def __setattr__(self, key: str, value: Any) -> None:
        raise AttributeError(f"can't set attribute '{key}', locals are read-only")


class LaunchContext:
    """Launch configurations, environment, locals, events and handlers of one launch service."""

    def __init__(self, *, argv: Iterable[str] | None = None, noninteractive: bool = False) -> None:
        self.__argv = list(argv) if argv is not None else []
        self.__noninteractive = noninteractive
        self._event_queue: asyncio.Queue[Event] = asyncio.Queue()
        self._event_handlers: deque[BaseEventHandler] = deque()
        self._completion_futures: list[asyncio.Future[Any]] = []
        self.__globals: dict[str, Any] = {}
        self.__locals: dict[str, Any] = {}
        self.__locals_stack: list[dict[str, Any]] = []
        self.__launch_configurations: dict[str, str] = {}
        self.__launch_configurations_stack: list[dict[str, str]] = []
        self.__environment_stack: list[dict[str, str]] = []
        self.__environment_at_start = dict(os.environ)
        self.__is_shutdown = False
        self.__asyncio_loop: asyncio.AbstractEventLoop | None = None
        self.__logger = get_logger(__name__)

    @property
    def argv(self) -> list[str]:
        """Arguments given to the launch service."""
        return self.__argv

    @property
    def noninteractive(self) -> bool:
        """Whether no terminal is attached, so that Ctrl-C does not reach children by itself."""
        return self.__noninteractive

    @property
    def is_shutdown(self) -> bool:
        """Whether the launch service is shutting down."""
        return self.__is_shutdown

    def _set_is_shutdown(self, state: bool) -> None:
        self.__is_shutdown = state

    @property
    def asyncio_loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop of the running launch service; None while it is not running."""
        return self.__asyncio_loop

    def _set_asyncio_loop(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self.__asyncio_loop = loop

    def add_completion_future(self, completion_future: asyncio.Future[Any]) -> None:
        """Make the launch service wait for `completion_future` before it ends."""
        self._completion_futures.append(completion_future)

    def extend_globals(self, extensions: dict[str, Any]) -> None:
        """Add to the locals for good; `extend_locals` takes precedence over them."""
        self.__globals.update(extensions)

    def extend_locals(self, extensions: dict[str, Any]) -> None:
        """Add to the locals until they are popped."""
        self.__locals.update(extensions)

    def get_locals_as_dict(self) -> dict[str, Any]:
        """Return globals and locals together."""
        return {**self.__globals, **self.__locals}

    @property
    def locals(self) -> Any:
        """Globals and locals as read-only attributes."""
        return _Locals(self.get_locals_as_dict())

    def _push_locals(self) -> None:
        self.__locals_stack.append(dict(self.__locals))

    def _pop_locals(self) -> None:
        if not self.__locals_stack:
            raise RuntimeError("locals stack unexpectedly empty")
        self.__locals = self.__locals_stack.pop()

    @property
    def environment(self) -> MutableMapping[str, str]:
        """The environment variables."""
        return os.environ

    def _push_environment(self) -> None:
        self.__environment_stack.append(dict(os.environ))

    def _pop_environment(self) -> None:
        if not self.__environment_stack:
            raise RuntimeError("environment stack unexpectedly empty")
        _replace_environment(self.__environment_stack.pop())

    def _reset_environment(self) -> None:
        _replace_environment(self.__environment_at_start)

    @property
    def launch_configurations(self) -> dict[str, str]:
        """The launch configurations of the current scope."""
        return self.__launch_configurations

    def _push_launch_configurations(self) -> None:
        self.__launch_configurations_stack.append(dict(self.__launch_configurations))

    def _pop_launch_configurations(self) -> None:
        if not self.__launch_configurations_stack:
            raise RuntimeError("launch_configurations stack unexpectedly empty")
        self.__launch_configurations = self.__launch_configurations_stack.pop()

    def would_handle_event(self, event: Event) -> bool:
        """Whether any registered handler takes `event`."""
        return any(handler.matches(event) for handler in self._event_handlers)

    def register_event_handler(self, event_handler: BaseEventHandler, append: bool = False) -> None:
        """Register a handler before the others, or after them with `append`."""
        if append:
            self._event_handlers.append(event_handler)
        else:
            self._event_handlers.appendleft(event_handler)

    def unregister_event_handler(self, event_handler: BaseEventHandler) -> None:
        """Unregister a handler.

        Raises:
            ValueError: it is not registered.
        """
        self._event_handlers.remove(event_handler)

    def emit_event_sync(self, event: Event) -> None:
        """Queue an event."""
        self.__logger.debug("emitting event synchronously: '%s'", event.name)
        self._event_queue.put_nowait(event)

    async def emit_event(self, event: Event) -> None:
        """Queue an event from a coroutine."""
        self.__logger.debug("emitting event: '%s'", event.name)
        await self._event_queue.put(event)

    def perform_substitution(self, substitution: Substitution) -> str:
        """Return the text that `substitution` stands for here."""
        return substitution.perform(self)


def _replace_environment(variables: dict[str, str]) -> None:
    # In place: other modules hold os.environ itself.
    os.environ.clear()
    os.environ.update(variables)
