"""The content of a file."""

from __future__ import annotations

from pathlib import Path

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from .substitution_failure import SubstitutionFailure


class FileContent(Substitution):
    """Stands for the text of the file at `path`."""

    def __init__(self, path: SomeSubstitutionsType) -> None:
        self.__path = normalize_to_list_of_substitutions(path)

    @property
    def path(self) -> list[Substitution]:
        """The file's path."""
        return self.__path

    def describe(self) -> str:
        """Return a description for people."""
        return f"FileContent({', '.join(sub.describe() for sub in self.path)})"

    def perform(self, context: LaunchContext) -> str:
        """Return the text.

        Raises:
            SubstitutionFailure: there is no such file.
        """
        path = perform_substitutions(context, self.path)
        try:
            return Path(path).read_text()
        except FileNotFoundError as error:
            raise SubstitutionFailure(f"File not found: {path}") from error
