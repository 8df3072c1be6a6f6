"""Waitables: entities that wait for several things at once."""

from __future__ import annotations

from typing import Any


class NumberOfEntities:
    """How many handles of each kind a waitable adds to a wait set."""

    __slots__ = (
        "num_subscriptions",
        "num_guard_conditions",
        "num_timers",
        "num_clients",
        "num_services",
        "num_events",
    )

    def __init__(
        self,
        num_subs: int = 0,
        num_gcs: int = 0,
        num_timers: int = 0,
        num_clients: int = 0,
        num_services: int = 0,
        num_events: int = 0,
    ) -> None:
        self.num_subscriptions = num_subs
        self.num_guard_conditions = num_gcs
        self.num_timers = num_timers
        self.num_clients = num_clients
        self.num_services = num_services
        self.num_events = num_events

    def __add__(self, other: NumberOfEntities) -> NumberOfEntities:
        total = NumberOfEntities()
        total += self
        total += other
        return total

    def __iadd__(self, other: NumberOfEntities) -> NumberOfEntities:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    def __repr__(self) -> str:
        values = ", ".join(str(getattr(self, name)) for name in self.__slots__)
        return f"{type(self).__name__}({values})"


class Waitable:
    """Base class of entities that add handles to a wait set and run when some of them are ready."""

    # Of entities that are ready at the same time, those of lower rank run first.
    _rank = 0

    def __init__(self, callback_group: Any) -> None:
        self.callback_group = callback_group
        self.callback_group.add_entity(self)
        self._executor_event = False
        self._futures: list[Any] = []

    def __enter__(self) -> Any:
        """Mark the handles as in use."""
        raise NotImplementedError("Must be implemented by subclass")

    def __exit__(self, exc_type: Any, exc: Any, trace: Any) -> None:
        raise NotImplementedError("Must be implemented by subclass")

    def add_future(self, future: Any) -> None:
        self._futures.append(future)

    def remove_future(self, future: Any) -> None:
        self._futures.remove(future)

    def is_ready(self, wait_set: Any) -> bool:
        """Whether one of its handles is ready in the wait set."""
        raise NotImplementedError("Must be implemented by subclass")

    def take_data(self) -> Any:
        """Take what is ready."""
        raise NotImplementedError("Must be implemented by subclass")

    async def execute(self, taken_data: Any) -> None:
        """Work on what was taken."""
        raise NotImplementedError("Must be implemented by subclass")

    def get_num_entities(self) -> NumberOfEntities:
        raise NotImplementedError("Must be implemented by subclass")

    def add_to_wait_set(self, wait_set: Any) -> None:
        raise NotImplementedError("Must be implemented by subclass")
