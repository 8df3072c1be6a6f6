"""A parameter for all nodes of a scope."""

from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution

from ..utilities import evaluate_parameter_dict, normalize_parameter_dict


class SetParameter(Action):
    """Sets parameter `name` for the nodes started later in this scope; their own take precedence."""

    def __init__(self, name: SomeSubstitutionsType, value: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        key: Any = tuple(name) if isinstance(name, list) else name
        self.__parameters = normalize_parameter_dict({key: value})

    @property
    def name(self) -> tuple[Substitution, ...]:
        """The parameter's name."""
        return next(iter(self.__parameters))

    @property
    def value(self) -> Any:
        """The parameter's value."""
        return next(iter(self.__parameters.values()))

    def execute(self, context: LaunchContext) -> None:
        """Add the parameter to the launch configuration that nodes look at."""
        add_global_parameters(context, list(evaluate_parameter_dict(context, self.__parameters).items()))


def add_global_parameters(context: LaunchContext, added: list[Any]) -> None:
    """Append (name, value) pairs or paths of files to what all nodes get."""
    # A new list: an outer scope holds the one before.
    configurations: dict[str, Any] = context.launch_configurations
    configurations["global_params"] = [*configurations.get("global_params", []), *added]
