"""What page, terminal and report read, as JSON."""

from __future__ import annotations

import json
from typing import Any


def to_json(value: Any) -> bytes:
    """Returns JSON in which what is no number (a figure not known yet) is null."""
    return json.dumps(_finite(value), separators=(",", ":")).encode()


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
