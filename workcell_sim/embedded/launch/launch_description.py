"""What shall be launched: a list of entities."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from .action import Action
from .actions.declare_launch_argument import DeclareLaunchArgument
from .actions.reset_launch_configurations import ResetLaunchConfigurations
from .launch_context import LaunchContext
from .launch_description_entity import LaunchDescriptionEntity
from .logging import get_logger

if TYPE_CHECKING:
    from .actions.include_launch_description import IncludeLaunchDescription

_ArgumentAndIncludes = tuple[DeclareLaunchArgument, "list[IncludeLaunchDescription] | None"]


class LaunchDescription(LaunchDescriptionEntity):
    """A list of entities, visited one after the other."""

    def __init__(
        self,
        initial_entities: Iterable[LaunchDescriptionEntity] | None = None,
        *,
        deprecated_reason: str | None = None,
    ) -> None:
        self.__entities = list(initial_entities) if initial_entities is not None else []
        self.__deprecated_reason = deprecated_reason

    @property
    def entities(self) -> list[LaunchDescriptionEntity]:
        """The entities."""
        return self.__entities

    def add_entity(self, entity: LaunchDescriptionEntity) -> None:
        """Append an entity."""
        self.__entities.append(entity)

    def add_action(self, action: Action) -> None:
        """Append an action."""
        self.add_entity(action)

    @property
    def deprecated(self) -> bool:
        """Whether the description should no longer be used."""
        return self.__deprecated_reason is not None

    @property
    def deprecated_reason(self) -> str | None:
        """Why it should no longer be used."""
        return self.__deprecated_reason

    def describe(self) -> str:
        """Return a description for people."""
        return repr(self)

    def describe_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the entities."""
        return self.__entities

    def visit(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Yield the entities, after a warning where the description is deprecated."""
        if self.deprecated:
            get_logger("launch").warning(self._deprecation_text(context))
        return self.__entities

    def _deprecation_text(self, context: LaunchContext) -> str:
        path = context.get_locals_as_dict().get("current_launch_file_path")
        place = f" [{path}]" if path else ""
        return f"The included launch file{place} is deprecated: {self.__deprecated_reason}"

    def get_launch_arguments(self, conditional_inclusion: bool = False) -> list[DeclareLaunchArgument]:
        """Return the launch arguments declared here and in included descriptions."""
        return [
            argument
            for argument, _ in self.get_launch_arguments_with_include_launch_description_actions(conditional_inclusion)
        ]

    def get_launch_arguments_with_include_launch_description_actions(
        self, conditional_inclusion: bool = False
    ) -> list[_ArgumentAndIncludes]:
        """Return each declared argument with the includes that lead to it (None at top level).

        Of several declarations of one name the first counts. What only the launch context can
        tell, such as a launch file's path made from launch configurations, is not found.
        """
        found: dict[str, _ArgumentAndIncludes] = {}
        _collect_arguments(self.entities, conditional_inclusion, None, found)
        return list(found.values())


def _collect_arguments(
    entities: Iterable[LaunchDescriptionEntity],
    is_conditional: bool,
    includes: list[IncludeLaunchDescription] | None,
    found: dict[str, _ArgumentAndIncludes],
) -> None:
    # Here because that module needs this one.
    from .actions.include_launch_description import IncludeLaunchDescription

    for entity in entities:
        if isinstance(entity, ResetLaunchConfigurations):
            # What is declared after it cannot be set from outside.
            return
        if isinstance(entity, DeclareLaunchArgument) and entity.name not in found:
            entity._conditionally_included = is_conditional or entity.condition is not None
            found[entity.name] = (entity, includes)
        nested = includes
        if isinstance(entity, IncludeLaunchDescription):
            nested = [*(includes or []), entity]
        _collect_arguments(entity.describe_sub_entities(), False, nested, found)
        for _, sub_entities in entity.describe_conditional_sub_entities():
            _collect_arguments(sub_entities, True, nested, found)
