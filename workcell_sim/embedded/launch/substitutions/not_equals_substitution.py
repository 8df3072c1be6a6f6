"""The opposite of the comparison of two values."""

from __future__ import annotations

from ..launch_context import LaunchContext
from .equals_substitution import EqualsSubstitution


class NotEqualsSubstitution(EqualsSubstitution):
    """Stands for 'true' where the sides are not equal."""

    def perform(self, context: LaunchContext) -> str:
        """Return 'true' or 'false'."""
        return "false" if super().perform(context) == "true" else "true"
