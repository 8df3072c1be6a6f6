"""MQTT under test."""

from __future__ import annotations

from plant_harness import PlantHarness
from source_harness import Facts


class Harness(PlantHarness):
    """The plant's own server."""

    source = "mqtt"
    facts = Facts(tells_missing=False)
    missing = "no/such/topic"


HARNESS = Harness
