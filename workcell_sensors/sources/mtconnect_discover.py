"""What an MTConnect agent's `/probe` says it has, with the values it shows now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workcell_sensors.sources.discovery import DiscoveryRequest, ProposedTag
from workcell_sensors.sources.mtconnect_http import AgentClient
from workcell_sensors.sources.mtconnect_model import DataItem, parse_model
from workcell_sensors.sources.mtconnect_streams import AgentError, parse_streams
from workcell_sensors.sources.mtconnect_units import pint_unit, states_of
from workcell_sensors.sources.session import LinkLost
from workcell_sensors.sources.source import SourceSpec

AXES = ("x", "y", "z")
VALUE_CHARACTERS_MAX = 40


async def discover(spec: SourceSpec, request: DiscoveryRequest) -> Sequence[ProposedTag]:
    """Returns a row for every data item, below the component `request.below` where that is given.

    Raises:
        LinkLost: the agent answers with something else than its devices.
    """
    async with AgentClient(spec) as client:
        try:
            model = parse_model(await client.probe())
            current = parse_streams(await client.current())
        except (ValueError, AgentError) as error:
            raise LinkLost(str(error)) from None
    shown = {seen.item: seen.value for seen in current.observations}
    rows: list[ProposedTag] = []
    for item in model.items:
        if f"{item.device}/{item.component}/".startswith(f"{request.below}/" if request.below else ""):
            rows += proposals(item, item.id, item.units, shown.get(item.id, ""))
        if len(rows) >= request.rows_max:
            break
    return rows[: request.rows_max]


def proposals(item: DataItem, address: str, units: str, value: str | Mapping[str, str]) -> list[ProposedTag]:
    """Returns the rows of one data item: one for each axis, or each known entry, where its value has parts."""
    parts: Sequence[str] = ("",)
    if units.endswith("_3D"):
        parts = AXES
    elif isinstance(value, Mapping):
        parts = tuple(value)
    rows = []
    for part in parts:
        path = "/".join(name for name in (item.device, item.component, item.name or item.id, part) if name)
        shown = value.get(part, "") if isinstance(value, Mapping) else value
        rows.append(
            ProposedTag(
                tag=path.replace(" ", "_"),
                address=f"{address}#{part}" if part else address,
                unit=pint_unit(units),
                kind=" ".join(text for text in (item.category, item.kind, item.sub_type) if text),
                description=f"{item.component or item.device} {item.kind.lower()}".strip(),
                states=states_of(item.kind, item.category),
                value=shown[:VALUE_CHARACTERS_MAX],
            )
        )
    return rows
