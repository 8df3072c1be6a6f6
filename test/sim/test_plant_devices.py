"""The simulated devices: what they show of the truth, their faults, and the playing of a real cobot's trace."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S, Frame, Quality
from workcell_sensors.tags import load_tags
from workcell_sim.plant.devices import DeviceScan, SignalBoard, make_scans
from workcell_sim.plant.faults import FaultPlan
from workcell_sim.plant.trace import PAUSE_S, TraceError, load_trace
from workcell_sim.world.scenario import load_scenario

ROOT = Path(__file__).parents[2]
TABLE = load_tags(ROOT / "config" / "tags.yaml")
RECORDING = ROOT.parent / "shared" / "data" / "ur3_cobotops" / "dataset_02052023.csv"
TRUTH = {"gripper/vacuum": 55_003.0, "cell/temperature": 295.0, "cell/power": -250.0, "cell/energy": 7300.0}


def scan_of(tag: str) -> DeviceScan:
    row = TABLE.row(tag)
    return next(scan for scan in make_scans(TABLE) if row.address in scan.addresses)


def raw_of(tag: str, board: SignalBoard, rng: np.random.Generator) -> float:
    scan = scan_of(tag)
    return float(scan.sample(board.values, rng)[scan.addresses.index(TABLE.row(tag).address)])


def board_with(signals: dict[str, float]) -> SignalBoard:
    board = SignalBoard(TABLE)
    board.update(tuple(signals), list(signals.values()))
    return board


def test_scans_are_one_per_server_and_period_and_hold_every_tag_once() -> None:
    scans = make_scans(TABLE)
    assert len({(scan.source, scan.period_s) for scan in scans}) == len(scans)
    assert sorted(row for scan in scans for row in scan.rows.tolist()) == list(range(len(TABLE)))
    assert scan_of("gripper/vacuum").period_s == 0.05


@pytest.mark.parametrize("tag", sorted(TRUTH))
def test_a_device_shows_the_truth_to_within_its_noise_and_resolution(tag: str) -> None:
    rng = np.random.default_rng(1)
    board = board_with(TRUTH)
    row = TABLE.row(tag)
    shown = np.array([row.to_si(raw_of(tag, board, rng)) for _ in range(300)])
    step = {"gripper/vacuum": 10.0, "cell/temperature": 0.1, "cell/power": 1.0, "cell/energy": 3600.0}[tag]
    assert shown.mean() == pytest.approx(TRUTH[tag], abs=max(step, 12.0))
    np.testing.assert_allclose(np.round((shown - row.affine.bias) / step), (shown - row.affine.bias) / step, atol=1e-6)


def test_what_is_shown_reads_back_as_the_truth_through_the_gateway() -> None:
    scan = scan_of("gripper/vacuum")
    raw = scan.sample(board_with({**TRUTH, "infeed/part_present": 1.0}).values, np.random.default_rng(2))
    read = Pipeline(TABLE, 0).take(Frame("modbus", scan.addresses, raw, None, NS_PER_S, NS_PER_S))
    assert read is not None
    values = dict(zip(read.tags, read.values.tolist(), strict=True))
    assert values["gripper/vacuum"] == pytest.approx(55e3, abs=250.0)
    assert values["infeed/part_present"] == 1.0
    assert set(read.quality.tolist()) == {Quality.GOOD}


def test_a_device_saturates_and_shows_nothing_for_what_nobody_told() -> None:
    board = board_with({"gripper/vacuum": 500e3, "no/such/tag": 1.0})
    rng = np.random.default_rng(3)
    assert TABLE.row("gripper/vacuum").to_si(raw_of("gripper/vacuum", board, rng)) == pytest.approx(101_325.0, abs=10)
    assert np.isnan(raw_of("cell/power", board, rng))


def test_the_same_seed_gives_the_same_noise() -> None:
    board = board_with(TRUTH)
    scan = scan_of("gripper/vacuum")
    first, second = (scan.sample(board.values, np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_device_faults_of_a_scenario_begin_once_and_silence_their_source(tmp_path: Path) -> None:
    file = tmp_path / "faults.yaml"
    file.write_text(
        "events:\n"
        "  - {kind: device_stall, device: modbus, at_s: 10, hold_s: 5}\n"
        "  - {kind: device_kill, device: mqtt, at_s: 12}\n"
        "  - {kind: vacuum_leak, at_s: 1}\n"
    )
    plan = FaultPlan(load_scenario(file))
    assert plan.begun(9.9) == ()
    assert [(f.kind, f.source, f.until_s) for f in plan.begun(11.0)] == [("device_stall", "modbus", 15.0)]
    assert [f.source for f in plan.begun(12.0)] == ["mqtt"]
    assert plan.begun(20.0) == ()
    assert [plan.silent("modbus", t) for t in (9.9, 10.0, 14.9, 15.0)] == [False, True, True, False]
    assert [plan.silent("mqtt", t) for t in (11.0, 1e6)] == [False, True]
    assert FaultPlan(None).begun(1e9) == ()
    resumed = FaultPlan(load_scenario(file))
    assert [f.source for f in resumed.begun(16.0)] == ["mqtt"], (
        "what is over stays over in a plant that was started anew"
    )


HEADING = "Num;Timestamp;Current_J0;Temperature_T0;Robot_ProtectiveStop;grip_lost;;"
ROWS = [
    "1;2022-10-26T08:00:00.000Z;-1,5;20,0;False;True;;",
    "2;2022-10-26T08:00:01.000Z;1,59E-40;21,0;True;False;;",
    "3;2022-10-26T08:00:02.000Z;;;;;;",
    "4;2022-10-26T08:00:01.500Z;9,0;9,0;False;False;;",
    "",
    "5;2022-10-26T08:00:12.000Z;2,5;22,0;False;False;;",
]


def written(path: Path, *lines: str) -> Path:
    file = path / "trace.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def test_a_trace_gives_si_values_holds_rows_and_leaves_gaps_open(tmp_path: Path) -> None:
    trace = load_trace(written(tmp_path, HEADING, *ROWS))
    assert trace.tags == ("arm/joint_1/current", "arm/joint_1/temperature", "arm/protective_stop", "arm/grip_lost")
    assert trace.at(0.5).tolist() == [-1.5, 293.15, 0.0, 1.0]
    assert trace.at(1.0).tolist() == [1.59e-40, 294.15, 1.0, 0.0]
    assert np.isnan(trace.at(2.0)).all()
    assert np.isnan(trace.at(8.0)).all()
    assert trace.at(12.0).tolist() == [2.5, 295.15, 0.0, 0.0]
    assert trace.at(trace.duration_s + 0.5).tolist() == trace.at(0.5).tolist()
    assert (trace.blanks, trace.backwards, trace.pauses) == (4, 1, 0)


def test_a_pause_of_the_recording_is_played_short(tmp_path: Path) -> None:
    late = "9;2022-10-26T13:00:00.000Z;3,5;20,0;False;False;;"
    trace = load_trace(written(tmp_path, HEADING, *ROWS, late))
    assert trace.pauses == 1
    assert trace.at(12.0 + PAUSE_S)[0] == 3.5


@pytest.mark.parametrize(
    ("line", "old", "new", "column", "valid"),
    [
        (2, "-1,5", "-1.5", "Current_J0", "decimal comma"),
        (2, "-1,5", "abc", "Current_J0", "decimal comma"),
        (2, "-1,5", "inf", "Current_J0", "decimal comma"),
        (3, "True", "Maybe", "Robot_ProtectiveStop", "True or False"),
        (3, "2022-10-26T08:00:01.000Z", "yesterday", "Timestamp", "2022"),
        (3, ";True;False;;", "", "", "8 fields"),
        (1, "Timestamp", "Time", "Timestamp", "Timestamp"),
    ],
)
def test_an_error_names_file_line_and_column(
    tmp_path: Path, line: int, old: str, new: str, column: str, valid: str
) -> None:
    lines = [HEADING, *ROWS]
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    file = written(tmp_path, *lines)
    with pytest.raises(TraceError) as caught:
        load_trace(file)
    assert (caught.value.line, caught.value.column) == (line, column)
    assert valid in str(caught.value)
    assert str(file) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("lines", [[], [HEADING], ["Timestamp;x", "2022-10-26T08:00:00Z;1", "2022-10-26T08:00:01Z;1"]])
def test_a_trace_without_rows_or_known_columns_is_refused(tmp_path: Path, lines: list[str]) -> None:
    with pytest.raises(TraceError):
        load_trace(written(tmp_path, *lines))


def test_a_missing_or_unreadable_trace_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="No such file"):
        load_trace(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TraceError):
        load_trace(tmp_path / "binary.csv")


@pytest.mark.skipif(not RECORDING.exists(), reason="the UR3 CobotOps recording is not here")
def test_the_real_recording_plays_through_the_devices() -> None:
    trace = load_trace(RECORDING)
    assert trace.values.shape == (7409, 21)
    assert trace.period_s == pytest.approx(1.0, abs=0.02)
    assert trace.blanks > 1000
    board = SignalBoard(TABLE)
    scan = scan_of("arm/joint_1/current")
    pipeline = Pipeline(TABLE, 0)
    stops, good = 0, 0
    for second in range(0, 1200, 2):
        board.update(trace.tags, trace.at(float(second)).tolist())
        raw = scan.sample(board.values, np.random.default_rng(second))
        read = pipeline.take(
            Frame("opcua", scan.addresses, raw, None, (second + 1) * NS_PER_S, (second + 1) * NS_PER_S)
        )
        assert read is not None
        cells = {tag: (v, q) for tag, v, q in zip(read.tags, read.values.tolist(), read.quality.tolist(), strict=True)}
        value, quality = cells.get("arm/joint_2/temperature", (300.0, Quality.GOOD))
        if quality == Quality.GOOD:
            assert 290.0 < value < 330.0
            good += 1
        stops += cells.get("arm/protective_stop", (0.0, 0)) == (1.0, Quality.GOOD)
    assert good > 500
    assert stops > 0
