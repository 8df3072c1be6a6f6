"""The value of a local of the launch context."""

from __future__ import annotations

from operator import attrgetter

from ..launch_context import LaunchContext
from ..substitution import Substitution
from ..utilities import ensure_argument_type


class LocalSubstitution(Substitution):
    """Stands for ``context.locals.<expression>``, such as ``event.reason``."""

    def __init__(self, expression: str, description: str | None = None) -> None:
        ensure_argument_type(expression, str, "expression", "LocalSubstitution")
        self.__expression = expression
        self.__description = description

    @property
    def expression(self) -> str:
        """Names of attributes, joined with dots."""
        return self.__expression

    @property
    def description(self) -> str | None:
        """What the value is, in words."""
        return self.__description

    def describe(self) -> str:
        """Return a description for people."""
        return f"LocalVar('{self.description or self.expression}')"

    def perform(self, context: LaunchContext) -> str:
        """Return the value as text."""
        return str(attrgetter(self.expression)(context.locals))
