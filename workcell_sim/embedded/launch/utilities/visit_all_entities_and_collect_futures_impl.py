"""The visit of an entity and of all it yields."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..launch_description_entity import LaunchDescriptionEntity

if TYPE_CHECKING:
    from ..launch_context import LaunchContext


Pair = tuple[LaunchDescriptionEntity, "asyncio.Future[Any]"]


def visit_all_entities_and_collect_futures(entity: LaunchDescriptionEntity, context: LaunchContext) -> list[Pair]:
    """Visit `entity` and, depth first, what it yields; return the futures of ongoing work."""
    pairs: list[Pair] = []
    visit_all_entities_into(pairs, entity, context)
    return pairs


def visit_all_entities_into(pairs: list[Pair], entity: LaunchDescriptionEntity, context: LaunchContext) -> None:
    """Like the above, but what was begun before an entity raised is in `pairs` even so."""
    sub_entities = entity.visit(context)
    # Asked for before the sub-entities are visited: these may execute the same entity again.
    future = entity.get_asyncio_future()
    if future is not None:
        pairs.append((entity, future))
    for sub_entity in sub_entities or ():
        visit_all_entities_into(pairs, sub_entity, context)
