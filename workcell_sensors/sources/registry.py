"""Which protocols there are. Looked up late: virtual time needs none of the network libraries."""

from __future__ import annotations

import functools
import importlib
from typing import TYPE_CHECKING, Any

from workcell_ros.errors import WorkcellError
from workcell_sensors.sources.protocol import FieldProtocol

if TYPE_CHECKING:
    from workcell_sensors.sources.discovery import Discover
    from workcell_sensors.sources.source import ClockNs, Emit, Source, SourceSpec
    from workcell_sensors.sources.worker import AsyncWorker

PROTOCOLS: dict[str, str] = {
    "mqtt": "workcell_sensors.sources.mqtt_protocol",
    "opcua": "workcell_sensors.sources.opcua_protocol",
    "modbus": "workcell_sensors.sources.modbus_protocol",
    "mtconnect": "workcell_sensors.sources.mtconnect_protocol",
    "shdr": "workcell_sensors.sources.shdr_protocol",
    "replay": "workcell_sensors.sources.replay_protocol",
    "sparkplug": "workcell_sensors.sources.sparkplug_protocol",
}
"""Protocol to the module that holds its `PROTOCOL`; one line per protocol."""


@functools.cache
def protocol(name: str) -> FieldProtocol:
    """Returns what a protocol tells about itself.

    Raises:
        KeyError: there is no such protocol.
    """
    found: FieldProtocol = importlib.import_module(PROTOCOLS[name]).PROTOCOL
    return found


def make_source(spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> Source:
    """Returns the source for a spec, not yet started.

    Raises:
        KeyError: no source speaks the protocol.
    """
    source: Source = _resolve(protocol(spec.row.protocol).source)(spec, emit, clock_ns, worker)
    return source


def discoverer(name: str) -> Discover:
    """Returns the coroutine function that browses a device of the protocol.

    Raises:
        KeyError: there is no such protocol.
        WorkcellError: devices of this protocol cannot be browsed; names those that can.
    """
    target = protocol(name).discover
    if not target:
        able = ", ".join(other for other in PROTOCOLS if protocol(other).discover)
        raise WorkcellError(f"{name} devices do not tell what they have; valid: a source of {able or 'no protocol'}")
    found: Discover = _resolve(target)
    return found


def _resolve(target: str) -> Any:
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)
