"""Publishes cycle and move records and shift figures on `cell/kpi`, one message per figure."""

from __future__ import annotations

from typing import Any

from statistics_msgs.msg import MetricsMessage, StatisticDataPoint, StatisticDataType

from workcell_control.cell.kpi import CycleRecord, Metric, ShiftFigures
from workcell_control.execution.record import MoveRecord
from workcell_ros import convert, qos


class KpiPublisher:
    """`cycle` figures once per part, `move` figures once per move, `shift` figures since the first start."""

    def __init__(self, node: Any) -> None:
        self._publisher = node.create_publisher(MetricsMessage, "cell/kpi", qos.KPI)

    def cycle(self, record: CycleRecord) -> None:
        """Publish one finished part's record."""
        for metric in record.metrics():
            self._publish("cycle", metric, record.start_ns, record.end_ns)

    def move(self, record: MoveRecord) -> None:
        """Publish what one move came to."""
        for figure in record.figures():
            self._publish("move", Metric(*figure), record.start_ns, record.end_ns)

    def shift(self, figures: ShiftFigures, start_ns: int, now_ns: int) -> None:
        """Publish the cumulative figures of the shift that began at `start_ns`."""
        for metric in figures.metrics():
            self._publish("shift", metric, start_ns, now_ns)

    def _publish(self, window: str, metric: Metric, start_ns: int, stop_ns: int) -> None:
        point = StatisticDataPoint(data_type=StatisticDataType.STATISTICS_DATA_TYPE_AVERAGE, data=metric.value)
        self._publisher.publish(
            MetricsMessage(
                measurement_source_name=window,
                metrics_source=metric.name,
                unit=metric.unit,
                window_start=convert.ns_to_stamp(start_ns),
                window_stop=convert.ns_to_stamp(stop_ns),
                statistics=[point],
            )
        )
