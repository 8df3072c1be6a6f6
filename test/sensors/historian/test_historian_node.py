"""The historian as a node: what the standard topics say is in the store, and the command finds it."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues, InterfaceValue
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.node import Node
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage, StatisticDataPoint
from std_msgs.msg import Header
from vision_msgs.msg import Detection2D, Detection2DArray, ObjectHypothesisWithPose
from waiting import spin_until

from workcell_console.main import main
from workcell_ros import convert, qos
from workcell_sensors.historian.historian_node import HistorianNode
from workcell_sensors.historian.parquet_store import ParquetStore

TAGS_FILE = Path(__file__).parents[3] / "config" / "tags.yaml"
S = 1_000_000_000
NOON_NS = 1_800_000_000 * S


class Cell(Node):
    """Plays gateway, cell, inspection and governor."""

    def __init__(self) -> None:
        super().__init__("probe")
        self._readings = self.create_publisher(DynamicInterfaceGroupValues, "readings", qos.READINGS)
        self._past = self.create_publisher(DynamicInterfaceGroupValues, "readings/historical", qos.READINGS)
        self._kpi = self.create_publisher(MetricsMessage, "cell/kpi", qos.KPI)
        self._detections = self.create_publisher(Detection2DArray, "inspection/detections", qos.reliable())
        self._verdicts = self.create_publisher(DiagnosticArray, "governor/verdicts", qos.VERDICTS)
        self.statuses: dict[str, Any] = {}
        self.acknowledged: list[str] = []
        self._heard = [
            self.create_subscription(DiagnosticArray, "diagnostics", self._on_status, qos.DIAGNOSTICS),
            self.create_subscription(Header, "readings/acknowledged", self._on_acknowledged, qos.latched(1)),
        ]

    def say_reading(self, n: int) -> None:
        message = DynamicInterfaceGroupValues(interface_groups=["arm/joint_1/current", "infeed/count"])
        message.header.stamp = convert.ns_to_stamp(NOON_NS + n * S)
        message.header.frame_id = f"abcd:{n + 1}"
        cells = ([float(n), 0.0], [math.nan, 2.0, 0.25])
        names = ["value", "quality", "age_s"]
        message.interface_values = [InterfaceValue(interface_names=names[: len(c)], values=c) for c in cells]
        (self._past if n == 1 else self._readings).publish(message)

    def say_nonsense(self) -> None:
        message = DynamicInterfaceGroupValues(interface_groups=["arm/joint_1/current"])
        message.interface_values = [InterfaceValue(interface_names=["value", "quality"], values=[1.0, 7.0])]
        self._readings.publish(message)

    def say_cycle(self, n: int) -> None:
        self._say_metrics("cycle", n, (("cycle_time", 6.5, "s"), ("acceleration_max", 2.0, "m/s^2")))

    def say_move(self, n: int) -> None:
        self._say_metrics("move", n, (("planned_time", 1.5, "s"), ("torque_margin", 0.4, "1")))

    def _say_metrics(self, source: str, n: int, figures: Sequence[tuple[str, float, str]]) -> None:
        for name, value, unit in figures:
            message = MetricsMessage(measurement_source_name=source, metrics_source=name, unit=unit)
            message.window_start = convert.ns_to_stamp(NOON_NS + n * S)
            message.window_stop = convert.ns_to_stamp(NOON_NS + (n + 1) * S)
            message.statistics = [StatisticDataPoint(data_type=1, data=value)]
            self._kpi.publish(message)

    def say_inspection(self, n: int) -> None:
        array = Detection2DArray()
        array.header.stamp = convert.ns_to_stamp(NOON_NS + n * S)
        for scores in ({"accept": 0.2, "reject": 0.8}, {"open": 0.9}):
            detection = Detection2D(id="0007")
            detection.bbox.center.position.x = 12.0
            for kind, score in scores.items():
                found = ObjectHypothesisWithPose()
                found.hypothesis.class_id, found.hypothesis.score = kind, score
                detection.results.append(found)
            array.detections.append(detection)
        self._detections.publish(array)

    def say_verdict(self, n: int) -> None:
        said = {"outcome": "applied", "node": "/cell", "parameters": "{}", "actor": "policy", "reason": "ok"}
        status = convert.make_status("governor: verdict", convert.OK, "applied", said)
        self._verdicts.publish(convert.make_diagnostics(NOON_NS + n * S, [status]))

    def _on_acknowledged(self, message: Any) -> None:
        self.acknowledged.append(message.frame_id)

    def _on_status(self, message: Any) -> None:
        self.statuses.update({status.name: convert.status_values(status) for status in message.status})


def parameters(tmp_path: Path, **given: Any) -> list[Parameter]:
    values = {
        "tags_file": str(TAGS_FILE),
        "store_dir": str(tmp_path / "history"),
        "journal_file": str(tmp_path / "journal"),
        "flush_s": 0.2,
        "tick_s": 0.05,
        **given,
    }
    return [Parameter(name, value=value) for name, value in values.items()]


@pytest.fixture
def ros(wall_kernel: Any) -> Iterator[None]:
    if not rclpy.ok():
        rclpy.init()
    yield
    rclpy.try_shutdown()


def run(cell: Cell, historian: Any, rounds: int = 1) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(cell)
    executor.add_node(historian)
    assert historian.trigger_configure() == TransitionCallbackReturn.SUCCESS
    assert historian.trigger_activate() == TransitionCallbackReturn.SUCCESS
    spin_until(executor, lambda: cell.count_subscribers("readings") == 1)
    cell.say_nonsense()
    for n in range(rounds):
        cell.say_reading(n)
        cell.say_cycle(n)
        cell.say_move(n)
        cell.say_inspection(n)
        cell.say_verdict(n)
    told = "historian: store"
    spin_until(executor, lambda: int(cell.statuses.get(told, {}).get("written_rows", 0)) >= rounds * 9)
    assert cell.statuses[told]["dropped_rows"] == "0"
    started, *stored = cell.acknowledged
    assert started == "historian"
    assert stored
    assert set(stored) <= {f"historian abcd:{n + 1}" for n in range(rounds)}
    assert historian.trigger_deactivate() == TransitionCallbackReturn.SUCCESS
    assert historian.trigger_cleanup() == TransitionCallbackReturn.SUCCESS
    executor.shutdown()


@pytest.mark.parametrize("store", ["parquet", "postgres"])
def test_topics_become_rows(ros: None, tmp_path: Path, store: str, request: pytest.FixtureRequest, capsys: Any) -> None:
    place = ["--store", str(tmp_path / "history")]
    given: dict[str, Any] = {"store": store}
    if store == "postgres":
        conninfo = tmp_path / "conninfo"
        conninfo.write_text(request.getfixturevalue("cluster").conninfo)
        conninfo.chmod(0o600)
        given |= {"database_file": str(conninfo), "database_schema": "node"}
        place = ["--database", str(conninfo), "--schema", "node"]
    cell = Cell()
    historian = HistorianNode(parameter_overrides=parameters(tmp_path, **given))
    run(cell, historian, rounds=3)
    for node in (historian, cell):
        node.destroy_node()

    def asked(*arguments: str, name: str = "x.csv") -> list[dict[str, str]]:
        out = tmp_path / name
        assert main(["history", *arguments, *place, "--out", str(out)]) == 0
        capsys.readouterr()
        with out.open(newline="") as file:
            return list(csv.DictReader(file))

    assert [row["value"] for row in asked("readings", "arm/joint_1/current")] == ["0.0", "1.0", "2.0"]
    (mean,) = asked("readings", "arm/joint_1/current", "--resolution", "10s")
    assert (mean["minimum"], mean["mean"], mean["maximum"], mean["readings"]) == ("0.0", "1.0", "2.0", "3")
    cycles = asked("cycles")
    assert len(cycles) == 3
    assert cycles[0] | {"cycle_time_s": "6.5", "acceleration_max_m/s^2": "2.0"} == cycles[0]
    assert [(row["planned_time_s"], row["torque_margin"]) for row in asked("moves")] == [("1.5", "0.4")] * 3
    assert {(row["verdict"], row["score"]) for row in asked("verdicts")} == {("reject", "0.8")}
    assert {(row["kind"], row["x_px"]) for row in asked("detections")} == {("open", "12.0")}
    assert [row["outcome"] for row in asked("audit")] == ["applied"] * 3
    assert {row["tag"]: row["unit"] for row in asked("tags")}["arm/joint_1/temperature"] == "K"
    aged = asked("readings", "infeed/count")
    assert [int(row["stamp_ns"]) for row in aged] == [NOON_NS + n * S - S // 4 for n in range(3)]
    assert {row["tag"] for row in asked("list")} == {"arm/joint_1/current", "infeed/count"}


@pytest.fixture
def filled(ros: None, tmp_path: Path) -> Path:
    cell = Cell()
    historian = HistorianNode(parameter_overrides=parameters(tmp_path))
    run(cell, historian, rounds=2)
    for node in (historian, cell):
        node.destroy_node()
    return tmp_path / "history"


def test_the_command_shows_and_exports(filled: Path, tmp_path: Path, capsys: Any) -> None:
    place = ["--store", str(filled)]
    assert main(["history", "readings", *place]) == 0
    text = capsys.readouterr().out
    assert "2027-01-15T08:00:01.000Z" in text
    out = tmp_path / "r.json"
    assert main(["history", "readings", *place, "--from", "2027-01-15T08:00:00.5", "--out", str(out)]) == 0
    rows = json.loads(out.read_text())
    assert [(row["tag"], row["value"]) for row in rows] == [("infeed/count", None), ("arm/joint_1/current", 1.0)]
    assert main(["history", "cycles", *place, "--out", str(tmp_path / "c.parquet")]) == 0
    import duckdb

    with duckdb.connect() as session:
        found = session.execute(f"SELECT count(*), max(cycle_time_s) FROM '{tmp_path / 'c.parquet'}'").fetchone()
    assert found == (2, 6.5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["readings", "--from", "yesterday"], "ISO 8601"),
        (["readings", "--resolution", "fast"], "a number with ms, s, min, h or d"),
        (["audit", "--from", "1min", "--to", "2min"], "a later time"),
        (["audit", "--out", "x.xlsx"], ".csv, .json, .parquet"),
        (["audit", "--out", "no/such/folder/x.csv"], "name a file that can be written"),
    ],
)
def test_the_command_says_what_it_cannot_use(tmp_path: Path, capsys: Any, arguments: list[str], said: str) -> None:
    ParquetStore(tmp_path).close()
    assert main(["history", *arguments, "--store", str(tmp_path)]) == 2
    assert said in capsys.readouterr().err


def test_the_command_says_where_there_is_no_history(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.delenv("WORKCELL_HISTORY_DATABASE", raising=False)
    assert main(["history", "audit", "--store", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert main(["history", "audit", "--database"]) == 2
    assert "WORKCELL_HISTORY_DATABASE: is not set" in capsys.readouterr().err
    secret = tmp_path / "conninfo"
    secret.write_text("host=127.0.0.1 port=1 password=hunter2")
    assert main(["history", "audit", "--database", str(secret)]) == 2
    assert "chmod 600" in capsys.readouterr().err
    secret.chmod(0o600)
    assert main(["history", "audit", "--database", str(secret)]) == 2
    text = capsys.readouterr().err
    assert "127.0.0.1:1" in text
    assert "hunter2" not in text


def test_it_runs_in_virtual_time(kernel: Any, tmp_path: Path) -> None:
    if not rclpy.ok():
        rclpy.init()
    cell = Cell()
    historian = HistorianNode(parameter_overrides=parameters(tmp_path))
    run(cell, historian)
    assert list((tmp_path / "history" / "readings").rglob("*.parquet"))
    for node in (historian, cell):
        node.destroy_node()
    rclpy.try_shutdown()
