"""What a run shows in the terminal: calm lines, what went wrong, and what waits for a person."""

import io
import subprocess
import sys

from rich.console import Console

from workcell_console.page.json_text import to_json
from workcell_console.progress import Progress, Watched, picture_line, picture_table
from workcell_console.quiet import LogTail
from workcell_console.record import ProposalRow, ShiftRecord

S = 1_000_000_000


def record():
    made = ShiftRecord(0)
    made.note_time(90 * S)
    made.note_state("hold;reason=tag [gripper/vacuum] STALE")
    made.note_parameter("cell", "speed_scale", 0.68)
    made.note_parameter("cell", "grip_vacuum_pa", 63e3)
    made.note_parameter("inspection", "exposure_s", 0.0042)
    return made


def shown(picture, width=100):
    terminal = io.StringIO()
    Console(file=terminal, width=width).print(picture_table(picture, 600.0))
    return terminal.getvalue()


def test_a_picture_is_told_in_a_persons_units():
    text = shown(record().live())
    assert "90 of 600 s" in text
    assert "hold tag [gripper/vacuum] STALE" in text
    assert "speed 68 %  grip 63 kPa  exposure 4.2 ms" in text


def test_what_waits_for_a_person_is_said():
    waiting = record()
    waiting.note_proposal(ProposalRow(1, "cell", {"grip_vacuum_pa": 74e3}, outcome="pending"))
    assert "approve or reject on the page: grip 74 kPa" in shown(waiting.live())
    assert picture_line(waiting.live(), 600.0).endswith("1 waiting for you")
    assert "waiting" not in picture_line(record().live(), 600.0)


def test_before_the_first_picture_the_cell_comes_up():
    assert "coming up" in shown({})


def test_a_line_tells_the_same():
    assert picture_line(record().live(), 600.0).startswith("   90/600 s  hold      0 good, 0 to rework")


def test_the_address_and_what_is_notable_reach_the_terminal(tmp_path):
    watched = Watched(tmp_path / "live.json", tmp_path / "url", tmp_path / "log.txt", 600.0)
    watched.url_file.write_text("http://127.0.0.1:1/#token=t", encoding="utf-8")
    watched.live_file.write_bytes(to_json(record().live()))
    lines = [
        "[cell-9] [INFO] [1.0] [cell]: fine",
        "[cell-9] [WARN] [1.0] [cell]: motion failed",
        "scenario: node_kill of x",
    ]
    watched.log_file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    terminal = io.StringIO()
    with Progress(watched, terminal):
        pass
    said = terminal.getvalue().splitlines()
    assert said == ["page: http://127.0.0.1:1/#token=t", *lines[1:]]


PRINTING = """
import os, sys
from pathlib import Path
from workcell_console.quiet import printed_to
print("before")
try:
    with printed_to(Path("log.txt")) as terminal:
        print("from python")
        print("and its errors", file=sys.stderr)
        os.write(1, b"from a library\\n")
        terminal.write("to the person\\n")
        raise ValueError
except ValueError:
    print("after")
    print("after it too", file=sys.stderr)
"""


def test_all_that_is_printed_goes_to_the_file_until_the_terminal_is_given_back(tmp_path):
    done = subprocess.run([sys.executable, "-c", PRINTING], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "before\nafter\n"
    assert done.stderr == "to the person\nafter it too\n"
    log = (tmp_path / "log.txt").read_text(encoding="utf-8")
    assert log.splitlines() == ["from python", "and its errors", "from a library"]


def test_a_log_is_read_by_whole_lines(tmp_path):
    log = tmp_path / "log.txt"
    tail = LogTail(log)
    assert tail.lines() == []
    log.write_bytes(b"one\ntw")
    assert tail.lines() == ["one"]
    log.write_bytes(b"one\ntwo\n")
    assert tail.lines() == ["two"]
    assert tail.lines() == []
