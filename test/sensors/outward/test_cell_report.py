"""What the cell tells a plant, before any ROS or network."""

from __future__ import annotations

import math

import pytest

from workcell_sensors.outward import cell_report
from workcell_sensors.outward.cell_report import METRICS_MAX, CellReport, Observation
from workcell_sensors.sparkplug.codec import decode
from workcell_sensors.sparkplug.datatypes import DataType
from workcell_sensors.sparkplug.edge import Directive, EdgeConfig, EdgeNode
from workcell_sensors.sparkplug.topic import EdgeNodeId, parse_topic

T0_MS = 1_700_000_000_000


def make() -> tuple[EdgeNode, CellReport]:
    edge = EdgeNode(EdgeConfig(EdgeNodeId("plant", "cell")))
    edge.connect(T0_MS)
    edge.connected(T0_MS)
    return edge, CellReport(edge)


def kinds(directive: Directive) -> list[str]:
    return [parse_topic(publish.topic).kind.value for publish in directive.publishes]


@pytest.mark.parametrize(
    ("tag", "value", "quality", "unit", "told"),
    [
        ("arm/joint_1/current", 1.5, 0, "A", ("arm", "joint_1/current", DataType.DOUBLE, 1.5, 192)),
        ("arm/joint_1/current", 1.5, 1, "A", ("arm", "joint_1/current", DataType.DOUBLE, 1.5, 192)),
        ("arm/stop", 1.0, 0, "bool", ("arm", "stop", DataType.BOOLEAN, True, 192)),
        ("arm/stop", math.nan, 2, "bool", ("arm", "stop", DataType.BOOLEAN, None, 0)),
        ("arm/x", math.nan, 0, "A", ("arm", "x", DataType.DOUBLE, None, 0)),
        ("arm/x", math.nan, 3, "A", ("arm", "x", DataType.DOUBLE, None, 500)),
        ("arm/x", 1.0, 77, "A", ("arm", "x", DataType.DOUBLE, 1.0, 0)),
        ("alone", 1.0, 0, "A", ("cell", "alone", DataType.DOUBLE, 1.0, 192)),
    ],
)
def test_a_reading_becomes_a_metric(tag: str, value: float, quality: int, unit: str, told: tuple[object, ...]) -> None:
    found = cell_report.reading(tag, value, quality, T0_MS, unit)
    assert (found.device, found.metric, found.datatype, found.value, found.quality) == told


def test_texts_are_bounded_and_results_that_are_none_are_null() -> None:
    assert len(str(cell_report.cell_state("hold;reason=" + "x" * 9999, 5)[1].value)) == cell_report.TEXT_CHARS_MAX
    assert cell_report.kpi("shift", "oee", math.nan, "1", 5).value is None
    assert cell_report.health("a: b", 300, 5).value == 127
    verdict = {each.metric: each.value for each in cell_report.inspection("reject", 0.9, "0007", ["open", "open"], 5)}
    assert (verdict["defects"], verdict["defect_kinds"]) == (2, "open")


def test_a_device_that_falls_silent_dies_and_comes_back() -> None:
    edge, report = make()
    good = [cell_report.reading(f"arm/{name}", 1.0, 0, T0_MS + 10, "A") for name in "ab"]
    assert kinds(report.take(good, T0_MS + 10)) == []
    assert kinds(edge.flush(T0_MS + 1000)) == ["NBIRTH", "DBIRTH"]
    stale = [cell_report.reading(f"arm/{name}", 1.0, 3, T0_MS + 20, "A") for name in "ab"]
    assert kinds(report.take(stale[:1], T0_MS + 1020)) == []
    directive = report.take(stale[1:], T0_MS + 1030)
    assert kinds(directive) == ["DDATA", "DDEATH"]
    assert [metric.quality() for metric in decode(directive.publishes[0].payload).metrics] == [500, 500]
    assert kinds(report.take(stale, T0_MS + 1040)) == []
    back = [cell_report.reading("arm/a", 2.0, 0, T0_MS + 50, "A")]
    assert kinds(report.take(back, T0_MS + 1050)) == ["DBIRTH"]


def test_names_that_sparkplug_does_not_allow_and_too_many_are_counted() -> None:
    _, report = make()
    odd = [Observation("a+b", "x", DataType.DOUBLE, 1.0, 5), Observation("arm", "", DataType.DOUBLE, 1.0, 5)]
    report.take(odd, T0_MS)
    assert report.refused == 2
    report.take([Observation("arm", str(n), DataType.DOUBLE, 1.0, 5) for n in range(METRICS_MAX + 3)], T0_MS)
    assert report.refused == 5


def test_a_value_of_another_type_than_declared_is_refused_not_fatal() -> None:
    edge, report = make()
    report.take([Observation("arm", "x", DataType.DOUBLE, 1.0, 5)], T0_MS)
    report.take([Observation("arm", "x", DataType.DOUBLE, "text", 6)], T0_MS)
    assert report.refused == 1
    assert kinds(edge.flush(T0_MS + 1000)) == ["NBIRTH", "DBIRTH"]
