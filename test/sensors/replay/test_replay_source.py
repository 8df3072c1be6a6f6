"""Recordings of every kind come as a live source, at their pace, with a stated end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from waiting import until

from workcell_sensors.historian.export import export
from workcell_sensors.historian.schema import READINGS
from workcell_sensors.reading import Frame, Quality
from workcell_sensors.sources.discovery import DiscoveryRequest
from workcell_sensors.sources.replay import Recording, ReplaySource
from workcell_sensors.sources.replay_bag import MSGTYPE, BagRows
from workcell_sensors.sources.replay_csv import CsvRows, sniff, time_ns
from workcell_sensors.sources.replay_discover import discover
from workcell_sensors.sources.replay_pace import Pace
from workcell_sensors.sources.replay_protocol import PROTOCOL, ReplayOptions
from workcell_sensors.sources.replay_rows import RecordingError
from workcell_sensors.sources.source import Link, SourceSpec
from workcell_sensors.sources.worker import AsyncWorker
from workcell_sensors.tags import SourceRow, TagRow

DATA = Path(os.environ.get("WORKCELL_DATA", Path(__file__).parents[4] / "shared" / "data"))
recorded = pytest.mark.skipif(not DATA.is_dir(), reason=f"no recordings at {DATA}; set WORKCELL_DATA")
S = 1_000_000_000


def rows_of(
    text: str, time_column: str = "", time_format: str = ""
) -> list[tuple[int, dict[str, Any], dict[str, int]]]:
    lines = text.splitlines(keepends=True)
    table = CsvRows(lines, sniff(lines, time_column), time_format)
    return [(row.stamp_ns, dict(row.cells), dict(row.qualities)) for row in table]


def test_a_table_with_semicolons_and_decimal_commas_is_read() -> None:
    text = (
        "Num;Timestamp;Current_J0;cycle ;Stop;;\n"
        "1;2022-10-26T08:17:21.847Z;-0,109;1;False;;\n"
        "2;2022-10-26T08:17:22Z;-7,39E-30;;True;;\n"
    )
    start_ns = time_ns("2022-10-26T08:17:21.847Z")
    assert rows_of(text) == [
        (start_ns, {"Num": 1.0, "Current_J0": -0.109, "cycle": 1.0, "Stop": "False"}, {}),
        (start_ns + 153_000_000, {"Num": 2.0, "Current_J0": -7.39e-30, "Stop": "True"}, {}),
    ]


def test_a_table_with_commas_and_points_is_read() -> None:
    text = '\ufefftime,a b,state\n0.0,1.5,"on, really"\n0.25,2,off\n'
    assert rows_of(text) == [
        (0, {"a b": 1.5, "state": "on, really"}, {}),
        (250_000_000, {"a b": 2.0, "state": "off"}, {}),
    ]


def test_thousands_of_a_comma_table_are_no_decimal_commas() -> None:
    assert rows_of('t;a\n0;1.5\n1;"2,5"\n2;3.5\n')[1][1] == {"a": "2,5"}


def test_our_own_export_is_read_back(tmp_path: Path) -> None:
    readings = [(5, "a/x", 1.5, 0), (5, "a/y", math.nan, 2), (6, "a/x", -2.0, 1)]
    path = tmp_path / "x.csv"
    export(path, READINGS.columns, [readings])
    (first, second) = rows_of(path.read_text())
    assert (first[0], first[1]["a/x"], first[2]) == (5, 1.5, {"a/y": 2})
    assert first[1]["a/y"] == "nan"
    assert second == (6, {"a/x": -2.0}, {"a/x": 1})


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("1600000000", 1_600_000_000 * S),
        ("1600000000.123456789", 1_600_000_000 * S + 123_456_789),
        ("1600000000123", 1_600_000_000 * S + 123_000_000),
        ("1600000000123456", 1_600_000_000 * S + 123_456_000),
        ("1600000000123456789", 1_600_000_000 * S + 123_456_789),
        ("2020-09-13T12:26:40+00:00", 1_600_000_000 * S),
        ("2020-09-13 14:26:40+0200", 1_600_000_000 * S),
        ("12.5", 12_500_000_000),
        ("12,5", 12_500_000_000),
        ("-0.5", -500_000_000),
        ("1e3", 1000 * S),
    ],
)
def test_times_of_many_kinds_are_exact(text: str, ns: int) -> None:
    assert time_ns(text) == ns


def test_a_format_of_time_may_be_given() -> None:
    text = "when,a\n13.09.2020 12:26:40,1\nlater,2\n"
    assert rows_of(text, "when", "%d.%m.%Y %H:%M:%S") == [(1_600_000_000 * S, {"a": 1.0}, {})]


@pytest.mark.parametrize(("head", "said"), [("", "no names"), ("a,b\n1,2", "valid: time_column, one of a, b")])
def test_a_table_without_a_time_is_refused(head: str, said: str) -> None:
    with pytest.raises(RecordingError, match=said):
        sniff(head.splitlines())
    with pytest.raises(RecordingError, match="no time column 'c'"):
        sniff(["time,b"], "c")


@given(st.lists(st.text(max_size=60), max_size=8))
def test_any_lines_are_rows_or_counted(lines: list[str]) -> None:
    lines = ["time;a;b\n", *lines]
    with contextlib.suppress(RecordingError):
        sniff(lines[1:])
    table = CsvRows(lines, sniff(lines))
    assert sum(1 for _ in table) + table.malformed <= sum(map(len, lines))


@given(st.text(max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        time_ns(text)


@given(st.lists(st.integers(-(10**12), 10**12), min_size=1), st.floats(0.01, 100.0))
def test_rows_are_never_due_before_the_one_before(stamps: list[int], speed: float) -> None:
    pace = Pace(speed)
    pace.begin(0)
    due = [pace.due_ns(stamp_ns) for stamp_ns in stamps]
    assert due == sorted(due)


def write_bag(folder: Path, version: int = 9) -> Path:
    from rosbags.rosbag2 import StoragePlugin, Writer
    from rosbags.typesys import Stores, get_types_from_msg, get_typestore

    store = get_typestore(Stores.ROS2_JAZZY)
    store.register(
        get_types_from_msg("string[] interface_names\nfloat64[] values\n", "control_msgs/msg/InterfaceValue")
    )
    text = "std_msgs/Header header\nstring[] interface_groups\nInterfaceValue[] interface_values\n"
    store.register(get_types_from_msg(text, MSGTYPE))
    import numpy as np

    types = store.types
    with Writer(folder, version=version, storage_plugin=StoragePlugin.MCAP) as writer:
        connection = writer.add_connection("/cell/readings", MSGTYPE, typestore=store)
        for n in range(3):
            header = types["std_msgs/msg/Header"](
                stamp=types["builtin_interfaces/msg/Time"](sec=100 + n, nanosec=0), frame_id=""
            )
            values = [np.array([float(n), 0.0]), np.array([5.0, 1.0, 0.5])]
            names = [["value", "quality"], ["value", "quality", "age_s"]]
            groups = [
                types["control_msgs/msg/InterfaceValue"](interface_names=n_, values=v)
                for n_, v in zip(names, values, strict=True)
            ]
            message = types[MSGTYPE](header=header, interface_groups=["a", "b"], interface_values=groups)
            writer.write(connection, n, store.serialize_cdr(message, MSGTYPE))
    return folder


def test_a_bag_of_readings_is_read(tmp_path: Path) -> None:
    found = [
        (row.stamp_ns, dict(row.cells), dict(row.qualities)) for row in BagRows(write_bag(tmp_path / "b"), "readings")
    ]
    assert found[:2] == [(99_500_000_000, {"b": 5.0}, {"b": 1}), (100 * S, {"a": 0.0}, {})]
    assert len(found) == 6


def test_a_bag_without_readings_is_said(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "b")
    with pytest.raises(RecordingError, match="valid: /cell/readings"):
        list(BagRows(bag, "other"))
    with pytest.raises(RecordingError, match="no bag"):
        list(BagRows(tmp_path, "readings"))
    for path in bag.glob("*.mcap"):
        path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(RecordingError):
        list(BagRows(bag, "readings"))


class Rig:
    """A source playing a recording; `came` holds (address, stamp, value, quality)."""

    def __init__(self, file: Path, *addresses: str, **options: Any) -> None:
        row = SourceRow("tape", "replay", options=ReplayOptions(file=str(file), **options))
        states = {"True": 1.0, "False": 0.0}
        tags = tuple(
            TagRow(text, "tape", text, "1", "1", period_s=0.02, states=states if text == "on" else {})
            for text in addresses
        )
        self.came: list[tuple[str, int, float, int]] = []
        self._worker = AsyncWorker("test-replay")
        spec = SourceSpec(row, tags, "", 0, backoff_s_max=0.2)
        self.source = ReplaySource(spec, self._take, time.time_ns, self._worker)
        self.source.start()

    def _take(self, frame: Frame) -> None:
        qualities = [0] * len(frame.values) if frame.quality is None else frame.quality.tolist()
        for address, value, quality in zip(frame.addresses, frame.values.tolist(), qualities, strict=True):
            self.came.append((address, frame.stamp_ns, value, quality))

    def until(self, condition: Callable[[], bool]) -> None:
        until(condition, lambda: f"it; {self.source.status()}, {self.came[-3:]}")

    def close(self) -> None:
        self.source.stop()
        self._worker.stop()


@pytest.fixture
def rig_of() -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(*given: Any, **options: Any) -> Rig:
        made.append(Rig(*given, **options))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.csv"
    lines = [f"{n / 10},{n},{n % 2 == 0},{'x' if n == 3 else n}" for n in range(10)]
    path.write_text("t,a,on,odd\n" + "\n".join(lines) + "\n")
    return path


def test_it_plays_at_n_times_the_pace_with_times_of_the_present(rig_of: Any, table: Path) -> None:
    began_ns = time.time_ns()
    rig = rig_of(table, "a", "on", "odd", speed=2.0, at_end="stop")
    rig.until(lambda: "ended" in rig.source.status().reason)
    stamps = [stamp_ns for address, stamp_ns, _, _ in rig.came if address == "a"]
    assert [value for address, _, value, _ in rig.came if address == "a"] == [float(n) for n in range(10)]
    assert {(b - a) for a, b in itertools.pairwise(stamps)} == {50_000_000}
    assert began_ns <= stamps[0] <= time.time_ns() - 450_000_000
    assert [value for address, _, value, _ in rig.came if address == "on"] == [1.0, 0.0] * 5
    assert [quality for address, _, _, quality in rig.came if address == "odd"] == [0, 0, 0, 2, 0, 0, 0, 0, 0, 0]
    status = rig.source.status()
    assert (status.link, status.rejected, status.counts["times_played"]) == (Link.CONNECTED, 1, 1)
    assert math.isnan(status.clock_offset_s)


def test_it_repeats_from_the_start(rig_of: Any, table: Path) -> None:
    rig = rig_of(table, "a", speed=100.0)
    rig.until(lambda: rig.source.status().counts.get("times_played", 0) >= 3)
    values = [value for _, _, value, _ in rig.came]
    assert values[:30] == [float(n) for n in range(10)] * 3
    stamps = [stamp_ns for _, stamp_ns, _, _ in rig.came]
    assert stamps == sorted(set(stamps))


def test_it_holds_the_last_values(rig_of: Any, table: Path) -> None:
    rig = rig_of(table, "a", "odd", speed=100.0, at_end="hold")
    rig.until(lambda: len(rig.came) >= 40)
    assert {value for _, _, value, _ in rig.came[20:]} == {9.0}
    assert rig.came[-1][1] > rig.came[-3][1]


def test_it_can_keep_the_recorded_times_and_cut_pauses(rig_of: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("time,a\n2020-09-13T12:26:40Z,1\n2020-09-14T12:26:40Z,2\n2020-09-13T00:00:00Z,3\n")
    rig = rig_of(path, "a", stamps="recorded", gap_s_max=0.1, at_end="stop")
    rig.until(lambda: "ended" in rig.source.status().reason)
    assert [(stamp_ns, value) for _, stamp_ns, value, _ in rig.came][:2] == [
        (1_600_000_000 * S, 1.0),
        (1_600_086_400 * S, 2.0),
    ]
    assert rig.source.status().counts["rows_back_in_time"] == 1


def test_a_bag_is_played(rig_of: Any, tmp_path: Path) -> None:
    rig = rig_of(write_bag(tmp_path / "b"), "a", "b", speed=50.0, at_end="stop")
    rig.until(lambda: "ended" in rig.source.status().reason)
    assert [value for address, _, value, _ in rig.came if address == "a"] == [0.0, 1.0, 2.0]
    assert {quality for address, _, _, quality in rig.came if address == "b"} == {Quality.UNCERTAIN}


@pytest.mark.parametrize(
    ("content", "said"), [("time,a\n", "no row"), ("a,b\n1,2\n", "no time column"), ("", "no names of columns")]
)
def test_what_cannot_be_played_is_down_and_says_why(rig_of: Any, tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content)
    rig = rig_of(path, "a")
    rig.until(lambda: said in rig.source.status().reason)
    assert rig.source.status().link is Link.DOWN
    path.unlink()
    rig.until(lambda: "No such file" in rig.source.status().reason)


def test_a_table_that_has_none_of_the_tags_is_said(rig_of: Any, table: Path) -> None:
    rig = rig_of(table, "z")
    rig.until(lambda: "has none of z" in rig.source.status().reason)


def test_the_tag_table_names_a_file_that_is_there(table: Path) -> None:
    assert PROTOCOL.check_options is not None
    assert PROTOCOL.check_options(ReplayOptions(file=str(table))) is None
    key, problem, _ = PROTOCOL.check_options(ReplayOptions(file="none.csv")) or ("", "", "")
    assert (key, "none.csv" in problem) == ("file", True)
    with pytest.raises(ValueError, match="valid:"):
        PROTOCOL.check_address(" ")


def discovered(path: Path) -> dict[str, Any]:
    spec = SourceSpec(SourceRow("tape", "replay", options=ReplayOptions(file=str(path))), (), "", 0)
    return {row.address: row for row in asyncio.run(discover(spec, DiscoveryRequest()))}


def test_a_recording_tells_its_columns(table: Path) -> None:
    rows = discovered(table)
    assert set(rows) == {"a", "on", "odd"}
    assert (rows["a"].period_s, rows["on"].kind, rows["on"].value) == (0.1, "text", "True")


@recorded
def test_a_real_cobot_and_a_real_pump_are_read_whole() -> None:
    for file, columns, lines in (
        (next((DATA / "ur3_cobotops").glob("*.csv")), {"Current_J0", "Robot_ProtectiveStop", "Tool_current"}, 7409),
        (DATA / "skab" / "valve1" / "1.csv", {"Pressure", "Volume Flow RateRMS"}, None),
    ):
        assert columns <= set(discovered(file))
        recording = Recording(ReplayOptions(file=str(file)))
        rows = list(recording.rows())
        count = sum(1 for line in file.open(encoding="utf-8-sig") if line.strip()) - 1
        assert len(rows) + recording.malformed == count
        assert lines is None or count == lines
        numbers = [row.cells[name] for row in rows for name in columns - {"Robot_ProtectiveStop"} if name in row.cells]
        assert all(isinstance(number, float) for number in numbers)
        assert recording.malformed == 0
