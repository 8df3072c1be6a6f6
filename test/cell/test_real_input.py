"""The cell on real data: board images as its parts, and a cobot's recorded field data in place of the arm's signals.

The data lies beside the repository, or where WORKCELL_DATA says; without it these tests say so and are left out.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from witness import Witness

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.cell.ledger import PartLedger
from workcell_perception.golden import GoldenStore
from workcell_sim.embedded import activate
from workcell_sim.plant.trace import load_trace
from workcell_sim.world.board import BoardFactory

if not activate():
    pytest.skip("runs shifts on virtual time", allow_module_level=True)

pytestmark = pytest.mark.embedded("a shift on virtual time")

DATA = Path(os.environ.get("WORKCELL_DATA", Path(__file__).parents[3] / "shared" / "data"))
BOARDS = DATA / "deeppcb"
TRACE = DATA / "ur3_cobotops" / "dataset_02052023.csv"
SEED = 5
DURATION_S = 60.0


def needs(path: Path) -> pytest.MarkDecorator:
    """Leaves a test out where its data is not there."""
    return pytest.mark.skipif(not path.exists(), reason=f"needs {path}; WORKCELL_DATA names the folder")


def run(folder: Path, witness: Witness | None = None, **arguments: str) -> dict[str, Any]:
    """Runs a short undisturbed shift with fixed parameters and returns its results."""
    given = {"twin": "false", "policy": "fixed", "log_level": "error", **arguments}
    options = ShiftOptions(folder / "run", "calm", DURATION_S, SEED, arguments=given)
    return run_shift(options, None if witness is None else witness.attend)


@needs(BOARDS)
def test_real_boards_flow_through_the_cell_and_only_those_that_come_are_taught(tmp_path: Path) -> None:
    results = run(tmp_path, boards_dir=str(BOARDS))
    bins = Counter(parcel["bin"] for parcel in results["parcels"])
    assert bins["accept"] >= 6
    assert results["summary"]["drops"] == 0
    assert results["summary"]["escapes"] == 0
    known = BoardFactory(SEED, boards_dir=BOARDS).variants
    taught = GoldenStore(tmp_path / "run" / "golden").variants()
    came = BoardFactory(SEED, boards_dir=BOARDS).variants_of(len(results["parcels"]))
    assert set(came) <= set(taught)
    assert len(taught) < len(known) / 5


@dataclass(frozen=True)
class Recorded:
    """What came of a shift with the recorded cobot."""

    results: dict[str, Any]
    witness: Witness
    fates: Counter[str | None]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    """The shift, run once."""
    folder, witness = tmp_path_factory.mktemp("recorded"), Witness()
    results = run(folder, witness, trace_file=str(TRACE))
    ledger = PartLedger(folder / "run" / "ledger.journal")
    fates = Counter(part.fate for part in ledger.parts)
    ledger.close()
    return Recorded(results, witness, fates)


@needs(TRACE)
def test_a_recorded_cobot_holds_the_cell_as_long_as_it_says_protective_stop(recorded: Recorded) -> None:
    stops = rises("arm/protective_stop", DURATION_S - 12.0)
    assert stops, "the recording has protective stops in its first minute"
    for at_s in stops:
        # Shift time begins with the world's first word, and an OPC UA scan takes its time.
        states = {text for seen_s, text in recorded.witness.states if at_s - 0.5 <= seen_s <= at_s + 4.0}
        assert any("arm/protective_stop is reported" in text for text in states), at_s
    assert recorded.witness.state_at(DURATION_S - 0.1).partition(";")[0] not in ("hold", "stopped")
    assert recorded.results["summary"]["good_parts"] >= 5


@needs(TRACE)
def test_what_a_recording_says_of_a_grip_that_is_sound_drops_no_part(recorded: Recorded) -> None:
    """The recorded gripper lost its grip; the vacuum of this cell's gripper says that the part is there."""
    assert rises("arm/grip_lost", DURATION_S)
    assert recorded.results["summary"]["drops"] == 0
    assert recorded.fates["floor"] == 0


def rises(tag: str, until_s: float) -> list[float]:
    """When a recorded signal turns true."""
    trace = load_trace(TRACE)
    column = trace.values[:, trace.tags.index(tag)] > 0.5
    return [
        float(trace.time_s[row])
        for row in range(1, len(column))
        if column[row] and not column[row - 1] and trace.time_s[row] < until_s
    ]
