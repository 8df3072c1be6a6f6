"""The shift's record: figures by the audit station's truth, bounded, and JSON that a browser reads."""

import json

from hypothesis import given
from hypothesis import strategies as st

from workcell_console.page.json_text import to_json
from workcell_console.record import NAMES_MAX, NS_PER_S, PARCELS_KEPT, PROPOSALS_KEPT, Parcel, ProposalRow, ShiftRecord

HOUR_NS = 3600 * NS_PER_S


def record_at(now_ns=HOUR_NS):
    record = ShiftRecord(0)
    record.note_time(now_ns)
    return record


def test_figures_come_from_the_truth_at_the_end_of_the_line():
    record = record_at()
    truth = [("accept", True)] * 5 + [("accept", False), ("rework", True), ("reject", False), ("floor", True)]
    for index, (bin_name, is_good) in enumerate(truth):
        record.note_parcel(Parcel(f"p{index}", bin_name, is_good, 0))
    summary = record.summary()
    assert summary["parts"] == 9
    assert summary["good_parts"] == summary["good_parts_per_hour"] == 5
    assert (summary["escapes"], summary["false_rejects"], summary["drops"]) == (1, 1, 1)


def test_a_parcel_told_twice_counts_once_as_it_was_told_last():
    record = record_at()
    for is_good in (False, True):
        record.note_parcel(Parcel("p1", "accept", is_good, 0))
    assert (record.summary()["parts"], record.summary()["good_parts"]) == (1, 1)


def test_all_parcels_count_though_only_the_newest_are_kept():
    record = record_at()
    for number in range(PARCELS_KEPT + 10):
        record.note_parcel(Parcel(f"p{number}", "accept", True, number))
    assert record.summary()["good_parts"] == PARCELS_KEPT + 10
    assert len(record.results()["parcels"]) == PARCELS_KEPT
    assert record.results()["parcels"][0]["serial"] == "p10"


def test_names_without_end_fill_no_memory():
    record = record_at()
    for number in range(NAMES_MAX + 10):
        record.note_status(f"stranger: {number}", 0, "", {})
        record.note_reading(f"stranger/{number}", 0.0, 0)
    record.note_reading("stranger/0", 1.0, 0)
    assert len(record.statuses) == len(record.readings) == NAMES_MAX
    assert record.readings["stranger/0"] == (1.0, 0)


def test_an_explanation_may_come_before_its_proposal_and_a_verdict_after():
    record = record_at()
    record.note_explanation(7, "hold", "vacuum fell", {"urgency": "reflex", "model": "hold", "clipped": ""})
    record.note_proposal(ProposalRow(7, "cell", {"speed_scale": 0.5}))
    values = {
        "node": "cell",
        "parameters": {"speed_scale": 0.55},
        "outcome": "clipped",
        "reason": "r",
        "actor": "governor",
    }
    record.note_verdict(7, values)
    row = record.proposals[7]
    assert (row.rule, row.reason, row.outcome) == ("hold", "vacuum fell", "clipped")
    assert row.parameters == {"speed_scale": 0.55}


def test_an_explanation_tells_the_gain_and_what_is_proposed_in_the_shadow():
    record = record_at()
    gain = {"mean": "0.0123", "low": "-0.001", "high": "0.02", "unit": "EUR/cycle"}
    values = {"model": "gp", "clipped": "settle_s 0 -> 0.05", **{f"expected_gain_{key}": gain[key] for key in gain}}
    record.note_explanation(8, "optimiser", "r", {**values, "shadow": "true", "node": "cell", "parameters": "{}"})
    row = record.proposals[8]
    assert (row.node, row.outcome, row.model, row.clipped) == ("cell", "shadow", "gp", "settle_s 0 -> 0.05")
    assert row.gain == "+0.0123 (-0.001 to +0.02) EUR/cycle"


def test_a_pending_proposal_stays_in_sight_however_many_follow():
    record = record_at()
    record.note_proposal(ProposalRow(1, "cell", {"grip_vacuum_pa": 74e3}, outcome="pending"))
    for stamp in range(2, PROPOSALS_KEPT + 50):
        record.note_proposal(ProposalRow(stamp, "cell", {}))
    assert len(record.proposals) == PROPOSALS_KEPT
    assert 1 in record.proposals


def test_holds_are_counted_once_each_with_their_reason():
    record = record_at()
    for text in ("pick", "hold;reason=gateway quiet", "hold;reason=gateway quiet", "pick", "hold;reason=stop"):
        record.note_state(text)
    assert [item["reason"] for item in record.holds] == ["gateway quiet", "stop"]


