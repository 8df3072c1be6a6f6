"""The description of a node that is loaded into a container."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from launch.condition import Condition
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.utilities import normalize_to_list_of_substitutions

from ..parameters_type import Parameters, SomeParameters
from ..remap_rule_type import RemapRules, SomeRemapRules
from ..utilities.normalize_parameters import normalize_parameters
from ..utilities.normalize_remap_rule import normalize_remap_rules


class ComposableNode:
    """A component's package and plugin, with the node's name, namespace and parameters."""

    def __init__(
        self,
        *,
        package: SomeSubstitutionsType,
        plugin: SomeSubstitutionsType,
        name: SomeSubstitutionsType | None = None,
        namespace: SomeSubstitutionsType | None = None,
        parameters: SomeParameters | None = None,
        remappings: SomeRemapRules | None = None,
        extra_arguments: SomeParameters | None = None,
        condition: Condition | None = None,
    ) -> None:
        self.__package = normalize_to_list_of_substitutions(package)
        self.__plugin = normalize_to_list_of_substitutions(plugin)
        self.__name = None if name is None else normalize_to_list_of_substitutions(name)
        self.__namespace = None if namespace is None else normalize_to_list_of_substitutions(namespace)
        self.__parameters = None if parameters is None else normalize_parameters(parameters)
        self.__remappings = list(normalize_remap_rules(remappings or ()))
        self.__extra_arguments = None if extra_arguments is None else normalize_parameters(extra_arguments)
        self.__condition = condition

    @property
    def package(self) -> list[Substitution]:
        """The package."""
        return self.__package

    @property
    def node_plugin(self) -> list[Substitution]:
        """The component's class."""
        return self.__plugin

    @property
    def node_name(self) -> list[Substitution] | None:
        """The node's name; None means that of the component."""
        return self.__name

    @property
    def node_namespace(self) -> list[Substitution] | None:
        """The node's namespace."""
        return self.__namespace

    @property
    def parameters(self) -> Parameters | None:
        """The node's parameters."""
        return self.__parameters

    @property
    def remappings(self) -> RemapRules:
        """The node's remapping rules."""
        return self.__remappings

    @property
    def extra_arguments(self) -> Sequence[Any] | None:
        """Arguments to the container."""
        return self.__extra_arguments

    def condition(self) -> Condition | None:
        """Return the condition under which the node is loaded."""
        return self.__condition
