"""Launch arguments as data: declared by launch files, checked without launch. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workcell_ros.errors import ConfigError


@dataclass(frozen=True)
class Argument:
    """A launch argument as its description shows it."""

    name: str
    default: str
    description: str
    choices: tuple[str, ...] = ()


def check_names(arguments: Sequence[Argument], command_line: Iterable[str]) -> None:
    """Refuses `name:=value` whose name is none of the arguments but nearly one.

    Launch itself lets every name pass and ignores it. One that resembles none may belong to a launch file that
    includes this one.

    Raises:
        ConfigError: names what was written and the argument that was probably meant.
    """
    known = [argument.name for argument in arguments]
    for text in command_line:
        name, mark, _ = text.partition(":=")
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        if mark and name not in known and near:
            raise ConfigError("launch arguments", name, f"is not known, did you mean {near[0]}?", known)
