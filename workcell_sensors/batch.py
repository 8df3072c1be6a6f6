"""Frames joined and scans parted, so that a message holds as much as it can and its times lie close together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from workcell_sensors.reading import Frame, QualityArray, Scan, StampArray

SPREAD_NS_MAX = 100_000_000
"""Between the oldest and the newest value of one message: an error in time that those who overlook ages can bear."""
VALUES_MAX = 5000
"""In one joined frame; a larger one that a source delivers whole stays whole."""


def merge(frames: Iterable[Frame]) -> Iterator[tuple[int, Frame]]:
    """Yields (count, frame): so many neighbours joined into one frame, as MQTT and OPC UA send value by value.

    Neighbours are joined where they are of one source and kind, lie close in time and no address comes twice: every
    value comes out again, in order.
    """
    group: list[Frame] = []
    seen: set[str] = set()
    for frame in frames:
        if group and not (_alike(group[0], frame) and len(seen) < VALUES_MAX and seen.isdisjoint(frame.addresses)):
            yield len(group), _join(group)
            group, seen = [], set()
        group.append(frame)
        seen.update(frame.addresses)
    if group:
        yield len(group), _join(group)


def by_time(scan: Scan) -> Iterator[Scan]:
    """Yields a scan whole, or in parts, oldest first, none of which spans more than `SPREAD_NS_MAX`."""
    stamps_ns = scan.stamps_ns
    if stamps_ns is None or scan.stamp_ns - int(stamps_ns.min()) <= SPREAD_NS_MAX:
        yield scan
        return
    order = np.argsort(stamps_ns, kind="stable")
    while len(order):
        oldest_ns = stamps_ns[order[0]]
        size = int(np.searchsorted(stamps_ns[order], oldest_ns + SPREAD_NS_MAX, side="right"))
        yield scan.pick(order[:size])
        order = order[size:]


def _alike(first: Frame, frame: Frame) -> bool:
    return (
        first.source == frame.source
        and first.historical == frame.historical
        and first.made_here == frame.made_here
        and abs(frame.stamp_ns - first.stamp_ns) <= SPREAD_NS_MAX // 2
    )


def _join(group: list[Frame]) -> Frame:
    if len(group) == 1:
        return group[0]
    first = group[0]
    newest_ns = max(frame.stamp_ns for frame in group)
    same = all(frame.stamps_ns is None and frame.stamp_ns == newest_ns for frame in group)
    return Frame(
        first.source,
        tuple([address for frame in group for address in frame.addresses]),
        np.concatenate([frame.values for frame in group]),
        None if all(frame.quality is None for frame in group) else np.concatenate([_grades(f) for f in group]),
        newest_ns,
        group[-1].received_ns,
        None if same else np.concatenate([_stamps(frame) for frame in group]),
        first.historical,
        first.made_here,
    )


def _grades(frame: Frame) -> QualityArray:
    return np.zeros(len(frame.values), dtype=np.uint8) if frame.quality is None else frame.quality


def _stamps(frame: Frame) -> StampArray:
    if frame.stamps_ns is not None:
        return frame.stamps_ns
    return np.full(len(frame.values), frame.stamp_ns, dtype=np.int64)
