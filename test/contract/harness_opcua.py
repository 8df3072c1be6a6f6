"""OPC UA under test."""

from __future__ import annotations

from plant_harness import PlantHarness
from source_harness import Facts


class Harness(PlantHarness):
    """The plant's own server."""

    source = "opcua"
    facts = Facts()
    missing = "ns=2;s=no.such.node"


HARNESS = Harness
