"""What the substitutions of ``launch`` are called in markup, and which arguments they take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..substitution import Substitution
from ..substitutions import (
    AllSubstitution,
    AndSubstitution,
    AnonName,
    AnySubstitution,
    Command,
    EnvironmentVariable,
    EqualsSubstitution,
    FileContent,
    FindExecutable,
    IfElseSubstitution,
    LaunchConfiguration,
    LaunchLogDir,
    NotEqualsSubstitution,
    NotSubstitution,
    OrSubstitution,
    PythonExpression,
    TextSubstitution,
    ThisLaunchFile,
    ThisLaunchFileDir,
)
from .expose import expose_substitution

_Arguments = Sequence[Sequence[Substitution]]


def expose(name: str, substitution_class: type, required: str = "", optional: str = "") -> None:
    """Call a class `name` in markup; its arguments are those parameters, in that order."""
    parameters = [*required.split(), *optional.split()]
    least = len(required.split())

    def parse(data: _Arguments) -> tuple[type, dict[str, Any]]:
        if not least <= len(data) <= len(parameters):
            expected = str(least) if least == len(parameters) else f"{least} to {len(parameters)}"
            raise TypeError(f"{name} substitution expects {expected} arguments, got {len(data)}")
        return substitution_class, dict(zip(parameters, data, strict=False))

    expose_substitution(name)(parse)


def _expose_many(name: str, substitution_class: type) -> None:
    def parse(data: _Arguments) -> tuple[Callable[..., Any], dict[str, Any]]:
        return lambda args: substitution_class(*args), {"args": data}

    expose_substitution(name)(parse)


def _parse_eval(data: _Arguments) -> tuple[type, dict[str, Any]]:
    if not 1 <= len(data) <= 2:
        raise TypeError(f"eval substitution expects 1 to 2 arguments, got {len(data)}")
    if len(data) == 1:
        return PythonExpression, {"expression": data[0]}
    names = "".join(item.text for item in data[1] if isinstance(item, TextSubstitution))
    modules = [name.strip() for name in names.split(",") if name.strip()]
    return PythonExpression, {"expression": data[0], "python_modules": modules}


expose("anon", AnonName, "name")
expose("and", AndSubstitution, "left right")
expose("or", OrSubstitution, "left right")
expose("not", NotSubstitution, "value")
_expose_many("any", AnySubstitution)
_expose_many("all", AllSubstitution)
expose("command", Command, "command", "on_stderr")
expose("dirname", ThisLaunchFileDir)
expose("filename", ThisLaunchFile)
expose("env", EnvironmentVariable, "name", "default_value")
expose("equals", EqualsSubstitution, "left right")
expose("not-equals", NotEqualsSubstitution, "left right")
expose_substitution("eval")(_parse_eval)
expose("file-content", FileContent, "path")
expose("find-exec", FindExecutable, "name")
expose("if", IfElseSubstitution, "condition if_value", "else_value")
expose("launch_log_dir", LaunchLogDir)
expose("log_dir", LaunchLogDir)
expose("var", LaunchConfiguration, "variable_name", "default")
