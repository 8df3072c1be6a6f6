"""A remapping for all nodes of a scope."""

from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class SetRemap(Action):
    """Remaps `src` to `dst` for the nodes started later in this scope."""

    def __init__(self, src: SomeSubstitutionsType, dst: SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__src = normalize_to_list_of_substitutions(src)
        self.__dst = normalize_to_list_of_substitutions(dst)

    @property
    def src(self) -> list[Substitution]:
        """The name in the program."""
        return self.__src

    @property
    def dst(self) -> list[Substitution]:
        """The name in the graph."""
        return self.__dst

    def execute(self, context: LaunchContext) -> None:
        """Append the rule to what all nodes get."""
        rule = (perform_substitutions(context, self.src), perform_substitutions(context, self.dst))
        configurations: dict[str, Any] = context.launch_configurations
        # A new list: an outer scope holds the one before.
        configurations["ros_remaps"] = [*configurations.get("ros_remaps", []), rule]
