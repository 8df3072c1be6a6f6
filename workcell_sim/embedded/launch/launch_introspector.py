"""A launch description as indented text."""

from __future__ import annotations

from collections.abc import Iterable

from .launch_description import LaunchDescription
from .launch_description_entity import LaunchDescriptionEntity

_INDENT = "    "


class LaunchIntrospector:
    """Tells what a launch description would do, as far as that is known before it is launched."""

    def format_launch_description(self, launch_description: LaunchDescription) -> str:
        """Return one line for each entity, indented below the entity that yields it."""
        return "\n".join(_format(launch_description, depth=0))


def _format(entity: LaunchDescriptionEntity, depth: int) -> Iterable[str]:
    try:
        description = entity.describe()
    except NotImplementedError:
        description = type(entity).__name__
    yield f"{_INDENT * depth}{description}"
    for sub_entity in entity.describe_sub_entities():
        yield from _format(sub_entity, depth + 1)
    for condition, sub_entities in entity.describe_conditional_sub_entities():
        yield f"{_INDENT * (depth + 1)}{condition}:"
        for sub_entity in sub_entities:
            yield from _format(sub_entity, depth + 2)