def test_cycles_collect_their_metrics():
    record = record_at()
    for stop_ns in (5 * NS_PER_S, 11 * NS_PER_S):
        for name in ("cycle_time", "drop"):
            record.note_metric("cycle", name, 6.0, stop_ns)
    assert [row["at_s"] for row in record.cycles] == [5.0, 11.0]
    assert record.cycles[1]["cycle_time"] == 6.0


def test_series_are_thinned_to_one_point_a_second():
    record = ShiftRecord(0)
    for tick in range(100):
        record.note_time(tick * NS_PER_S // 10)
        record.note_reading("gripper/vacuum", float(tick), 0)
    assert len(record.series["gripper/vacuum"]) == 10


def test_bad_readings_are_shown_but_not_plotted():
    record = record_at()
    record.note_reading("gripper/vacuum", 1.0, 2)
    assert record.picture()["readings"]["gripper/vacuum"]["quality"] == "BAD"
    assert "gripper/vacuum" not in record.series


@given(st.floats(allow_nan=True, allow_infinity=True), st.integers(-5, 10))
def test_whatever_is_read_the_picture_is_strict_json(value, quality):
    record = record_at()
    record.note_reading("gripper/vacuum", value, quality)
    record.note_metric("shift", "oee", value, 0)
    record.note_forecast(0, {"drift": value})

    def refuse(name):
        raise AssertionError(name)

    json.loads(to_json(record.picture()), parse_constant=refuse)
    json.loads(to_json(record.results()), parse_constant=refuse)


def test_stamps_reach_the_browser_exactly():
    record = record_at()
    record.note_proposal(ProposalRow(1_700_000_000_123_456_789, "cell", {}))
    assert json.loads(to_json(record.picture()))["proposals"][0]["stamp_ns"] == "1700000000123456789"


def test_a_status_that_leaves_ok_is_an_incident_once():
    record = ShiftRecord(0)
    for second, level in enumerate((0, 1, 1, 2, 0, 1)):
        record.note_time(second * NS_PER_S)
        record.note_status("governor: gate", level, f"level {level}", {})
    seen = [(item["at_s"], item["name"], item["level"], item["message"]) for item in record.results()["incidents"]]
    assert seen == [
        (1.0, "governor: gate", "WARN", "level 1"),
        (3.0, "governor: gate", "ERROR", "level 2"),
        (5.0, "governor: gate", "WARN", "level 1"),
    ]


def test_a_heartbeat_that_stops_is_shown_as_stale_and_one_that_goes_on_is_not():
    record = ShiftRecord(0)
    record.note_status("lifecycle_manager: node", 0, "active", {})
    record.note_status("monitor: gripper/vacuum", 0, "ok", {})
    for second in range(1, 6):
        record.note_time(second * NS_PER_S)
        record.look_for_silence()
        record.note_status("cell: node", 0, "active", {})
    statuses = record.picture()["statuses"]
    assert statuses["lifecycle_manager: node"]["level"] == "STALE"
    assert "no heartbeat" in statuses["lifecycle_manager: node"]["message"]
    assert statuses["cell: node"]["level"] == statuses["monitor: gripper/vacuum"]["level"] == "OK"
    assert [item["name"] for item in record.incidents] == ["lifecycle_manager: node"]
    record.note_status("lifecycle_manager: node", 0, "active", {})
    assert record.picture()["statuses"]["lifecycle_manager: node"]["level"] == "OK"


def test_a_heartbeat_that_waits_to_be_heard_is_not_taken_for_silence():
    record = ShiftRecord(0)
    record.note_status("cell: node", 0, "active", {})
    for second in (1, 61, 62):
        record.note_time(second * NS_PER_S)
        record.look_for_silence()
        assert record.statuses["cell: node"]["level"] == "OK"
        record.note_status("cell: node", 0, "active", {})


def test_a_console_that_began_late_counts_the_whole_shift():
    record = ShiftRecord(1800 * NS_PER_S)
    record.note_status("cell: node", 0, "active", {})
    record.note_shift_start(0)
    record.note_shift_start(900 * NS_PER_S)
    record.note_time(HOUR_NS)
    record.note_parcel(Parcel("p1", "accept", True, 0))
    assert record.summary()["good_parts_per_hour"] == 1.0
    assert record.statuses["cell: node"]["at_s"] == 1800.0
