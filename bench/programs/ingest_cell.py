"""The gateway and a subscriber on whichever rclpy runs it; prints one line of JSON: what came, when, at which cost.

The field's values are counters, so that every loss, repetition and change of order shows in the values themselves.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import signal
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import Header

from bench.ingest_tally import GOOD_MAX, EventLog, Tally
from workcell_ros import convert, qos
from workcell_sensors import gateway_node
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.reading import Frame
from workcell_sensors.tags import TagTable, load_tags

NAME = "subscriber"
KEEP_PERIOD_S = 0.05
WARM_UP_LIMIT_S = 60.0


class Subscriber(Node):
    """Counts what comes on both topics of readings, and acknowledges it where it has a file to keep it in."""

    def __init__(self, tally: Tally, acknowledge: bool) -> None:
        super().__init__(NAME)
        self._tally = tally
        self._keeps = acknowledge
        self._ack_pub = self.create_publisher(Header, "readings/acknowledged", qos.latched(1))
        for topic in ("readings", "readings/historical"):
            self.create_subscription(
                DynamicInterfaceGroupValues, topic, lambda m, past=topic != "readings": self._on(m, past), qos.READINGS
            )
        if acknowledge:
            self._said = ""
            self.create_timer(KEEP_PERIOD_S, self._keep_and_say)
            self._keep_and_say()

    def _on(self, message: Any, past: bool) -> None:
        frame_id = message.header.frame_id
        if self._keeps and not frame_id:
            # For control; those who keep everything get it with a number.
            return
        groups = message.interface_values
        cells = np.array([group.values for group in groups], dtype=np.float64)
        stamp_ns = convert.stamp_to_ns(message.header.stamp)
        ages_s = cells[:, 2] if cells.shape[1] > 2 else None
        self._tally.take(message.interface_groups, cells[:, 0], cells[:, 1], stamp_ns, ages_s, past, frame_id)

    def finish(self) -> None:
        """Writes down what came last."""
        self._tally.keep()

    def _keep_and_say(self) -> None:
        """Writes down what came, and only then acknowledges it."""
        frame_id = self._tally.frame_id
        if frame_id == self._said:
            return
        self._tally.keep()
        self._said = frame_id
        header = Header(frame_id=f"{NAME} {frame_id}")
        header.stamp = self.get_clock().now().to_msg()
        self._ack_pub.publish(header)


class WitnessedQueue(FrameQueue):
    """Logs what reached the gateway, after it is in the journal: what stands here must be delivered."""

    log: EventLog
    table: TagTable

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._last = np.full(len(self.table), np.nan)

    def put(self, frame: Frame) -> None:
        """Adds a frame and logs its new good values."""
        super().put(frame)
        places = self.table.by_address
        rows = np.array([places[frame.source, address] for address in frame.addresses], dtype=np.intp)
        # An unchanged value that is confirmed is not news to be delivered.
        news = frame.values != self._last[rows]
        news &= ~np.isnan(frame.values)
        if frame.quality is not None:
            news &= frame.quality <= GOOD_MAX
        self._last[rows[news]] = frame.values[news]
        stamps_ns = np.full(len(rows), frame.stamp_ns) if frame.stamps_ns is None else frame.stamps_ns
        self.log.add(rows[news], stamps_ns[news], frame.values[news])
        self.log.write()


def cpu_s() -> float:
    """Processor time of this process so far in [s]."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def rss_bytes() -> int:
    """Resident memory of this process now in [B]."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Runs for a while and prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tags-file", required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--journal", default="")
    parser.add_argument("--journal-bytes", type=int, default=64 << 20)
    parser.add_argument("--keep", default="", help="file that keeps what came over a kill")
    parser.add_argument("--witness", default="", help="file that logs what reached the gateway")
    options = parser.parse_args()
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda _number, _frame: stopping.set())
    table = load_tags(options.tags_file)
    if options.witness:
        WitnessedQueue.table, WitnessedQueue.log = table, EventLog(options.witness)
        vars(gateway_node)["FrameQueue"] = WitnessedQueue
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    text = Parameter.Type.STRING
    overrides = [
        Parameter("tags_file", text, options.tags_file),
        Parameter("transport", text, "network"),
        Parameter("journal_file", text, options.journal),
        Parameter("journal_bytes_max", Parameter.Type.INTEGER, options.journal_bytes),
    ]
    if options.keep:
        overrides.append(Parameter("consumers", Parameter.Type.STRING_ARRAY, [NAME]))
    tally = Tally(table.tags, options.keep)
    executor = SingleThreadedExecutor()
    subscriber = Subscriber(tally, bool(options.keep))
    gateway = gateway_node.GatewayNode(parameter_overrides=overrides)
    executor.add_node(subscriber)
    executor.add_node(gateway)
    gateway.trigger_configure()
    gateway.trigger_activate()
    limit = time.monotonic() + WARM_UP_LIMIT_S
    while not options.keep and not tally.is_complete and time.monotonic() < limit:
        executor.spin_once(timeout_sec=0.1)
    tally.start()
    start, cpu_start_s, rss_start = time.monotonic(), cpu_s(), rss_bytes()
    samples: list[int] = []
    while (elapsed_s := time.monotonic() - start) < options.seconds and not stopping.is_set():
        executor.spin_once(timeout_sec=0.1)
        if len(samples) <= elapsed_s:
            samples.append(rss_bytes())
    used_s = cpu_s() - cpu_start_s
    subscriber.finish()
    statuses = {source.name: vars_of(source.status()) for source in gateway._sources.values()}
    lost = gateway._queue.losses.values
    gateway.take_down()
    figures = {
        "seconds": elapsed_s,
        "cpu_share": used_s / elapsed_s,
        "rss_start_bytes": rss_start,
        "rss_bytes": samples,
        "dropped_values": lost,
        "pipeline": dataclasses.asdict(gateway._pipeline.counts),
        "sources": statuses,
        **tally.figures(),
    }
    print(json.dumps(figures), flush=True)
    executor.shutdown()
    rclpy.try_shutdown()


def vars_of(status: Any) -> dict[str, Any]:
    """Returns a status as plain values."""
    return {
        "link": status.link.value,
        "values": status.values,
        "rejected": status.rejected,
        "lost": status.lost,
        "reconnects": status.reconnects,
        "clock_offset_s": status.clock_offset_s,
        "granted": dict(status.granted),
        "counts": dict(status.counts),
    }


if __name__ == "__main__":
    main()
