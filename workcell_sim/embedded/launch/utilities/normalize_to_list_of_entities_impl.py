"""The flattening of entities and sequences of them."""

from __future__ import annotations

from collections.abc import Iterable

from ..launch_description_entity import LaunchDescriptionEntity
from ..some_entities_type import SomeEntitiesType


def normalize_to_list_of_entities(
    entities: Iterable[SomeEntitiesType],
) -> list[LaunchDescriptionEntity]:
    """Return the entities, and those in sequences among them, as one list."""
    flat: list[LaunchDescriptionEntity] = []
    for item in entities:
        if isinstance(item, LaunchDescriptionEntity):
            flat.append(item)
        else:
            flat.extend(item)
    return flat
