"""What a recording has, as rows for the tag table."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Sequence

from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.replay import Recording
from workcell_sensors.sources.replay_protocol import ReplayOptions
from workcell_sensors.sources.replay_rows import RecordingError, Row
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

ROWS_LOOKED_AT = 2000


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> Sequence[ProposedTag]:
    """Returns a row for every column or tag that the recording's first rows have, with its first value.

    Raises:
        LinkLost: the recording cannot be used.
    """
    recording = Recording(spec.options(ReplayOptions))
    try:
        rows = await asyncio.to_thread(lambda: list(itertools.islice(recording.rows(), ROWS_LOOKED_AT)))
    except RecordingError as error:
        raise LinkLost(str(error)) from None
    found: dict[str, ProposedTag] = {}
    period_s = _usual_period_s(rows)
    for row in rows:
        for name, cell in row.cells.items():
            if name not in found and len(found) < request.rows_max:
                kind = "text" if isinstance(cell, str) else "number"
                tag = name.replace(" ", "_")
                found[name] = ProposedTag(tag, name, "1", kind, period_s=period_s, value=str(cell)[:40])
    return list(found.values())


def _usual_period_s(rows: Sequence[Row]) -> float:
    """Returns the median step from row to row; 0 where there is none."""
    steps = sorted(later.stamp_ns - row.stamp_ns for row, later in itertools.pairwise(rows))
    return max(0.0, round(steps[len(steps) // 2] / 1e9, 3)) if steps else 0.0
