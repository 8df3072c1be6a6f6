"""Several actions as one, with a scope of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..action import Action
from ..launch_context import LaunchContext
from ..launch_description_entity import LaunchDescriptionEntity
from ..some_substitutions_type import SomeSubstitutionsType
from .pop_environment import PopEnvironment
from .pop_launch_configurations import PopLaunchConfigurations
from .push_environment import PushEnvironment
from .push_launch_configurations import PushLaunchConfigurations
from .reset_environment import ResetEnvironment
from .reset_launch_configurations import ResetLaunchConfigurations
from .set_launch_configuration import SetLaunchConfiguration


class GroupAction(Action):
    """Yields `actions`, by default in a scope of launch configurations and environment.

    Without `forwarding` the scope begins with nothing but `launch_configurations`.
    """

    def __init__(
        self,
        actions: Iterable[LaunchDescriptionEntity],
        *,
        scoped: bool = True,
        forwarding: bool = True,
        launch_configurations: Mapping[SomeSubstitutionsType, SomeSubstitutionsType] | None = None,
        **left_over_kwargs: Any,
    ) -> None:
        super().__init__(**left_over_kwargs)
        self.__actions = actions
        self.__scoped = scoped
        self.__forwarding = forwarding
        self.__launch_configurations = dict(launch_configurations or {})
        self.__sub_entities: list[LaunchDescriptionEntity] | None = None

    def get_sub_entities(self) -> list[LaunchDescriptionEntity]:
        """Return the actions, between those that open and close the scope."""
        if self.__sub_entities is None:
            self.__sub_entities = self.__in_scope(list(self.__actions))
        return self.__sub_entities

    def __in_scope(self, actions: list[LaunchDescriptionEntity]) -> list[LaunchDescriptionEntity]:
        settings: list[LaunchDescriptionEntity] = [
            SetLaunchConfiguration(name, value) for name, value in self.__launch_configurations.items()
        ]
        if not self.__scoped:
            return [*settings, *actions]
        if not self.__forwarding:
            settings = [
                ResetEnvironment(),
                ResetLaunchConfigurations(self.__launch_configurations),
            ]
        return [
            PushLaunchConfigurations(),
            PushEnvironment(),
            *settings,
            *actions,
            PopEnvironment(),
            PopLaunchConfigurations(),
        ]

    def execute(self, context: LaunchContext) -> list[LaunchDescriptionEntity]:
        """Yield the actions."""
        return self.get_sub_entities()
