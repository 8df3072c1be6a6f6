"""What the gateway tells of its sources, its journal and its pipeline; values for `diagnostics`."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime

from workcell_sensors.delivery import Delivery
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.losses import Loss
from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.source import SourceStatus


def source_values(status: SourceStatus, loss: Loss | None, rate_hz: float) -> dict[str, object]:
    """Returns the key-value pairs of one source; `loss` is what the queue's bound has cost of it."""
    values: dict[str, object] = {
        "reason": status.reason,
        "reconnects": status.reconnects,
        "drops": 0 if loss is None else loss.frames,
        "rate": rate_hz,
        "values": status.values,
        "rejected": status.rejected,
        "lost": status.lost,
    }
    if not math.isnan(status.clock_offset_s):
        values["clock_offset_s"] = round(status.clock_offset_s, 6)
    if loss is not None:
        values["dropped_values"] = loss.values
        values["dropped_from"], values["dropped_to"] = utc(loss.first_ns), utc(loss.last_ns)
    values |= {f"granted_{name}": limit for name, limit in status.granted.items()}
    return values | dict(status.counts)


def delivery_values(queue: FrameQueue, delivery: Delivery, pipeline: Pipeline) -> dict[str, object]:
    """Returns the key-value pairs of the way from the queue to ROS."""
    return {
        "waits_for": ", ".join(delivery.waits_for),
        "journal_fault": queue.fault,
        "frames": delivery.frames,
        "dropped_frames": queue.losses.frames,
        "dropped_values": queue.losses.values,
        "unconfirmed": queue.unconfirmed,
        "rejected_frames": queue.rejected,
        "poisoned_frames": delivery.poisoned,
        **asdict(pipeline.counts),
    }


def delivery_trouble(queue: FrameQueue, delivery: Delivery) -> str:
    """Returns what is wrong with the way to ROS now, in words; empty where all is well."""
    if queue.fault:
        return f"the journal takes nothing: {queue.fault}"
    if delivery.waits_for:
        return f"waits for {', '.join(delivery.waits_for)}"
    return ""


def utc(stamp_ns: int) -> str:
    """Returns a time as ISO 8601 text.

    >>> utc(1_500_000_000)
    '1970-01-01T00:00:01.500000+00:00'
    """
    return datetime.fromtimestamp(stamp_ns / NS_PER_S, UTC).isoformat(timespec="microseconds")
