"""Launch arguments as data: declared by launch files, checked without launch. Pure."""

from __future__ import annotations

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
    """Refuses `name:=value` whose name is none of the arguments, but one of them with a slip of the keyboard.

    Launch itself lets every name pass and ignores it. Others than such may belong to a launch file that includes this.

    Raises:
        ConfigError: names what was written and the argument that was probably meant.
    """
    known = [argument.name for argument in arguments]
    for text in command_line:
        name, mark, _ = text.partition(":=")
        if not mark or name in known:
            continue
        for meant in known:
            if is_slip(name, meant):
                raise ConfigError("launch arguments", name, f"is not known, did you mean {meant}?", known)


def is_slip(written: str, meant: str) -> bool:
    """Whether one letter is missing, too many or wrong, or two neighbours are swapped.

    >>> is_slip("sed", "seed"), is_slip("polciy", "policy"), is_slip("parts", "port")
    (True, True, False)
    """
    short, long = sorted((written, meant), key=len)
    if len(long) - len(short) == 1:
        return any(long[:at] + long[at + 1 :] == short for at in range(len(long)))
    differing = [at for at, (one, other) in enumerate(zip(short, long, strict=False)) if one != other]
    if len(short) != len(long) or not 1 <= len(differing) <= 2:
        return False
    first, last = differing[0], differing[-1]
    return first == last or (last == first + 1 and short[first] == long[last] and short[last] == long[first])
