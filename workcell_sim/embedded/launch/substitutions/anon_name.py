"""Names that are unique to a launch."""

from __future__ import annotations

import itertools
import os
import socket

from ..launch_context import LaunchContext
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions

# A counter rather than a random number: the same launch in virtual time gives the same names.
_serial = itertools.count(1)


class AnonName(Substitution):
    """Stands for `name` made unique; the same name in one context gives the same text."""

    def __init__(self, name: SomeSubstitutionsType) -> None:
        self.__name = normalize_to_list_of_substitutions(name)

    @property
    def name(self) -> list[Substitution]:
        """The name to make unique."""
        return self.__name

    def describe(self) -> str:
        """Return a description for people."""
        return f"AnonName({' + '.join(sub.describe() for sub in self.name)})"

    def perform(self, context: LaunchContext) -> str:
        """Return the unique name."""
        name = perform_substitutions(context, self.name)
        key = "anon" + name
        if key not in context.launch_configurations:
            host = "".join(c if c.isalnum() else "_" for c in socket.gethostname())
            context.launch_configurations[key] = f"{name}_{host}_{os.getpid()}_{next(_serial)}"
        return context.launch_configurations[key]
