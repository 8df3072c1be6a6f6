"""Paths made of parts."""

from __future__ import annotations

import os
from collections.abc import Iterable

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions


class PathJoinSubstitution(Substitution):
    """Stands for its components joined as a path; a list among them is one component."""

    def __init__(self, substitutions: Iterable[SomeSubstitutionsType]) -> None:
        self.__components = [normalize_to_list_of_substitutions(item) for item in substitutions]

    @property
    def substitutions(self) -> list[list[Substitution]]:
        """The components."""
        return self.__components

    def describe(self) -> str:
        """Return a description for people."""
        parts = (" + ".join(sub.describe() for sub in part) for part in self.__components)
        return f"PathJoin({', '.join(parts)})"

    def perform(self, context: LaunchContext) -> str:
        """Return the path."""
        return os.path.join(*("".join(sub.perform(context) for sub in part) for part in self.__components))
