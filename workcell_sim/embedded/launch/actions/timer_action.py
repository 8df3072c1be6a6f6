"""Entities that wait for a period to pass."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Iterable
from typing import Any

from ..action import Action
from ..event import Event
from ..event_handler import BaseEventHandler
from ..event_handlers import OnShutdown
from ..events import TimerEvent
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_entities_type import SomeEntitiesType
from ..some_substitutions_type import SomeSubstitutionsType, SomeSubstitutionsType_types_tuple
from ..utilities import ensure_argument_type
from ..utilities.type_utils import normalize_typed_substitution, perform_typed_substitution


class _OnTimer(BaseEventHandler):
    """Yields the actions of every timer whose period has passed."""

    def __init__(self) -> None:
        super().__init__(matcher=lambda event: isinstance(event, TimerEvent))

    def handle(self, event: Event, context: LaunchContext) -> SomeEntitiesType | None:
        super().handle(event, context)
        return event.timer_action.handle(context) if isinstance(event, TimerEvent) else None


class TimerAction(Action):
    """Yields `actions` once when `period` seconds have passed on the launch service's clock.

    Unless `cancel_on_shutdown` is false, it does not hold up a shutdown.
    """

    def __init__(
        self,
        *,
        period: float | SomeSubstitutionsType,
        actions: Iterable[LaunchDescriptionEntity],
        cancel_on_shutdown: bool | SomeSubstitutionsType = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        accepted = (*SomeSubstitutionsType_types_tuple, float, int)
        ensure_argument_type(period, accepted, "period", "TimerAction")
        ensure_argument_type(actions, Iterable, "actions", "TimerAction")
        if isinstance(period, str):
            warnings.warn(
                "The parameter 'period' must be a float or substitution,passing a string literal was deprecated",
                stacklevel=2,
            )
        if isinstance(period, str | int):
            period = float(period)
        self.__period = normalize_typed_substitution(period, float)
        self.__actions = list(actions)
        self.__cancel_on_shutdown = normalize_typed_substitution(cancel_on_shutdown, bool)
        self.__context_locals: dict[str, Any] = {}
        self.__canceled = False
        self.__alarm: asyncio.TimerHandle | None = None
        self._completed_future: asyncio.Future[None] | None = None

    @property
    def period(self) -> Any:
        """The period in seconds, as a number or as substitutions."""
        return self.__period

    @property
    def actions(self) -> list[LaunchDescriptionEntity]:
        """What is yielded when it has passed."""
        return self.__actions

    def describe(self) -> str:
        """Return a description for people."""
        return f"TimerAction(period={self.__period}, actions=<actions>)"

    def describe_conditional_sub_entities(
        self,
    ) -> list[tuple[str, Iterable[LaunchDescriptionEntity]]]:
        """Return what is yielded when the period has passed."""
        return [(f"{self.__period} seconds pass without being canceled", self.__actions)]

    def execute(self, context: LaunchContext) -> None:
        """Start the period, unless cancelled before."""
        loop = context.asyncio_loop
        if loop is None:
            raise RuntimeError(f"{type(self).__name__} needs a running LaunchService")
        self._completed_future = loop.create_future()
        if self.__canceled:
            self._completed_future.set_result(None)
            return
        if not any(isinstance(handler, _OnTimer) for handler in context._event_handlers):
            context.register_event_handler(_OnTimer())
        # What the actions see later is what this action sees now.
        self.__context_locals = context.get_locals_as_dict()
        self._start(context, perform_typed_substitution(context, self.__period, float))
        if perform_typed_substitution(context, self.__cancel_on_shutdown, bool):
            context.register_event_handler(OnShutdown(on_shutdown=self.__on_shutdown))

    def _start(self, context: LaunchContext, period_s: float) -> None:
        """Arrange for `_fire` to be called when the period has passed."""
        loop = context.asyncio_loop
        if loop is not None:
            self.__alarm = loop.call_later(period_s, self._fire, context)

    def _fire(self, context: LaunchContext) -> None:
        if self._completed_future is None or self._completed_future.done():
            return
        context.emit_event_sync(TimerEvent(timer_action=self))
        self._completed_future.set_result(None)

    def handle(self, context: LaunchContext) -> SomeEntitiesType:
        """Yield the actions, with the locals of when the period began."""
        context.extend_locals(self.__context_locals)
        return self.__actions

    def cancel(self) -> None:
        """Do not yield the actions; harmless at any time."""
        self.__canceled = True
        if self.__alarm is not None:
            self.__alarm.cancel()
        if self._completed_future is not None and not self._completed_future.done():
            self._completed_future.set_result(None)

    def __on_shutdown(self, event: Event, context: LaunchContext) -> None:
        self.cancel()

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        """Return a future that is done when the period has passed or was cancelled."""
        return self._completed_future
