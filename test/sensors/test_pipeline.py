"""The way of a value from the wire to a reading: order, conversion, quality, deadband, staleness."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from workcell_sensors.pipeline import Pipeline
from workcell_sensors.reading import NS_PER_S, Frame, Quality, Scan
from workcell_sensors.tags import SourceRow, TagRow, TagTable

S = NS_PER_S
TABLE = TagTable(
    [
        TagRow("vacuum", "plc", "a", "kPa", "Pa", scale=0.01, low=0.0, high=100e3, normal_high=90e3, stale_after_s=1.0),
        TagRow("count", "plc", "b", "1", "1", deadband=5.0, stale_after_s=4.0),
    ],
    [SourceRow("plc", "modbus")],
)


def frame(
    stamp_s: float, *values: float, addresses: str = "a", quality: list[int] | None = None, late_s: float = 0.0
) -> Frame:
    grades = None if quality is None else np.array(quality, dtype=np.uint8)
    stamp_ns = round(stamp_s * S)
    return Frame("plc", tuple(addresses), np.array(values), grades, stamp_ns, stamp_ns + round(late_s * S))


def qualities(scan: Scan | None) -> list[int]:
    return [] if scan is None else scan.quality.tolist()


def test_a_value_comes_out_in_si_with_its_time() -> None:
    scan = Pipeline(TABLE, 0).take(frame(1.0, 5500.0, late_s=0.1))
    assert scan is not None
    (reading,) = scan.readings(TABLE.units)
    assert (reading.tag, reading.unit, reading.quality) == ("vacuum", "Pa", Quality.GOOD)
    assert reading.value == pytest.approx(55e3)
    assert (reading.stamp_ns, reading.received_ns) == (S, S + S // 10)


def test_what_changes_within_a_tick_of_the_devices_clock_holds_in_turn() -> None:
    pipeline = Pipeline(TABLE, 0)
    scans = [pipeline.take(frame(2.0, raw, 7.0, addresses="ab")) for raw in (1000.0, 2000.0, 2000.0, 1000.0)]
    said = [(scan.tags, scan.values.tolist()) for scan in scans if scan is not None]
    assert said == [(("vacuum", "count"), [10e3, 7.0]), (("vacuum",), [20e3]), (("vacuum",), [10e3])]
    stamps_ns = [reading.stamp_ns for scan in scans if scan is not None for reading in scan.readings(TABLE.units)[:1]]
    assert stamps_ns == [2 * S, 2 * S + 1, 2 * S + 2]
    assert pipeline.counts.duplicate == 1 + 1 + 2
    assert pipeline.take(frame(1.999, 3000.0)) is None
    assert pipeline.counts.late == 1


@pytest.mark.parametrize(
    ("raw", "protocol", "expected"),
    [
        (5500.0, None, Quality.GOOD),
        (9500.0, None, Quality.UNCERTAIN),
        (10001.0, None, Quality.BAD),
        (-1.0, None, Quality.BAD),
        (math.nan, None, Quality.BAD),
        (math.inf, None, Quality.BAD),
        (5500.0, [Quality.UNCERTAIN], Quality.UNCERTAIN),
        (5500.0, [Quality.BAD], Quality.BAD),
        (9500.0, [Quality.GOOD], Quality.UNCERTAIN),
    ],
)
def test_the_worst_rule_decides_the_quality(raw: float, protocol: list[int] | None, expected: Quality) -> None:
    assert qualities(Pipeline(TABLE, 0).take(frame(1.0, raw, quality=protocol))) == [expected]


def test_only_newer_values_pass_and_the_rest_is_counted() -> None:
    pipeline = Pipeline(TABLE, 0)
    assert pipeline.take(frame(2.0, 1000.0)) is not None
    assert pipeline.take(frame(2.0, 1000.0)) is None
    assert pipeline.take(frame(1.5, 3000.0)) is None
    assert pipeline.take(frame(2.5, 4000.0)) is not None
    assert (pipeline.counts.duplicate, pipeline.counts.late, pipeline.counts.values) == (1, 1, 4)


def test_order_is_kept_per_tag_within_one_frame() -> None:
    pipeline = Pipeline(TABLE, 0)
    pipeline.take(frame(2.0, 1000.0))
    scan = pipeline.take(frame(1.5, 3000.0, 7.0, addresses="ab"))
    assert scan is not None
    assert (scan.tags, scan.values.tolist()) == (("count",), [7.0])


def test_a_value_that_comes_too_old_is_stale_and_does_not_revive_the_tag() -> None:
    pipeline = Pipeline(TABLE, 0)
    assert qualities(pipeline.take(frame(1.0, 5500.0, late_s=1.5))) == [Quality.STALE]
    assert "vacuum" in pipeline.silent_tags(round(2.5 * S))


def test_a_wild_clock_makes_uncertain_and_cannot_silence_the_tag() -> None:
    pipeline = Pipeline(TABLE, 0)
    wild = Frame("plc", ("a",), np.array([5000.0]), None, 9000 * S, 10 * S)
    scan = pipeline.take(wild)
    assert scan is not None
    assert (qualities(scan), scan.stamp_ns) == ([Quality.UNCERTAIN], 10 * S)
    assert qualities(pipeline.take(frame(10.1, 5000.0))) == [Quality.GOOD]


def test_small_changes_wait_for_half_the_stale_time() -> None:
    pipeline = Pipeline(TABLE, 0)
    said = [pipeline.take(frame(t / 10, 100.0 + t / 10, addresses="b")) is not None for t in range(1, 50)]
    assert [t for t, spoke in zip(range(1, 50), said, strict=True) if spoke] == [1, 21, 41]
    assert pipeline.take(frame(4.95, 200.0, addresses="b")) is not None
    assert pipeline.counts.quiet == 46


def test_a_change_of_quality_is_said_at_once() -> None:
    pipeline = Pipeline(TABLE, 0)
    pipeline.take(frame(1.0, 100.0, addresses="b"))
    assert qualities(pipeline.take(frame(1.1, 100.0, addresses="b", quality=[2]))) == [Quality.BAD]
    assert pipeline.take(frame(1.2, math.nan, addresses="b")) is None
    assert qualities(pipeline.take(frame(1.3, 100.0, addresses="b"))) == [Quality.GOOD]


def test_a_silent_tag_is_said_to_be_stale_then_every_second_with_its_last_value() -> None:
    pipeline = Pipeline(TABLE, 0)
    pipeline.take(frame(0.5, 5500.0))
    assert pipeline.stale(round(1.5 * S)) is None
    found = pipeline.stale(round(1.6 * S))
    assert found is not None
    assert (found.tags, found.values.tolist(), qualities(found)) == (("vacuum",), [55e3], [Quality.STALE])
    assert found.stamp_ns == round(1.6 * S)
    assert pipeline.stale(round(2.0 * S)) is None
    again = pipeline.stale(round(2.6 * S))
    assert again is not None
    assert again.tags == ("vacuum",)
    assert qualities(pipeline.take(frame(2.7, 5500.0))) == [Quality.GOOD]
    assert pipeline.silent_tags(round(2.8 * S)) == ()


def test_a_tag_never_heard_is_stale_without_a_value() -> None:
    found = Pipeline(TABLE, 10 * S).stale(15 * S)
    assert found is not None
    assert found.tags == ("vacuum", "count")
    assert np.isnan(found.values).all()


def test_addresses_of_no_tag_are_counted_and_left_out() -> None:
    pipeline = Pipeline(TABLE, 0)
    scan = pipeline.take(frame(1.0, 1.0, 500.0, addresses="za", quality=[0, 1]))
    assert scan is not None
    assert (scan.tags, qualities(scan), pipeline.counts.unknown) == (("vacuum",), [1], 1)
    assert pipeline.take(frame(1.1, 1.0, addresses="z")) is None


def batch(stamps_s: list[float], *values: float, received_s: float, historical: bool = False) -> Frame:
    """A frame of the addresses a, b, ... whose values have times of their own."""
    stamps_ns = np.array([round(stamp_s * S) for stamp_s in stamps_s], dtype=np.int64)
    addresses = tuple("ab"[: len(values)])
    newest_ns = int(stamps_ns.max())
    return Frame(
        "plc", addresses, np.array(values), None, newest_ns, round(received_s * S), stamps_ns, historical=historical
    )


def test_values_with_times_of_their_own_are_each_judged_by_theirs() -> None:
    pipeline = Pipeline(TABLE, 0)
    pipeline.take(frame(1.5, 5000.0))
    scan = pipeline.take(batch([1.2, 2.0], 4000.0, 7.0, received_s=2.1))
    assert scan is not None
    assert (scan.tags, scan.stamp_ns) == (("count",), 2 * S)
    assert pipeline.counts.late == 1
    scan = pipeline.take(batch([2.5, 4.0], 4000.0, 70.0, received_s=4.1))
    assert scan is not None
    # The vacuum's limit of one second has passed, that of the count has not.
    assert qualities(scan) == [Quality.STALE, Quality.GOOD]
    assert [reading.stamp_ns for reading in scan.readings(TABLE.units)] == [round(2.5 * S), 4 * S]


def test_one_wild_clock_among_many_is_not_believed_and_spoils_no_other() -> None:
    scan = Pipeline(TABLE, 0).take(batch([9000.0, 10.0], 5000.0, 1.0, received_s=10.0))
    assert scan is not None
    assert qualities(scan) == [Quality.UNCERTAIN, Quality.GOOD]
    assert scan.stamp_ns == 10 * S


def test_past_values_are_told_in_order_once_and_change_nothing_that_holds_now() -> None:
    pipeline = Pipeline(TABLE, 0)
    assert pipeline.take(frame(10.0, 5000.0)) is not None
    (past,) = pipeline.scans(batch([2.0, 3.0], 4000.0, 1.0, received_s=10.1, historical=True), 10 * S)
    assert past.historical
    assert qualities(past) == [Quality.GOOD, Quality.GOOD]
    assert list(pipeline.scans(batch([2.0, 3.0], 4000.0, 1.0, received_s=10.2, historical=True), 10 * S)) == []
    assert pipeline.counts.historical == 2
    (now,) = pipeline.scans(frame(10.1, 5100.0), round(10.1 * S))
    assert (now.historical, now.values.tolist()) == (False, [51e3])


def test_what_waited_too_long_is_past_with_its_quality_and_stale_now() -> None:
    pipeline = Pipeline(TABLE, 0)
    past, now = pipeline.scans(frame(1.0, 5000.0, addresses="a"), 20 * S)
    assert (past.historical, qualities(past)) == (True, [Quality.GOOD])
    assert (now.historical, qualities(now)) == (False, [Quality.STALE])
    # Of what else waited only the past is told; that the tag is STALE is known.
    (more,) = pipeline.scans(frame(2.0, 6000.0, addresses="a"), 20 * S)
    assert (more.historical, more.values.tolist()) == (True, [60e3])
    (fresh,) = pipeline.scans(frame(20.0, 6000.0, addresses="a"), 20 * S)
    assert (fresh.historical, qualities(fresh)) == (False, [Quality.GOOD])


def test_what_was_told_in_its_time_is_not_told_again_as_past() -> None:
    pipeline = Pipeline(TABLE, 0)
    assert len(list(pipeline.scans(frame(1.0, 5000.0), S))) == 1
    assert list(pipeline.scans(frame(1.0, 5000.0), 20 * S)) == []
    assert pipeline.counts.duplicate == 1


def test_a_confirmation_makes_nothing_come_late_for_those_who_keep_everything() -> None:
    pipeline = Pipeline(TABLE, 0)

    def told(item: Frame) -> list[tuple[bool, list[float]]]:
        return [(scan.historical, scan.values.tolist()) for scan in pipeline.scans(item, item.received_ns)]

    assert told(frame(1.0, 5000.0)) == [(False, [50e3])]
    confirmed = dataclasses.replace(frame(1.6, 5000.0), made_here=True)
    assert told(confirmed) == [(False, [50e3])]
    # It was under way when the old value was confirmed: past what holds now, and told as such.
    assert told(frame(1.5, 6000.0, late_s=0.2)) == [(True, [60e3])]
    assert told(frame(1.5, 6000.0, late_s=0.3)) == []
    assert told(frame(1.7, 6100.0)) == [(False, [61e3])]
    kept = [dataclasses.replace(item, historical=True) for item in (frame(1.8, 7000.0), frame(2.0, 7000.0))]
    assert told(kept[0]) == [(True, [70e3])]
    assert told(dataclasses.replace(kept[1], made_here=True)) == [], "that nothing has changed is no news"
    lost = dataclasses.replace(frame(2.1, math.nan, quality=[Quality.BAD]), historical=True, made_here=True)
    assert len(told(lost)) == 1
    assert told(dataclasses.replace(frame(2.05, 7100.0), historical=True)) == [(True, [71e3])]


def test_a_frame_without_values_is_nothing() -> None:
    assert list(Pipeline(TABLE, 0).scans(frame(1.0, addresses=""), S)) == []
