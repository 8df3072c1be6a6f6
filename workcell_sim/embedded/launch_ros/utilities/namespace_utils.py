"""Namespaces within namespaces."""

from __future__ import annotations

from typing import overload


def is_root_namespace(ns: str) -> bool:
    """Whether `ns` is the root."""
    return ns == "/"


def is_namespace_absolute(ns: str) -> bool:
    """Whether `ns` begins at the root."""
    return ns.startswith("/")


def prefix_namespace(base_ns: str | None, ns: str | None) -> str | None:
    """Return `ns` within `base_ns` unless it is absolute; None only where both are None."""
    if base_ns is None and ns is None:
        return None
    if ns is None:
        combined = str(base_ns)
    elif not base_ns or is_namespace_absolute(ns):
        combined = ns
    else:
        combined = ("" if is_root_namespace(base_ns) else base_ns) + "/" + ns
    return combined if is_root_namespace(combined) else combined.rstrip("/")


@overload
def make_namespace_absolute(ns: None) -> None: ...
@overload
def make_namespace_absolute(ns: str) -> str: ...
@overload
def make_namespace_absolute(ns: str | None) -> str | None: ...
def make_namespace_absolute(ns: str | None) -> str | None:
    """Return `ns` beginning at the root; None stays None."""
    return ns if ns is None or is_namespace_absolute(ns) else "/" + ns
