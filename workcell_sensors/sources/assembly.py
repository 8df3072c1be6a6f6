"""From the tag table to sources that can be started."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from workcell_sensors.sources.credentials import FILE_VARIABLE, load_credentials
from workcell_sensors.sources.registry import protocol
from workcell_sensors.sources.source import Source, SourceSpec
from workcell_sensors.tags import SourceRow, TagRow


@dataclass(frozen=True)
class SourceDefaults:
    """What holds for sources whose rows do not say.

    Attributes:
        host: where field servers are.
        ports: by protocol, instead of the protocol's usual port.
        timeout_s: for a request or a connection, wall clock.
        stall_s: silence after which a source counts as down, cell clock.
        time_scale: seconds of the cell's clock per wall second.
        credentials_file: empty: the one that the environment names, if it does.
    """

    host: str = "127.0.0.1"
    ports: Mapping[str, int] = field(default_factory=dict, hash=False)
    timeout_s: float = 1.0
    stall_s: float = 2.5
    time_scale: float = 1.0
    credentials_file: str = ""


def make_spec(
    row: SourceRow, tags: tuple[TagRow, ...], defaults: SourceDefaults, environ: Mapping[str, str]
) -> SourceSpec:
    """Returns all that a source needs to know.

    Raises:
        ConfigError: its credentials cannot be used.
    """
    file = defaults.credentials_file or environ.get(FILE_VARIABLE, "")
    return SourceSpec(
        row,
        tags,
        row.host or defaults.host,
        row.port or defaults.ports.get(row.protocol, 0) or protocol(row.protocol).port,
        time_scale=defaults.time_scale,
        timeout_s=row.timeout_s or defaults.timeout_s,
        stall_s=row.stall_s or defaults.stall_s,
        credentials=load_credentials(row.credentials, file, environ) if row.credentials else None,
    )


def stop_all(sources: Collection[Source]) -> None:
    """Stops sources side by side: one whose server hangs must not keep the others, nor the cell, waiting."""
    if sources:
        with ThreadPoolExecutor(len(sources), "stop-source") as pool:
            list(pool.map(lambda source: source.stop(), sources))
