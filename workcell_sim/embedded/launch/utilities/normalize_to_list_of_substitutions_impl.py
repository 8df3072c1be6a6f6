"""The one form that arguments made of text and substitutions are kept in."""

from __future__ import annotations

import os
from typing import Any

from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution


def normalize_to_list_of_substitutions(subs: SomeSubstitutionsType) -> list[Substitution]:
    """Return `subs` as a list of substitutions; text becomes a TextSubstitution.

    Raises:
        TypeError: an item is neither text, a path, nor a substitution.
    """
    if isinstance(subs, str | os.PathLike | Substitution):
        return [_normalize(subs)]
    return [_normalize(item) for item in subs]


def _normalize(item: Any) -> Substitution:
    # Here because substitutions import this module.
    from ..substitutions.text_substitution import TextSubstitution

    if isinstance(item, Substitution):
        return item
    if isinstance(item, str | os.PathLike):
        return TextSubstitution(text=os.fspath(item))
    raise TypeError(
        f"Failed to normalize given item of type '{type(item)}', when only "
        "'str' or 'launch.Substitution' were expected."
    )
