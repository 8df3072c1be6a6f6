"""The historian: what the cell reads, makes, judges and decides, into Parquet files or PostgreSQL."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.clock import Clock, ClockType
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import Header
from vision_msgs.msg import Detection2DArray

from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param
from workcell_sensors.historian import message_rows, schema
from workcell_sensors.historian.database import load_database
from workcell_sensors.historian.historian import Historian, HistorianConfig
from workcell_sensors.historian.parquet_store import ParquetStore
from workcell_sensors.historian.spool import Spool
from workcell_sensors.historian.store import Store
from workcell_sensors.journal import Journal
from workcell_sensors.tags import load_tags

PARQUET = "parquet"
POSTGRES = "postgres"
AUTO = "auto"
REQUIRE = "require"
MESSAGES_PER_ACKNOWLEDGEMENT = 16
JOURNAL_MARGIN = 1.5
"""How much larger the journal is than what may wait, so that it is never the journal that drops."""


@dataclass(frozen=True)
class HistorianParameters:
    """Parameters of the historian."""

    store: str = param(PARQUET, "Where to write", choices=(PARQUET, POSTGRES), read_only=True)
    store_dir: str = param("out/history", "Folder of the Parquet files", read_only=True)
    database_file: str = param(
        "", "File (mode 600) with the PostgreSQL connection string; empty: the environment's", read_only=True
    )
    database_schema: str = param("workcell", "Database schema, one per cell", read_only=True)
    hypertables: str = param(
        AUTO,
        "TimescaleDB's tables: where the database has them, or not without",
        choices=(AUTO, REQUIRE),
        read_only=True,
    )
    tags_file: str = param("config/tags.yaml", "The tag table, for units and descriptions", read_only=True)
    journal_file: str = param("out/journal/history", "Journal of what is not yet written", read_only=True)
    waiting_bytes_max: int = param(
        64 << 20, "Bound of what may wait; then the oldest gives way", unit="B", low=8 << 20, read_only=True
    )
    flush_s: float = param(5.0, "How long rows may wait to be written", unit="s", low=0.1, high=3600.0, read_only=True)
    batch_rows_max: int = param(50_000, "Rows written at once", low=1, high=1_000_000, read_only=True)
    backoff_s_max: float = param(30.0, "Longest pause between attempts", unit="s", low=0.5, high=3600.0, read_only=True)
    answer_s_max: float = param(
        90.0, "Longest wait for the store to answer", unit="s", low=1.0, high=3600.0, read_only=True
    )
    shutdown_s: float = param(
        10.0, "Longest wait for the store to take what waits at the end", unit="s", low=0.0, high=600.0, read_only=True
    )
    retention_days: int = param(0, "Whole days kept besides today; 0 keeps all", unit="d", low=0, read_only=True)
    tick_s: float = param(0.2, "How often to look whether to write", unit="s", low=0.01, high=10.0, read_only=True)


class HistorianNode(WorkcellNode[HistorianParameters]):
    """Wires the cell's topics to the historian's core; the store is written in a thread of its own."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("historian", HistorianParameters, **kwargs)
        self._historian: Historian | None = None
        self._held: list[Any] = []
        self._problem = ""
        self._heard_frame_id = ""
        self._unacknowledged = 0
        self._acknowledged_pub = self.create_publisher(Header, "readings/acknowledged", qos.latched(1))
        self.add_status_source(self._statuses)

    def configure(self) -> None:
        """Opens store and journal; a database that is away now is waited for."""
        values = self.values
        table = load_tags(values.tags_file)
        self._store = self._make_store()
        journal = Journal(values.journal_file, round(values.waiting_bytes_max * JOURNAL_MARGIN))
        last = self._store.last_number() if values.store == PARQUET else 0
        self._spool = Spool(journal, values.waiting_bytes_max, last)
        self._writer = ThreadPoolExecutor(1, "historian-store")
        config = HistorianConfig(values.flush_s, values.batch_rows_max, values.backoff_s_max, values.answer_s_max)
        now_ns = self.now_ns()
        # Jitter must differ between processes; it decides nothing else.
        self._historian = Historian(self._spool, self._store, self._writer.submit, config, now_ns, random.Random())
        self._historian.add(schema.TAGS, message_rows.tag_rows(table, now_ns), now_ns)

    def activate(self) -> None:
        """Opens the inputs."""
        subscribe = self.create_subscription
        self._held = [
            subscribe(DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS),
            subscribe(DynamicInterfaceGroupValues, "readings/historical", self._on_readings, qos.READINGS),
            subscribe(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI),
            subscribe(Detection2DArray, "inspection/detections", self._on_detections, qos.reliable()),
            subscribe(DiagnosticArray, "governor/verdicts", self._on_verdicts, qos.VERDICTS),
        ]
        self._tick_timer = self.create_timer(self.values.tick_s, self._tick)
        # An id of nothing says that what was on its way to the historian before this one did not arrive.
        self._unacknowledged = 0
        self._acknowledged_pub.publish(Header(frame_id=self.get_name()))

    def deactivate(self) -> None:
        """Closes the inputs and writes what waits; what the store does not take stays in the journal."""
        self.destroy_timer(self._tick_timer)
        for subscription in self._held:
            self.destroy_subscription(subscription)
        self._held = []
        if self._historian is not None:
            # Steady: the node's clock may stand still by now.
            steady = Clock(clock_type=ClockType.STEADY_TIME)
            deadline_ns = steady.now().nanoseconds + round(self.values.shutdown_s * convert.NS_PER_S)
            self._historian.drain(self.now_ns(), lambda: (deadline_ns - steady.now().nanoseconds) / convert.NS_PER_S)
            status = self._historian.status
            if status.problem:
                left = f"{status.waiting_rows} rows stay in {self.values.journal_file} for the next start"
                self.get_logger().error(f"{left}: {status.problem}")

    def cleanup(self) -> None:
        """Closes store and journal."""
        self._historian = None
        self._writer.submit(self._store.close)
        self._writer.shutdown()
        self._spool.close()

    def _make_store(self) -> Store:
        values = self.values
        if values.store == PARQUET:
            return ParquetStore(values.store_dir, values.retention_days)
        # Late: who writes files needs no database library.
        from workcell_sensors.historian.postgres_store import PostgresStore

        database = load_database(values.database_file, os.environ)
        needs_timescale = values.hypertables == REQUIRE
        return PostgresStore(database, values.database_schema, values.retention_days, needs_timescale=needs_timescale)

    def _on_readings(self, message: Any) -> None:
        try:
            rows = message_rows.reading_rows(message)
        except (ValueError, IndexError):
            # Not of this cell's gateway.
            self.activity.drop()
            return
        self._add(schema.READINGS, rows)
        if message.header.frame_id:
            self._heard_frame_id = message.header.frame_id
            self._unacknowledged += 1
            if self._unacknowledged >= MESSAGES_PER_ACKNOWLEDGEMENT:
                self._acknowledge()

    def _acknowledge(self) -> None:
        """Tells the gateway which readings are in the journal here; it waits for that only where it is told to."""
        if self._unacknowledged:
            self._unacknowledged = 0
            self._acknowledged_pub.publish(Header(frame_id=f"{self.get_name()} {self._heard_frame_id}"))

    def _on_metric(self, message: Any) -> None:
        self._add(schema.CYCLES, [message_rows.metric_row(message)])

    def _on_detections(self, message: Any) -> None:
        verdicts, defects = message_rows.detection_rows(message)
        self._add(schema.VERDICTS, verdicts)
        self._add(schema.DETECTIONS, defects)

    def _on_verdicts(self, message: Any) -> None:
        self._add(schema.AUDIT, message_rows.audit_rows(message, self.now_ns()))

    def _add(self, table: schema.Table, rows: Sequence[schema.Row]) -> None:
        assert self._historian is not None
        now_ns = self.now_ns()
        self.activity.note(now_ns)
        self._historian.add(table, rows, now_ns)

    def _tick(self) -> None:
        assert self._historian is not None
        self._acknowledge()
        self._historian.tick(self.now_ns())
        problem = self._historian.status.problem
        if bool(problem) != bool(self._problem):
            if problem:
                self.get_logger().warning(f"store away, rows wait: {problem}")
            else:
                self.get_logger().info(f"store back; {self._historian.status.dropped_rows} rows dropped so far")
        self._problem = problem

    def _statuses(self) -> list[Any]:
        if self._historian is None:
            return []
        status = self._historian.status
        problem = status.problem or self._spool.journal_problem
        level = convert.WARN if problem else convert.OK
        shown = vars(status) | {"problem": status.problem or "none", "garbled_records": self._spool.garbled}
        return [self.status("store", level, problem or "ok", self.values.store, **shown)]


def main(args: list[str] | None = None) -> None:
    """Runs the historian."""
    run_node(HistorianNode, args)


if __name__ == "__main__":
    main()
