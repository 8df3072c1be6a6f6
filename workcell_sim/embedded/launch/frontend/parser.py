"""The reading of launch files in markup."""

from __future__ import annotations

import os
import traceback
import warnings
from importlib import import_module
from importlib import metadata as importlib_metadata
from typing import TYPE_CHECKING, Any, TextIO

from ..action import Action
from ..invalid_launch_file_error import InvalidLaunchFileError
from ..substitution import Substitution
from .entity import Entity
from .expose import instantiate_action
from .parse_substitution import (
    parse_if_substitutions,
    parse_substitution,
    replace_escaped_characters,
)

if TYPE_CHECKING:
    from ..launch_description import LaunchDescription

# Modules of the runtime that call their actions and substitutions by names.
_OWN_EXTENSIONS = (
    "launch.frontend._substitution_table",
    "launch.frontend._action_parsers",
    "launch_ros._frontend",
)
_OWN_PARSERS = {"xml": "launch_xml", "yaml": "launch_yaml"}


class InvalidFrontendLaunchFileError(InvalidLaunchFileError):
    """A launch file can be read by none of the parsers."""


class Parser:
    """Turns elements into actions; `launch_xml` and `launch_yaml` derive one that reads files."""

    extensions_loaded = False
    frontend_parsers: dict[str, type[Parser]] | None = None

    @classmethod
    def load_launch_extensions(cls) -> None:
        """Load what calls actions and substitutions by names, that of installed packages too."""
        if Parser.extensions_loaded:
            return
        for module in _OWN_EXTENSIONS:
            import_module(module)
        for entry_point in _entry_points("launch.frontend.launch_extension"):
            try:
                entry_point.load()
            except Exception:
                warnings.warn(
                    f"Failed to load the launch extension: {entry_point.name}\n{traceback.format_exc()}",
                    stacklevel=2,
                )
        Parser.extensions_loaded = True

    @classmethod
    def load_parser_implementations(cls) -> None:
        """Load the parsers, those of installed packages too."""
        if Parser.frontend_parsers is not None:
            return
        found = {name: import_module(module).Parser for name, module in _OWN_PARSERS.items()}
        for entry_point in _entry_points("launch.frontend.parser"):
            try:
                found.setdefault(entry_point.name, entry_point.load())
            except Exception:
                warnings.warn(
                    f"Failed to load the parser extension: {entry_point.name}\n{traceback.format_exc()}",
                    stacklevel=2,
                )
        Parser.frontend_parsers = dict(sorted(found.items()))

    @classmethod
    def _parsers(cls) -> dict[str, type[Parser]]:
        cls.load_parser_implementations()
        return Parser.frontend_parsers or {}

    def parse_action(self, entity: Entity) -> Action:
        """Return the action that an element describes."""
        self.load_launch_extensions()
        return instantiate_action(entity, self)

    def parse_substitution(self, value: str) -> list[Substitution]:
        """Return the text and the substitutions of `value`."""
        self.load_launch_extensions()
        return parse_substitution(value)

    def parse_if_substitutions(self, value: Any) -> Any:
        """Return substitutions for text that has any, the value itself else."""
        self.load_launch_extensions()
        return parse_if_substitutions(value)

    def escape_characters(self, value: str) -> str:
        """Return `value` with its backslashes taken away."""
        return replace_escaped_characters(value)

    def parse_description(self, entity: Entity) -> LaunchDescription:
        """Return the launch description of a root element.

        Raises:
            RuntimeError: the root is not ``launch``.
        """
        # Here because that module is still being loaded when this one is.
        from ..launch_description import LaunchDescription

        if entity.type_name != "launch":
            raise RuntimeError("Expected 'launch' as root tag")
        deprecated = entity.get_attr("deprecated", optional=True)
        actions = [self.parse_action(child) for child in entity.children]
        return LaunchDescription(actions, deprecated_reason=deprecated)

    @classmethod
    def get_available_extensions(cls) -> list[str]:
        """Return the names of the parsers."""
        return list(cls._parsers())

    @classmethod
    def get_file_extensions(cls) -> set[str]:
        """Return the extensions of the files that this parser reads."""
        return set()

    @classmethod
    def get_file_extensions_from_parsers(cls) -> set[str]:
        """Return the extensions of the files that any parser reads."""
        return {suffix for parser in cls._parsers().values() for suffix in parser.get_file_extensions()}

    @classmethod
    def may_parse(cls, filename: str) -> bool:
        """Whether this parser reads files with such a name."""
        return any(filename.endswith("." + suffix) for suffix in cls.get_file_extensions())

    @classmethod
    def is_filename_valid(cls, filename: str) -> bool:
        """Whether any parser reads files with such a name."""
        return bool(cls.get_parsers_from_filename(filename))

    @classmethod
    def get_parsers_from_filename(cls, filename: str) -> list[type[Parser]]:
        """Return the parsers that read files with such a name."""
        return [parser for parser in cls._parsers().values() if parser.may_parse(filename)]

    @classmethod
    def load(cls, file: str | os.PathLike[str] | TextIO) -> tuple[Entity, Parser]:
        """Return the root element of a file, and the parser for it.

        The parsers for such a name are tried first, then all others.

        Raises:
            InvalidFrontendLaunchFileError: none of the parsers can read it.
        """
        if isinstance(file, str | os.PathLike):
            with open(file) as stream:
                return cls.load(stream)
        name = str(getattr(file, "name", ""))
        likely = cls.get_parsers_from_filename(name)
        others = [parser for parser in cls._parsers().values() if parser not in likely]
        errors: list[Exception] = []
        for parser in [*likely, *others]:
            try:
                return parser.load(file)
            except Exception as error:
                errors.append(error)
                file.seek(0)
        suffix = os.path.splitext(name)[1][1:] if likely else ""
        raise InvalidFrontendLaunchFileError(suffix, likely_errors=errors)


def _entry_points(group: str) -> Any:
    found: Any = importlib_metadata.entry_points()
    return found.select(group=group) if hasattr(found, "select") else found.get(group, [])
