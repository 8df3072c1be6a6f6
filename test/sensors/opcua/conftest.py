"""Where the OPC UA node sets are: they are the OPC Foundation's and no part of the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

VARIABLE = "WORKCELL_NODESETS"
BESIDE = Path(__file__).parents[4] / "shared" / "data" / "opcua"


@pytest.fixture(scope="session")
def nodeset_dir() -> str:
    """The folder that WORKCELL_NODESETS names, or the data folder beside the project."""
    folder = Path(os.environ.get(VARIABLE, BESIDE))
    if not folder.is_dir():
        pytest.skip(f"no OPC UA node sets: set {VARIABLE} to a folder of DI, Machinery and Robotics node sets")
    return str(folder)
