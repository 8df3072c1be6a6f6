"""The examples in the docstrings of the sensor side hold."""

from __future__ import annotations

import doctest
import importlib

import pytest

MODULES = (
    "workcell_sensors.frame_codec",
    "workcell_sensors.gateway_status",
    "workcell_sensors.losses",
    "workcell_sensors.rows",
    "workcell_sensors.tags",
    "workcell_sensors.sources.clock_offset",
    "workcell_sensors.sources.credentials",
    "workcell_sensors.sources.host_name",
    "workcell_sensors.units",
    "workcell_sensors.quality",
    "workcell_sensors.sources.opcua_address",
    "workcell_sensors.sources.backoff",
    "workcell_sensors.sources.modbus_codec",
    "workcell_sensors.historian.records",
    "workcell_sensors.historian.queries",
    "workcell_sensors.historian.parquet_layout",
    "workcell_sensors.historian.postgres_store",
    "workcell_sensors.sources.modbus_pdu",
    "workcell_sensors.sources.modbus_pacer",
    "workcell_sensors.sources.modbus_discover",
    "workcell_sensors.sources.mtconnect_time",
    "workcell_sensors.sources.mtconnect_xml",
    "workcell_sensors.sources.mtconnect_units",
    "workcell_sensors.sources.mtconnect_values",
    "workcell_sensors.sources.mtconnect_multipart",
    "workcell_sensors.sources.shdr_codec",
    "workcell_sensors.sources.replay_csv",
    "workcell_sensors.sources.replay_pace",
    "workcell_sensors.sources.replay_protocol",
    "workcell_sensors.sources.mqtt_codec",
    "workcell_sensors.sources.mqtt_discover",
    "workcell_sensors.sources.sparkplug_protocol",
    "workcell_sensors.sources.sparkplug_tags",
    "workcell_sensors.sparkplug.births",
    "workcell_sensors.sparkplug.datatypes",
    "workcell_sensors.sparkplug.host_state",
    "workcell_sensors.sparkplug.ordering",
    "workcell_sensors.sparkplug.payload",
    "workcell_sensors.sparkplug.topic",
    "workcell_sensors.outward.cell_report",
    "workcell_sensors.outward.sparkplug_client",
    "workcell_sensors.sources.opcua_security",
    "workcell_sensors.sources.opcua_status",
    "workcell_sensors.sources.opcua_subscription",
    "workcell_sensors.sources.opcua_wire",
    "workcell_sensors.health.window",
    "workcell_sensors.prognosis.calibration",
    "workcell_sensors.prognosis.change_point",
    "workcell_sensors.prognosis.failure_risk",
    "workcell_sensors.prognosis.indicator",
    "workcell_sensors.prognosis.remaining_life",
    "workcell_sensors.prognosis.watch",
    "workcell_sensors.prognosis.wording",
    "workcell_sensors.prognosis.hotelling",
    "workcell_sensors.prognosis.level_chart",
    "workcell_sensors.prognosis.moments",
    "workcell_sensors.health.adaptive_window",
    "workcell_sensors.health.drift",
    "workcell_sensors.health.outcome_threshold",
    "workcell_sensors.health.threshold",
    "workcell_sim.plant.servers.mtconnect_agent",
    "workcell_sim.plant.trace",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    failed, tried = doctest.testmod(importlib.import_module(name))
    assert tried > 0
    assert failed == 0
