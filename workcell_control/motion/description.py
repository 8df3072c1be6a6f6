"""Reads the robot description: URDF, or xacro with arguments, from a file.

One URDF serves everybody (pinocchio here, MuJoCo in the world, robot_state_publisher), so frames agree.
"""

from __future__ import annotations

import functools
import io
import re
import xml.parsers.expat
from collections.abc import Iterable, Mapping
from contextlib import redirect_stderr
from pathlib import Path

import xacro
import yaml

from workcell_ros.errors import ConfigError

_VALID_XACRO = "expressions, macros, arguments and files that exist"


def load_description(path: str | Path, arguments: Mapping[str, str] | None = None) -> str:
    """The URDF text of a URDF or xacro file.

    Raises:
        ConfigError: the file, or one it includes or loads, is missing or malformed; names file, line and remedy.
    """
    file = Path(path)
    if not file.is_file():
        raise ConfigError(file, "file", "does not exist", "the path of a xacro file")
    given = tuple(sorted((arguments or {}).items()))
    return _expanded(file.absolute(), given, _stamps(file, (value for _, value in given)))


def _stamps(file: Path, values: Iterable[str]) -> tuple[tuple[str, int, int], ...]:
    """Names, times and sizes of the files an expansion may depend on: a change of one makes it another expansion."""
    files = [*file.parent.iterdir(), *(Path(value) for value in values if "/" in value)]
    found = {path: path.stat() for path in files if path.is_file()}
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in sorted(found.items()))


@functools.lru_cache(maxsize=16)
def _expanded(file: Path, arguments: tuple[tuple[str, str], ...], _stamps: object) -> str:
    """Expands a xacro; several nodes and checks of one process ask for the same, and it takes its time."""
    try:
        # xacro prints where it was to stderr; the error below says it in one line.
        with redirect_stderr(io.StringIO()):
            document = xacro.process_file(str(file), mappings=dict(arguments))
    except xml.parsers.expat.ExpatError as error:
        raise _malformed(file, error) from None
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise ConfigError(_current_file(file), str(error.filename), problem, "an existing file") from None
    except Exception as error:  # xacro lets whatever an expression raises pass through
        raise _bad_expression(file, error) from None
    return str(document.toprettyxml(indent="  "))


def _current_file(default: Path) -> Path:
    """The file xacro was in when it failed: the innermost of its stack."""
    stack = [name for name in (xacro.filestack or []) if name]
    return Path(stack[-1]) if stack else default


def _malformed(file: Path, error: xml.parsers.expat.ExpatError) -> ConfigError:
    reason = re.sub(r": line \d+, column \d+$", "", str(error))
    return ConfigError(_current_file(file), f"line {error.lineno}", f"is not well-formed XML ({reason})", "xacro XML")


def _bad_expression(file: Path, error: Exception) -> ConfigError:
    """Names file and line of what xacro could not evaluate, as far as its message quotes it."""
    cause = _cause(error)
    if isinstance(cause, yaml.MarkedYAMLError) and cause.problem_mark is not None:
        mark = cause.problem_mark
        return ConfigError(mark.name, f"line {mark.line + 1}", f"is not YAML ({cause.problem})", "YAML 1.1")
    message = " ".join(str(error).split()) or type(error).__name__
    here = _current_file(file)
    for needle in _quoted(message):
        for candidate in (here, *sorted(here.parent.glob("*.xacro"))):
            line = _line_of(candidate, needle)
            if line:
                return ConfigError(candidate, f"line {line}", message, _VALID_XACRO)
    return ConfigError(here, "file", message, _VALID_XACRO)


def _cause(error: Exception) -> BaseException:
    """The first exception of the chain that xacro wrapped."""
    cause: BaseException = error
    while isinstance(getattr(cause, "exc", None), BaseException):
        cause = cause.exc  # type: ignore[attr-defined]  # xacro's XacroException carries it
    return cause


def _quoted(message: str) -> list[str]:
    """What xacro's message quotes of the file, as it stands there."""
    arguments = [f"$(arg {name})" for name in re.findall(r"substitution argument (\w+)", message)]
    macros = [f"<{name}" for name in re.findall(r"macro name: (\S+)", message)]
    files = [Path(name).name for name in re.findall(r"directory: (\S+)", message)]
    expressions = re.findall(r"evaluating expression '(.*?)'(?= when evaluating|$)", message)
    return [*arguments, *macros, *files, *expressions, *re.findall(r'"([^"]+)"', message)]


def _line_of(file: Path, needle: str) -> int:
    """First line (from 1) that holds `needle`, or 0."""
    if not file.is_file():
        return 0
    lines = file.read_text(encoding="utf-8").splitlines()
    return next((number for number, line in enumerate(lines, start=1) if needle in line), 0)
