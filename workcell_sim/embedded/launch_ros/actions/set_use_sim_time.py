"""The parameter ``use_sim_time`` for all nodes of a scope."""

from __future__ import annotations

from typing import Any

from launch.action import Action
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.utilities.type_utils import normalize_typed_substitution, perform_typed_substitution

from .set_parameter import add_global_parameters


class SetUseSimTime(Action):
    """Sets ``use_sim_time`` for the nodes started later in this scope."""

    def __init__(self, value: bool | SomeSubstitutionsType, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.__value = normalize_typed_substitution(value, bool)

    @property
    def value(self) -> Any:
        """Whether nodes follow ``/clock``."""
        return self.__value

    def execute(self, context: LaunchContext) -> None:
        """Add the parameter to what all nodes get."""
        value = perform_typed_substitution(context, self.__value, bool)
        add_global_parameters(context, [("use_sim_time", value)])
