"""JSON in its one canonical form, of which checksums and digests are taken. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any


def canonical(content: Mapping[str, Any]) -> str:
    """Sorted keys, no spaces, ASCII alone.

    Raises:
        ValueError: a number is not finite.
    """
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of the canonical form, in hex digits; raises as `canonical` does."""
    return hashlib.sha256(canonical(content).encode()).hexdigest()
