"""What a field protocol tells about itself before anything of it is loaded: options, addresses, ports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class NoOptions:
    """For a protocol whose source row needs no more than the common keys."""


@dataclass(frozen=True)
class FieldProtocol:
    """One field protocol. Light to import: neither a network library nor a socket is touched by reading it.

    Attributes:
        name: as the source rows of a tag file give it.
        source: `module:Class` of its source, looked up when a source is made.
        check_address: raises ValueError `problem; valid: ...` on an address that no device of it can have.
        options: frozen dataclass of `workcell_ros.schema.param` fields, the source row's own keys.
        check_options: returns (key, problem, valid) of the first option that does not fit the others, or None.
        port: where its servers listen unless the row or the gateway says otherwise; 0: it has no port.
        discover: `module:function` that browses a device, see `discovery.Discover`; empty: it cannot be browsed.
    """

    name: str
    source: str
    check_address: Callable[[str], object]
    options: type = NoOptions
    check_options: Callable[[object], tuple[str, str, str] | None] | None = None
    port: int = 0
    discover: str = ""
