"""The visit of an entity and of all it yields."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


def visit_all_entities_and_collect_futures(
    entity: LaunchDescriptionEntity, context: LaunchContext
) -> list[tuple[LaunchDescriptionEntity, asyncio.Future[Any]]]:
    """Visit `entity` and, depth first, what it yields; return the futures of ongoing work."""
    sub_entities = entity.visit(context)
    # Asked for before the sub-entities are visited: these may execute the same entity again.
    future = entity.get_asyncio_future()
    pairs = [(entity, future)] if future is not None else []
    for sub_entity in sub_entities or ():
        pairs += visit_all_entities_and_collect_futures(sub_entity, context)
    return pairs
