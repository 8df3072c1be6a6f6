"""Questions about instances and classes."""

from __future__ import annotations

import inspect
from typing import Any


def isclassinstance(obj: Any) -> bool:
    """Whether `obj` is an instance of a class."""
    return hasattr(obj, "__class__")


def is_a(obj: Any, entity_type: type) -> bool:
    """Whether `obj` is an instance of `entity_type`.

    Raises:
        RuntimeError: `entity_type` is not a class.
    """
    if not inspect.isclass(entity_type):
        raise RuntimeError(f"entity_type '{entity_type}' is not a class")
    return isinstance(obj, entity_type)


def is_a_subclass(obj: Any, entity_type: type) -> bool:
    """Whether `obj` is an instance of `entity_type`, or a subclass of it."""
    return is_a(obj, entity_type) or (inspect.isclass(obj) and issubclass(obj, entity_type))
