"""The declaration of an argument of a launch file."""

from __future__ import annotations

from typing import Any

from ..action import Action
from ..launch_context import LaunchContext
from ..logging import get_logger
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions


class DeclareLaunchArgument(Action):
    """Makes sure that a launch configuration `name` is set, by its default value if need be.

    Raises:
        RuntimeError: `choices` is empty, or a default value in plain text is not among them.
    """

    def __init__(
        self,
        name: str,
        *,
        default_value: SomeSubstitutionsType | None = None,
        description: str | None = None,
        choices: list[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.__name = name
        self.__default_value = None if default_value is None else normalize_to_list_of_substitutions(default_value)
        if choices is not None:
            _check_choices(name, choices, default_value)
        self.__choices = choices
        self.__description = _complete(description, choices)
        # Noted by LaunchDescription.get_launch_arguments, read by IncludeLaunchDescription.
        self._conditionally_included = False

    @property
    def name(self) -> str:
        """The argument's name."""
        return self.__name

    @property
    def default_value(self) -> list[Substitution] | None:
        """What stands in where no value is given."""
        return self.__default_value

    @property
    def description(self) -> str:
        """What the argument is for, with the choices."""
        return self.__description

    @property
    def choices(self) -> list[str] | None:
        """The valid values; None means any."""
        return self.__choices

    def execute(self, context: LaunchContext) -> None:
        """Set the launch configuration to the default if it is not set, and check its value.

        Raises:
            RuntimeError: no value and no default, or a value that is not among the choices.
        """
        if self.name not in context.launch_configurations:
            if self.default_value is None:
                raise RuntimeError(
                    f"Required launch argument '{self.name}' (description: '{self.description}') was not provided"
                )
            context.launch_configurations[self.name] = perform_substitutions(context, self.default_value)
        value = context.launch_configurations[self.name]
        if self.choices is not None and value not in self.choices:
            message = f'Argument "{self.name}" provided value "{value}" is not valid. Valid options are: {self.choices}'
            get_logger(__name__).error(message)
            raise RuntimeError(message)


def _check_choices(name: str, choices: list[str], default_value: SomeSubstitutionsType | None) -> None:
    if not choices:
        raise RuntimeError(f"Argument '{name}': choices is empty; use None to accept any value")
    if isinstance(default_value, str) and default_value not in choices:
        raise RuntimeError(
            f"Argument '{name}': Provided default_value \"{default_value}\" is not in provided choices {choices}"
        )


def _complete(description: str | None, choices: list[str] | None) -> str:
    if choices is None:
        return "no description given" if description is None else description
    if description is None:
        return f"One of: {choices}"
    stop = "" if description.endswith(".") else "."
    return f"{description}{stop} Valid choices are: {choices}"
