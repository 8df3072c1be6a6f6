"""The report says what the figures say, escapes what it did not write, and holds its plots inside."""

from pathlib import Path

from workcell_console.compare import FIGURES, Comparison, Pair
from workcell_console.report import write_report
from workcell_console.shift import ShiftOptions
from workcell_control.governance.audit import AuditLog

SUMMARY = dict.fromkeys(FIGURES, 1.0) | {"elapsed_s": 60.0}
PROPOSAL = {
    "node": "cell",
    "parameters": {"speed_scale": 0.7},
    "reason": "<script>alert(1)</script>",
    "outcome": "applied",
    "verdict_reason": "the twin agrees",
}


def results(**changes):
    made = {
        "summary": SUMMARY,
        "series": {"cell.speed_scale": [(0.0, 0.6), (30.0, 0.7)], "gripper/vacuum": [(0.0, 1e3), (1.0, 5e4)]},
        "proposals": [PROPOSAL],
        "holds": [{"at_s": 12.0, "reason": "gateway quiet"}],
        "parcels": [{"serial": "p1", "bin": "accept", "is_good": True, "stamp_ns": 5}],
    }
    return made | changes


def pair(good_policy: float, good_fixed: float) -> Comparison:
    base = dict.fromkeys(FIGURES, 0.0)
    policy = base | {"good_parts_per_hour": good_policy}
    return Comparison("calm", 60.0, (Pair(1, policy, base | {"good_parts_per_hour": good_fixed}),))


def written(tmp_path: Path, comparison: Comparison | None = None, **changes) -> str:
    shift = ShiftOptions(tmp_path, "calm", 60.0, 1)
    others = {"policy": results(), "fixed": results()} if comparison else {}
    return write_report(shift, results(**changes), comparison, others).read_text(encoding="utf-8")


def test_a_better_policy_is_said_to_be_better(tmp_path):
    text = written(tmp_path, pair(600.0, 500.0))
    assert "In 1 of 1 seed the policy made more good parts per hour" in text
    assert "+20.0%" in text


def test_a_worse_policy_is_not(tmp_path):
    text = written(tmp_path, pair(400.0, 500.0))
    assert "did not beat the fixed parameters" in text
    assert "made more good parts" not in text


def test_without_a_comparison_nothing_is_claimed(tmp_path):
    assert "was not compared" in written(tmp_path)


def test_plots_are_inside_and_nothing_comes_from_elsewhere(tmp_path):
    text = written(tmp_path, pair(600.0, 500.0))
    assert text.count("data:image/svg+xml;base64,") == 2
    assert "http://" not in text
    assert "https://" not in text


def test_what_nodes_say_is_text_not_markup(tmp_path):
    text = written(tmp_path)
    assert "<script>" not in text
    assert "&lt;script&gt;" in text


def test_changes_holds_and_audit_are_told(tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    digest = log.append(1, {"outcome": "applied"})
    log.close()
    text = written(tmp_path)
    assert "cell.speed_scale = 0.7" in text
    assert "gateway quiet" in text
    assert digest in text


def test_figures_not_known_are_said_to_be_so(tmp_path):
    assert "not known" in written(tmp_path, summary=SUMMARY | {"energy_per_good_part_j": None})


def test_an_empty_shift_still_has_a_report(tmp_path):
    text = written(tmp_path, series={}, proposals=[], holds=[], parcels=[])
    assert "The arm was never held." in text
