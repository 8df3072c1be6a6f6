"""The base of everything that may stand in a launch description."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .launch_context import LaunchContext


class LaunchDescriptionEntity:
    """One item of a launch description, visited when the description is launched."""

    def describe(self) -> str:
        """Return a description for people."""
        raise NotImplementedError(f"{type(self).__name__} does not describe itself")

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the entities that visiting this one always yields."""
        return []

    def describe_conditional_sub_entities(
        self,
    ) -> list[tuple[str, Iterable[LaunchDescriptionEntity]]]:
        """Return (condition in words, entities it would yield) pairs."""
        return []

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity] | None:
        """Do this entity's work and return the entities to visit next."""
        return None

    def get_asyncio_future(self) -> asyncio.Future[Any] | None:
        """Return a future that is done when the work begun by `visit` has ended, or None."""
        return None
