"""What an SHDR adapter says while one listens: everything it knows comes when one connects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.mtconnect_discover import VALUE_CHARACTERS_MAX, proposals
from workcell_sensors.sources.mtconnect_units import CONDITION_LEVELS
from workcell_sensors.sources.mtconnect_values import Observation
from workcell_sensors.sources.shdr import load_model
from workcell_sensors.sources.shdr_codec import ShdrParser
from workcell_sensors.sources.shdr_link import AdapterLink
from workcell_sensors.sources.shdr_protocol import ShdrOptions
from workcell_sensors.sources.source import SourceSpec


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> Sequence[ProposedTag]:
    """Returns a row for every key that is heard within `request.listen_s`.

    Raises:
        OSError, TimeoutError, LinkLost: the adapter cannot be heard.
    """
    options = spec.options(ShdrOptions)
    model = load_model(options.devices_file)
    parser = ShdrParser(model)
    heard: dict[str, Observation] = {}
    async with AdapterLink(spec.host, spec.port, spec.timeout_s, request.listen_s) as link:
        try:
            async with asyncio.timeout(request.listen_s):
                async for lines in link.wake_ups():
                    for text in lines:
                        line = parser.parse(text, time.time_ns())
                        link.keep_heartbeat(line.heartbeat_s)
                        heard |= {seen.item: seen for seen in line.observations if len(heard) < request.rows_max}
        except TimeoutError:
            # Its time was up, as asked for.
            pass
    rows: list[ProposedTag] = []
    for key, seen in heard.items():
        item = model.of_key(key) if model is not None else None
        rows += [_bare(key, seen)] if item is None else proposals(item, key, item.native_units, seen.value)
    return rows[: request.rows_max]


def _bare(key: str, seen: Observation) -> ProposedTag:
    kind = "condition" if seen.is_condition else "value"
    states: Mapping[str, float] = CONDITION_LEVELS if seen.is_condition else {}
    return ProposedTag(
        key.replace(" ", "_"), key, "1", kind, states=states, value=str(seen.value)[:VALUE_CHARACTERS_MAX]
    )
