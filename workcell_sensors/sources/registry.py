"""Which source speaks which protocol. Looked up late: virtual time needs none of the network libraries."""

from __future__ import annotations

import importlib

from workcell_sensors.sources.session import AsyncSource
from workcell_sensors.sources.source import ClockNs, Emit, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker

NETWORK_SOURCES: dict[str, tuple[str, str]] = {
    "mqtt": ("workcell_sensors.sources.mqtt", "MqttSource"),
    "opcua": ("workcell_sensors.sources.opcua", "OpcUaSource"),
    "modbus": ("workcell_sensors.sources.modbus", "ModbusSource"),
}


def make_source(spec: SourceSpec, emit: Emit, clock_ns: ClockNs, worker: AsyncWorker) -> AsyncSource:
    """Returns the network source for a spec, not yet started.

    Raises:
        KeyError: no source speaks the protocol.
    """
    module, name = NETWORK_SOURCES[spec.row.protocol]
    source_cls: type[AsyncSource] = getattr(importlib.import_module(module), name)
    return source_cls(spec, emit, clock_ns, worker)
