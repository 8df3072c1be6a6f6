"""Events about nodes."""

from . import lifecycle, matchers

__all__ = ["lifecycle", "matchers"]
