"""From notifications to batches: every value under its tag, once, in order, with the quality it deserves."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from workcell_sensors.reading import NS_PER_S, Quality
from workcell_sensors.sources.opcua_items import ItemTable, Taken
from workcell_sensors.sources.opcua_wire import Samples, Value
from workcell_sensors.tags import TagRow

NOW_NS = 1_000 * NS_PER_S
BAD_SENSOR, UNCERTAIN = 0x808C0000, 0x40930000


def row(name: str, address: str = "", **more: object) -> TagRow:
    return TagRow(name, "plc", address or f"ns=2;s={name}", "V", "V", **more)  # type: ignore[arg-type]


def samples(
    handles: Sequence[int],
    values: Sequence[float],
    stamps: Sequence[int] | None = None,
    status: Sequence[int] | None = None,
    others: dict[int, Value] | None = None,
) -> Samples:
    size = len(handles)
    return Samples(
        np.array(handles, dtype=np.uint32),
        np.array(values, dtype=np.float64),
        np.array(status or [0] * size, dtype=np.uint32),
        np.array(stamps or [NOW_NS] * size, dtype=np.int64),
        np.zeros(size, dtype=np.int64),
        others or {},
    )


def told(taken: Taken) -> list[tuple[str, float, int]]:
    return [
        (address, value, quality)
        for batch in taken.batches
        for address, value, quality in zip(batch.addresses, batch.values.tolist(), batch.quality.tolist(), strict=True)
    ]


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.floats(-1e6, 1e6), st.integers(NOW_NS, NOW_NS + 6)), min_size=1, max_size=40
    )
)
def test_every_value_arrives_once_in_order_per_tag_and_a_tag_once_per_batch(
    said: list[tuple[int, float, int]],
) -> None:
    # A device's clock does not go back between two values of one node.
    said = sorted(said, key=lambda each: each[2])
    table = ItemTable([row(f"t{n}") for n in range(5)])
    taken = table.take(samples(*map(list, zip(*said, strict=True))), NOW_NS)  # type: ignore[arg-type]
    assert all(len(set(batch.addresses)) == len(batch.addresses) for batch in taken.batches)
    for node in range(5):
        came = [
            (float(batch.values[at]), int(batch.stamps_ns[at]))
            for batch in taken.batches
            for at, address in enumerate(batch.addresses)
            if address == f"ns=2;s=t{node}"
        ]
        assert came == [(value, stamp) for handle, value, stamp in said if handle == node]


def test_a_scan_of_several_nodes_stays_together() -> None:
    table = ItemTable([row("a"), row("b"), row("c")])
    handles = [0, 0, 1, 1, 2, 2]
    stamps = [NOW_NS, NOW_NS + 5] * 3
    taken = table.take(samples(handles, [1.0, 2.0] * 3, stamps), NOW_NS)
    assert [batch.values.tolist() for batch in taken.batches] == [[1.0] * 3, [2.0] * 3]
    assert [set(batch.stamps_ns.tolist()) for batch in taken.batches] == [{NOW_NS}, {NOW_NS + 5}]


def test_status_decides_quality_and_a_bad_value_is_none() -> None:
    table = ItemTable([row("a"), row("b"), row("c"), row("d")])
    taken = table.take(samples([0, 1, 2, 3], [1.0, 2.0, 3.0, math.inf], status=[0, UNCERTAIN, BAD_SENSOR, 0]), NOW_NS)
    (batch,) = taken.batches
    assert batch.quality.tolist() == [Quality.GOOD, Quality.UNCERTAIN, Quality.BAD, Quality.BAD]
    assert batch.values[:2].tolist() == [1.0, 2.0]
    assert np.isnan(batch.values[2:]).all()
    assert taken.rejected == 1  # the infinity; the server said itself that the sensor failed


def test_an_array_serves_one_tag_per_element_and_a_scalar_none_of_them() -> None:
    table = ItemTable([row("a", "ns=2;s=x;index=0"), row("b", "ns=2;s=x;index=2"), row("c", "ns=2;s=x;index=9")])
    assert len(table.nodes) == 1
    whole = samples([0], [math.nan], others={0: np.array([5.0, 6.0, 7.0])})
    assert [value for _, value, _ in told(table.take(whole, NOW_NS))][:2] == [5.0, 7.0]
    taken = table.take(samples([0], [5.0]), NOW_NS)
    assert [quality for _, _, quality in told(taken)] == [Quality.BAD] * 3
    assert taken.rejected == 3


def test_an_array_where_a_number_was_is_bad_and_counted() -> None:
    table = ItemTable([row("a"), row("b")])
    taken = table.take(samples([0, 1], [math.nan, 2.0], others={0: np.array([1.0])}), NOW_NS)
    assert [(quality, math.isnan(value)) for _, value, quality in told(taken)] == [(2, True), (0, False)]
    assert taken.rejected == 1


def test_texts_are_states_numbers_or_bad() -> None:
    table = ItemTable([row("a", states={"RUN": 1.0}), row("b"), row("c")])
    taken = table.take(samples([0, 1, 2], [math.nan] * 3, others={0: "RUN", 1: "2.5", 2: "open"}), NOW_NS)
    assert [value for _, value, _ in told(taken)][:2] == [1.0, 2.5]
    assert taken.rejected == 1


def test_a_handle_that_is_nobodys_is_counted_and_spoils_nothing() -> None:
    table = ItemTable([row("a")])
    taken = table.take(samples([7, 0], [1.0, 2.0]), NOW_NS)
    assert told(taken) == [("ns=2;s=a", 2.0, 0)]
    assert taken.rejected == 1


def test_the_overflow_bit_is_counted() -> None:
    table = ItemTable([row("a"), row("b")])
    assert table.take(samples([0, 1], [1.0, 2.0], status=[0x480, 0x0]), NOW_NS).overflowed == 1


def test_an_unchanged_value_is_confirmed_often_enough_and_only_then() -> None:
    table = ItemTable([row("a", stale_after_s=3.0), row("b", stale_after_s=30.0)])
    table.take(samples([0, 1], [1.0, 2.0]), NOW_NS)
    assert table.confirmed(NOW_NS + NS_PER_S // 2, NOW_NS + NS_PER_S // 4) is None
    later = NOW_NS + 2 * NS_PER_S
    batch = table.confirmed(later, later - NS_PER_S // 4)
    assert batch is not None
    assert (batch.addresses, batch.values.tolist()) == (("ns=2;s=a",), [1.0])
    assert table.confirmed(later, later) is None


def test_what_never_came_and_what_is_newer_than_known_is_not_confirmed() -> None:
    table = ItemTable([row("a"), row("b")])
    table.take(samples([0], [1.0], [NOW_NS + 5]), NOW_NS)
    assert table.confirmed(NOW_NS + 9 * NS_PER_S, NOW_NS) is None


def test_of_values_asked_for_only_news_is_handed_on() -> None:
    table = ItemTable([row("a"), row("b")])
    first = table.take(samples([0, 1], [1.0, 2.0]), NOW_NS, only_news=True)
    assert len(told(first)) == 2
    assert told(table.take(samples([0, 1], [1.0, 2.0]), NOW_NS + 9, only_news=True)) == []
    changed = table.take(samples([0, 1], [1.0, 3.0]), NOW_NS + 9, only_news=True)
    assert told(changed) == [("ns=2;s=b", 3.0, 0)]
    assert changed.batches[0].stamps_ns.tolist() == [NOW_NS + 9], "a device that forgets to set the time"


def test_drift_is_seen_by_distance_and_by_quality() -> None:
    table = ItemTable([row("a"), row("b"), row("c")])
    table.take(samples([0, 1, 2], [1.0, 1.0, 1.0]), NOW_NS)
    read = samples([0, 1, 2], [1.4, 1.6, math.nan], status=[0, 0, BAD_SENSOR])
    assert table.drifted(read, np.full(3, 0.5)).tolist() == [1, 2]
