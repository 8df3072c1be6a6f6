"""What the ingest benchmarks count."""

import numpy as np

from bench.ingest_tally import Tally

S = 1_000_000_000
TAGS = ("a", "b")


def take(tally, stamp_s, values, past=False, frame_id="g1:0"):
    tally.take(TAGS, np.array(values), np.zeros(2), round(stamp_s * S), None, past, frame_id)


def test_losses_repetitions_and_order_are_counted_per_tag():
    tally = Tally(TAGS)
    take(tally, 1, [1.0, 1.0])
    take(tally, 2, [2.0, 4.0])
    take(tally, 2, [2.0, 4.0])
    figures = tally.figures()
    assert (figures["lost"], figures["repeated"], figures["order_violations"]) == (2, 2, 0)
    take(tally, 1.5, [1.0, 1.0])
    assert tally.figures()["order_violations"] == 2


def test_what_is_past_has_an_order_of_its_own():
    tally = Tally(TAGS)
    take(tally, 10, [10.0, 10.0])
    take(tally, 5, [5.0, 5.0], past=True)
    take(tally, 6, [6.0, 6.0], past=True)
    take(tally, 11, [11.0, 11.0])
    assert tally.figures()["order_violations"] == 0
    take(tally, 4, [4.0, 4.0], past=True)
    assert tally.figures()["order_violations"] == 2


def test_a_gateway_that_begins_anew_may_tell_again():
    tally = Tally(TAGS)
    take(tally, 5, [5.0, 5.0], past=True)
    take(tally, 4, [4.0, 4.0], past=True, frame_id="g2:0")
    assert tally.figures()["order_violations"] == 0
