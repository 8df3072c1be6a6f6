"""A command line with its name, working directory and environment."""

from __future__ import annotations

import itertools
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..substitutions.launch_configuration import LaunchConfiguration
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions

if TYPE_CHECKING:
    from ..action import Action

_serial = itertools.count(1)
_Pairs = list[tuple[list[Substitution], list[Substitution]]]


class Executable:
    """What to execute; `prepare` works out the ``final_...`` values in a launch context."""

    def __init__(
        self,
        *,
        cmd: Iterable[SomeSubstitutionsType],
        prefix: SomeSubstitutionsType | None = None,
        name: SomeSubstitutionsType | None = None,
        cwd: SomeSubstitutionsType | None = None,
        env: Mapping[SomeSubstitutionsType, SomeSubstitutionsType] | None = None,
        additional_env: Mapping[SomeSubstitutionsType, SomeSubstitutionsType] | None = None,
        arguments: Iterable[SomeSubstitutionsType] | None = None,
    ) -> None:
        self.__arguments = None if arguments is None else list(arguments)
        self.__cmd = [normalize_to_list_of_substitutions(part) for part in [*cmd, *(self.__arguments or [])]]
        self.__prefix = normalize_to_list_of_substitutions(
            LaunchConfiguration("launch-prefix", default="") if prefix is None else prefix
        )
        # A prefix given here holds whatever the filter says.
        self.__prefix_filter = (
            normalize_to_list_of_substitutions(LaunchConfiguration("launch-prefix-filter", default=""))
            if prefix is None
            else None
        )
        self.__name = None if name is None else normalize_to_list_of_substitutions(name)
        self.__cwd = None if cwd is None else normalize_to_list_of_substitutions(cwd)
        self.__env = None if env is None else _normalized(env)
        self.__additional_env = None if additional_env is None else _normalized(additional_env)
        self.__final_cmd: list[str] | None = None
        self.__final_cwd: str | None = None
        self.__final_env: dict[str, str] | None = None
        self.__final_name: str | None = None

    @property
    def name(self) -> list[Substitution] | None:
        """The process's name; None means that of the program."""
        return self.__name

    @property
    def prefix(self) -> list[Substitution]:
        """What comes before the command, such as a debugger."""
        return self.__prefix

    @property
    def cmd(self) -> list[list[Substitution]]:
        """The command line."""
        return self.__cmd

    @property
    def cwd(self) -> list[Substitution] | None:
        """The working directory."""
        return self.__cwd

    @property
    def env(self) -> _Pairs | None:
        """The whole environment; None means that of the launch context."""
        return self.__env

    @property
    def additional_env(self) -> _Pairs | None:
        """Variables on top of the environment."""
        return self.__additional_env

    @property
    def arguments(self) -> list[SomeSubstitutionsType] | None:
        """The arguments appended to the command."""
        return self.__arguments

    @property
    def final_name(self) -> str | None:
        """The process's name with its number."""
        return self.__final_name

    @property
    def final_cmd(self) -> list[str] | None:
        """The command line as text."""
        return self.__final_cmd

    @property
    def final_cwd(self) -> str | None:
        """The working directory as text."""
        return self.__final_cwd

    @property
    def final_env(self) -> dict[str, str] | None:
        """The environment as text."""
        return self.__final_env

    def prepare(self, context: LaunchContext, action: Action) -> None:
        """Work out the final values; `action` is for classes derived from this one."""
        cmd = [perform_substitutions(context, part) for part in self.__cmd]
        self.__final_cmd = self.__prefix_for(context, cmd) + cmd
        name = (
            os.path.basename(self.__final_cmd[0])
            if self.__name is None
            else perform_substitutions(context, self.__name)
        )
        self.__final_name = f"{name}-{next(_serial)}"
        self.__final_cwd = None if self.__cwd is None else perform_substitutions(context, self.__cwd)
        env = dict(context.environment) if self.__env is None else _performed(context, self.__env)
        env.update(_performed(context, self.__additional_env or []))
        self.__final_env = env

    def __prefix_for(self, context: LaunchContext, cmd: list[str]) -> list[str]:
        if self.__prefix_filter is not None:
            pattern = perform_substitutions(context, self.__prefix_filter)
            if re.match(pattern, os.path.basename(cmd[0])) is None:
                return []
        return shlex.split(perform_substitutions(context, self.__prefix))


def _normalized(variables: Mapping[SomeSubstitutionsType, SomeSubstitutionsType]) -> _Pairs:
    return [
        (normalize_to_list_of_substitutions(name), normalize_to_list_of_substitutions(value))
        for name, value in variables.items()
    ]


def _performed(context: LaunchContext, variables: _Pairs) -> dict[str, str]:
    return {perform_substitutions(context, name): perform_substitutions(context, value) for name, value in variables}
