"""Messages of the cell's standard topics as rows. Pure: it reads attributes and imports no message."""

from __future__ import annotations

import math
from typing import Any

from workcell_sensors.historian.schema import Row
from workcell_sensors.reading import NS_PER_S
from workcell_sensors.tags import TagTable

READING = ["value", "quality"]
AGE = ["age_s"]
VERDICT_STATUS = "governor: verdict"


def reading_rows(message: Any) -> list[Row]:
    """Returns a control_msgs/DynamicInterfaceGroupValues of `readings` as rows of the table `readings`.

    Raises:
        ValueError: a group does not begin with `value` and `quality`, or has a quality that is none.
    """
    stamp_ns = _ns(message.header.stamp)
    rows: list[Row] = []
    for tag, group in zip(message.interface_groups, message.interface_values, strict=True):
        names, values = group.interface_names, group.values
        if list(names[:2]) != READING or len(values) != len(names):
            raise ValueError(f"{tag}: interfaces {list(names)}; valid: {READING}, and age_s behind them")
        # A value that is older than the message says so.
        age_ns = round(values[2] * NS_PER_S) if names[2:3] == AGE else 0
        rows.append((stamp_ns - age_ns, tag, float(values[0]), _quality(tag, values[1])))
    return rows


def metric_row(message: Any) -> Row:
    """Returns a statistics_msgs/MetricsMessage of `cell/kpi` as a row of `cycles`."""
    value = float(message.statistics[0].data) if message.statistics else math.nan
    return (
        _ns(message.window_stop),
        _ns(message.window_start),
        message.measurement_source_name,
        message.metrics_source,
        value,
        message.unit,
    )


def detection_rows(message: Any) -> tuple[list[Row], list[Row]]:
    """Returns a vision_msgs/Detection2DArray of `inspection/detections` as rows of `verdicts` and of `detections`.

    The first detection is the part itself, its best hypothesis the verdict; the others are its defects.
    """
    stamp_ns = _ns(message.header.stamp)
    verdicts: list[Row] = []
    defects: list[Row] = []
    for number, detection in enumerate(message.detections):
        kind, score = _best(detection)
        if number == 0:
            verdicts.append((stamp_ns, detection.id, kind, score))
            continue
        box, centre = detection.bbox, detection.bbox.center.position
        place = (float(centre.x), float(centre.y), float(box.size_x), float(box.size_y))
        defects.append((stamp_ns, number, detection.id, kind, score, *place))
    return verdicts, defects


def audit_rows(message: Any, heard_ns: int) -> list[Row]:
    """Returns a diagnostic_msgs/DiagnosticArray of `governor/verdicts` as rows of `audit`."""
    stamp_ns = _ns(message.header.stamp)
    rows: list[Row] = []
    for status in message.status:
        if status.name == VERDICT_STATUS:
            said = {pair.key: pair.value for pair in status.values}
            texts = (said.get(key, "") for key in ("outcome", "node", "parameters", "actor", "reason"))
            rows.append((stamp_ns, heard_ns, *texts))
    return rows


def tag_rows(table: TagTable, now_ns: int) -> list[Row]:
    """Returns what the tags mean as rows of `tags`."""
    return [(now_ns, row.tag, row.si, row.description) for row in table.rows]


def _best(detection: Any) -> tuple[str, float]:
    if not detection.results:
        return "", math.nan
    best = max((result.hypothesis for result in detection.results), key=lambda hypothesis: hypothesis.score)
    return best.class_id, float(best.score)


def _quality(tag: str, number: float) -> int:
    if number not in (0.0, 1.0, 2.0, 3.0):
        raise ValueError(f"{tag}: quality {number}; valid: 0, 1, 2, 3")
    return int(number)


def _ns(stamp: Any) -> int:
    return int(stamp.sec) * NS_PER_S + int(stamp.nanosec)
