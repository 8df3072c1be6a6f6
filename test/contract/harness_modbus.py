"""Modbus TCP under test."""

from __future__ import annotations

from plant_harness import PlantHarness
from source_harness import Facts


class Harness(PlantHarness):
    """The plant's own server."""

    source = "modbus"
    facts = Facts(has_source_time=False, says_no_value=False, keeps_bursts=False)
    missing = "input:900:int16"


HARNESS = Harness
