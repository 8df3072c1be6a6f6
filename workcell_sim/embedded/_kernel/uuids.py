"""Reproducible ids."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .kernel import Kernel

_NAMESPACE = uuid.UUID("6f1f1f5e-6b1c-5d0e-9c3a-0d5b6a7c8e9f")
_KEY = "kernel.uuid_count"


def next_uuid(kernel: Kernel) -> bytes:
    """Sixteen bytes that differ from those of every other call on this kernel and are alike in every run."""
    count = kernel.globals.get(_KEY, 0) + 1
    kernel.globals[_KEY] = count
    return uuid.uuid5(_NAMESPACE, str(count)).bytes
