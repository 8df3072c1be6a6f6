"""The type of arguments that accept text, a substitution, or a sequence of both."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePath

from .substitution import Substitution

SomeSubstitutionsType = str | PurePath | Substitution | Iterable[str | PurePath | Substitution]
SomeSubstitutionsType_types_tuple = (str, PurePath, Substitution, Iterable)
