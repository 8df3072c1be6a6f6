"""The value of a Python expression."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import (
    ensure_argument_type,
    normalize_to_list_of_substitutions,
    perform_substitutions,
)


class PythonExpression(Substitution):
    """Stands for the value of `expression` as text; it may use `python_modules` by name.

    Names in ``math`` need no prefix. The expression is the launch file's own and is evaluated
    as code: never put text of unknown origin into it.
    """

    def __init__(
        self,
        expression: SomeSubstitutionsType,
        python_modules: SomeSubstitutionsType = ("math",),
    ) -> None:
        accepted = (str, Substitution, Iterable)
        ensure_argument_type(expression, accepted, "expression", "PythonExpression")
        ensure_argument_type(python_modules, accepted, "python_modules", "PythonExpression")
        self.__expression = normalize_to_list_of_substitutions(expression)
        self.__python_modules = normalize_to_list_of_substitutions(python_modules)

    @property
    def expression(self) -> list[Substitution]:
        """The expression."""
        return self.__expression

    @property
    def python_modules(self) -> list[Substitution]:
        """The modules it may use."""
        return self.__python_modules

    def describe(self) -> str:
        """Return a description for people."""
        expression = " + ".join(sub.describe() for sub in self.expression)
        modules = ", ".join(sub.describe() for sub in self.python_modules)
        return f"PythonExpr({expression}, [{modules}])"

    def perform(self, context: LaunchContext) -> str:
        """Return the value as text."""
        names: dict[str, Any] = {}
        for sub in self.python_modules:
            module = import_module(context.perform_substitution(sub))
            if module.__name__ == "math":
                names.update(vars(module))
            names[module.__name__] = module
        return str(eval(perform_substitutions(context, self.expression), {}, names))
