"""The console node's inputs: each message, converted, goes into the shift's record."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rcl_interfaces.msg import ParameterEvent
from sensor_msgs.msg import CompressedImage
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String
from vision_msgs.msg import Detection2DArray

from workcell_console.record import Parcel, ProposalRow, ShiftRecord
from workcell_ros import convert, qos


def subscribe(node: Any, record: ShiftRecord, on_jpeg: Callable[[int, bytes], None], camera: bool) -> list[Any]:
    """Feeds `record` from the cell's topics; returns the subscriptions to destroy in the end."""

    def on_readings(message: Any) -> None:
        for tag, interfaces in zip(message.interface_groups, message.interface_values, strict=True):
            value, quality = interfaces.values[:2]  # a third is its age
            record.note_reading(tag, value, int(quality))

    def on_diagnostics(message: Any) -> None:
        for status in message.status:
            record.note_status(status.name, convert.level_of(status), status.message, convert.status_values(status))

    def on_kpi(message: Any) -> None:
        stop_ns = convert.stamp_to_ns(message.window_stop)
        value = message.statistics[0].data
        if message.measurement_source_name == "shift":
            record.note_shift_start(convert.stamp_to_ns(message.window_start))
        record.note_metric(message.measurement_source_name, message.metrics_source, value, stop_ns)

    def on_state(message: Any) -> None:
        record.note_state(message.data)

    def on_robot_state(message: Any) -> None:
        record.robot_state = message.data

    def on_audit(message: Any) -> None:
        part = message.detections[0]
        is_good = not convert.is_defective(message)
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        record.note_parcel(Parcel(part.id, message.header.frame_id, is_good, stamp_ns))

    def on_detections(message: Any) -> None:
        record.defects = [_defect_row(item) for item in message.detections]

    def on_proposal(message: Any) -> None:
        stamp_ns = convert.stamp_to_ns(message.stamp)
        parameters = convert.parameters_to_dict(message.changed_parameters)
        record.note_proposal(ProposalRow(stamp_ns, message.node.rpartition("/")[2], parameters))

    def on_explanation(message: Any) -> None:
        status = message.status[0]
        values = convert.status_values(status)
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        rule = status.name.partition(": ")[2]
        record.note_explanation(stamp_ns, rule, status.message, values)

    def on_verdict(message: Any) -> None:
        values = convert.status_values(message.status[0])
        row = {**values, "parameters": json.loads(values["parameters"])}
        record.note_verdict(convert.stamp_to_ns(message.header.stamp), row)

    def on_forecast(message: Any) -> None:
        values = convert.status_values(message.status[0])
        numbers = {key: float(value) for key, value in values.items() if key != "basis"}
        record.note_forecast(convert.stamp_to_ns(message.header.stamp), numbers)

    def on_image(message: Any) -> None:
        on_jpeg(convert.stamp_to_ns(message.header.stamp), bytes(message.data))

    inputs: list[tuple[Any, str, Callable[[Any], None], Any]] = [
        (DynamicInterfaceGroupValues, "readings", on_readings, qos.READINGS),
        (DiagnosticArray, "diagnostics", on_diagnostics, qos.DIAGNOSTICS),
        (MetricsMessage, "cell/kpi", on_kpi, qos.KPI),
        (String, "cell/state", on_state, qos.STATE),
        (String, "world/robot_state", on_robot_state, qos.STATE),
        (Detection2DArray, "world/audit", on_audit, qos.AUDIT),
        (Detection2DArray, "inspection/detections", on_detections, qos.reliable(10)),
        (ParameterEvent, "policy/proposals", on_proposal, qos.reliable()),
        (DiagnosticArray, "policy/explanations", on_explanation, qos.reliable()),
        (DiagnosticArray, "governor/verdicts", on_verdict, qos.VERDICTS),
        (DiagnosticArray, "twin/forecasts", on_forecast, qos.reliable()),
    ]
    if camera:
        inputs.append((CompressedImage, "inspection/annotated/compressed", on_image, qos.SENSOR_DATA))
    return [
        node.create_subscription(kind, name, timed(node, record, take), depth) for kind, name, take, depth in inputs
    ]


def timed(node: Any, record: ShiftRecord, take: Callable[..., None]) -> Callable[..., None]:
    """Returns a callback that moves the record's clock to the present first."""

    def take_now(*arguments: Any) -> None:
        record.note_time(node.now_ns())
        take(*arguments)

    return take_now


def _defect_row(detection: Any) -> dict[str, Any]:
    best = detection.results[0].hypothesis if detection.results else None
    return {
        "class": best.class_id if best is not None else "",
        "score": best.score if best is not None else 0.0,
        "x": detection.bbox.center.position.x,
        "y": detection.bbox.center.position.y,
        "width": detection.bbox.size_x,
        "height": detection.bbox.size_y,
        "part": detection.id,
    }
