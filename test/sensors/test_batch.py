"""Joining frames and parting scans: no value is lost, none is twice, and order holds per address."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.batch import SPREAD_NS_MAX, by_time, merge
from workcell_sensors.reading import Frame, Scan

MS = 1_000_000


def frame(addresses: str, stamp_ms: int, first: float = 0.0, source: str = "plc", graded: bool = False) -> Frame:
    values = first + np.arange(len(addresses), dtype=np.float64)
    quality = np.ones(len(addresses), dtype=np.uint8) if graded else None
    return Frame(source, tuple(addresses), values, quality, stamp_ms * MS, stamp_ms * MS)


def scan(stamps_ms: list[int]) -> Scan:
    size = len(stamps_ms)
    stamps_ns = np.array(stamps_ms, dtype=np.int64) * MS
    tags = tuple(f"t{n}" for n in range(size))
    zeros = np.zeros(size)
    return Scan("plc", np.arange(size), tags, zeros, zeros.astype(np.uint8), int(stamps_ns.max()), 0, stamps_ns)


def test_neighbours_of_one_time_need_no_times_of_their_own() -> None:
    ((count, joined),) = merge([frame("a", 1), frame("b", 1, graded=True)])
    assert (count, joined.addresses, joined.stamps_ns) == (2, ("a", "b"), None)
    assert joined.quality is not None
    assert joined.quality.tolist() == [0, 1]


def test_neighbours_close_in_time_keep_their_times() -> None:
    ((count, joined),) = merge([frame("a", 1), frame("b", 3)])
    assert count == 2
    assert joined.stamps_ns is not None
    assert joined.stamps_ns.tolist() == [1 * MS, 3 * MS]
    assert joined.stamp_ns == 3 * MS


def test_what_differs_or_comes_again_is_not_joined() -> None:
    frames = [frame("a", 1), frame("a", 2), frame("b", 500), frame("c", 501, source="other")]
    assert [joined.addresses for _, joined in merge(frames)] == [("a",), ("a",), ("b",), ("c",)]
    assert list(merge([])) == []


@given(
    st.lists(
        st.tuples(st.text("abcd", min_size=1, max_size=4).map(lambda t: "".join(dict.fromkeys(t))), st.integers(0, 80)),
        max_size=20,
    )
)
def test_every_value_comes_out_once_and_in_order(given_frames: list[tuple[str, int]]) -> None:
    frames = [frame(addresses, at, 10.0 * number) for number, (addresses, at) in enumerate(given_frames)]
    joined = list(merge(frames))
    assert sum(count for count, _ in joined) == len(frames)
    for address in "abcd":
        sent = [f.values[f.addresses.index(address)] for f in frames if address in f.addresses]
        came = [f.values[f.addresses.index(address)] for _, f in joined if address in f.addresses]
        assert came == sent
    assert all(len(set(f.addresses)) == len(f.addresses) == len(f.values) for _, f in joined)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30))
def test_no_message_spans_more_time_than_those_who_overlook_ages_can_bear(stamps_ms: list[int]) -> None:
    parts = list(by_time(scan(stamps_ms)))
    assert sorted(tag for part in parts for tag in part.tags) == sorted(f"t{n}" for n in range(len(stamps_ms)))
    newest_before = -1
    for part in parts:
        assert part.stamps_ns is not None
        assert part.stamp_ns == part.stamps_ns.max()
        assert part.stamp_ns - part.stamps_ns.min() <= SPREAD_NS_MAX
        assert part.stamps_ns.min() > newest_before
        newest_before = part.stamp_ns
