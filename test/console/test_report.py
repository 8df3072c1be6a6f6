"""The report says what the figures say, shows plots, and lets nothing in as markup."""

import base64
import re

import pytest

from workcell_console.compare import FIGURES, Comparison, Pair
from workcell_console.record import Parcel, ProposalRow, ShiftRecord
from workcell_console.report import write_report
from workcell_console.shift import ShiftOptions
from workcell_control.governance.audit import AuditLog

S = 1_000_000_000
SCRIPT = "<script>alert(1)</script>"


def results(good=5, reason="vacuum fell"):
    record = ShiftRecord(0)
    for second in range(120):
        record.note_time(second * S)
        record.note_reading("gripper/vacuum", 50e3 - second, 0)
    record.note_parameter("cell", "acceleration_scale", 0.4)
    for number in range(good):
        record.note_parcel(Parcel(f"p{number}", "accept", True, number * S))
    row = ProposalRow(1, "cell", {"acceleration_scale": 0.4}, "hold", reason, "reflex", "applied", "towards safety")
    record.note_proposal(row)
    record.note_state(f"hold;reason={reason}")
    return record.results()


def figures(good, drops=0.0):
    return dict.fromkeys(FIGURES, 1.0) | {"good_parts_per_hour": good, "drops": drops, "escapes": 0.0}


@pytest.fixture
def write(tmp_path):
    """Writes a report and returns its text."""

    def make(comparison=None, others=None, found=None, scenario="calm"):
        shift = ShiftOptions(tmp_path, scenario, 120.0, 3, "paced", 10.0)
        return write_report(shift, found or results(), comparison, others or {}).read_text(encoding="utf-8")

    return make


def plots(text):
    return [base64.b64decode(data) for data in re.findall(r"data:image/svg\+xml;base64,([^\"]+)", text)]


def test_without_a_comparison_nothing_is_claimed(write):
    text = write()
    assert "This run was not compared with fixed parameters." in text
    assert "beat" not in text
    assert "With and without the policy" not in text


@pytest.mark.parametrize(
    ("policy", "fixed", "said"),
    [
        (figures(600.0), figures(500.0), "In 1 of 1 seed the policy made more good parts per hour"),
        (figures(500.0), figures(600.0), "did not beat the fixed parameters"),
        (figures(600.0, drops=3.0), figures(500.0), "did not beat the fixed parameters"),
    ],
)
def test_the_sentence_follows_the_figures(write, policy, fixed, said):
    comparison = Comparison("calm", 120.0, (Pair(3, policy, fixed),))
    text = write(comparison, {"policy": results(6), "fixed": results(4)})
    assert said in text
    assert "With and without the policy" in text


def test_figures_are_those_of_the_run(write):
    text = write(found=results(5))
    assert re.search(r"<td>good parts per hour</td><td>151\.3</td>", text)
    assert "not known" in text, "a figure that was never told must not be shown as a number"


def test_plots_are_inside_and_show_both_runs(write):
    images = plots(write(None, {"policy": results(6), "fixed": results(4)}))
    assert len(images) == 2
    assert all(image.startswith(b"<?xml") for image in images)
    assert "http" not in re.sub(r'data:image[^"]+', "", write())


def test_the_same_results_give_the_same_report(write):
    assert write() == write()


def test_nothing_that_was_said_becomes_markup(write):
    text = write(found=results(reason=SCRIPT), scenario=SCRIPT)
    assert SCRIPT not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3


def test_the_audit_logs_last_hash_is_shown(write, tmp_path):
    log = AuditLog(tmp_path / "audit.jsonl")
    log.append(1, {"outcome": "applied"})
    last = log.last_hash
    log.close()
    assert f"1 rows, chain intact, last hash <code>{last}</code>" in write()


def test_a_shift_in_which_nothing_happened_is_reported(write):
    text = write(found=ShiftRecord(0).results())
    assert "The arm was never held." in text
    assert "<p>None.</p>" in text
