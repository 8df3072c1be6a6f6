"""Classes of interfaces by their namespaced type."""

from __future__ import annotations

import importlib
import warnings
from typing import Any

from rosidl_parser.definition import NamespacedType


def import_message_from_namespaced_type(message_type: NamespacedType) -> Any:
    """Return the class of a message, service or action."""
    if not isinstance(message_type, NamespacedType) and hasattr(message_type, "value_type"):
        warnings.warn(
            "Passing objects containing a NamespacedType is deprecated, please pass a NamespacedType object directly",
            DeprecationWarning,
            stacklevel=2,
        )
        message_type = message_type.value_type
    module = importlib.import_module(".".join(message_type.namespaces))
    if message_type.name.endswith("_FeedbackMessage"):
        action = getattr(module, message_type.name.removesuffix("_FeedbackMessage"))
        return action.Impl.FeedbackMessage
    return getattr(module, message_type.name)
