"""The twin against the cell it follows: what it foresees is what then happens."""

import math

import pytest

from workcell_console.bag import BagReader
from workcell_console.shift import ShiftOptions, run_shift
from workcell_sim.embedded import activate

if not activate():
    pytest.skip("runs a shift in virtual time", allow_module_level=True)

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.serialization import deserialize_message

pytestmark = pytest.mark.embedded("a shift on virtual time")

DURATION_S = 60.0
ERROR_MAX = 0.1
"""Largest relative error of what was foreseen: the fork's arm follows its path exactly, the cell's does not."""


def statuses(bag, topic, name):
    """Returns the values of every status of a name on a topic, in order."""
    with BagReader(bag) as reader:
        arrays = [deserialize_message(item.data, DiagnosticArray) for item in reader.messages(topics=[topic])]
    found = [status for array in arrays for status in array.status if status.name == name]
    return [{pair.key: pair.value for pair in status.values} for status in found]


@pytest.fixture(scope="module")
def shift(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shift") / "run"
    arguments = {"policy": "fixed", "record": "mcap"}
    results = run_shift(ShiftOptions(folder, "calm", DURATION_S, arguments=arguments))
    return folder / "bag", results


def test_the_first_forecast_comes_with_the_first_part(shift):
    bag, results = shift
    foreseen = statuses(bag, "/twin/forecasts", "twin: forecast")
    assert foreseen
    # The first cycle finds its part waiting, and counts for little in an hour.
    cycles = results["cycles"][1:]
    happened = 3600.0 * sum(row["verdict"] == 0.0 for row in cycles) / sum(row["cycle_time"] for row in cycles)
    low, high = (float(foreseen[0][f"good_parts_per_hour_{end}"]) for end in ("low", "high"))
    assert low * (1.0 - ERROR_MAX) <= happened <= high * (1.0 + ERROR_MAX)


def test_an_undisturbed_cell_does_not_drift_from_its_twin(shift):
    bag, _ = shift
    drifts = [float(values["drift"]) for values in statuses(bag, "/diagnostics", "twin: mirror")]
    assert math.isfinite(drifts[-1])
    assert abs(drifts[-1]) < ERROR_MAX
