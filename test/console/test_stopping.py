"""Ctrl-C at any moment: a safe stop, no process left, ledger and audit log whole."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from workcell_control.cell.ledger import PartLedger
from workcell_control.governance.audit import verify

pytestmark = pytest.mark.embedded("`workcell run` is a shift on the embedded runtime")
DEADLINE_S = 120.0
STOPPED = 130


@pytest.fixture
def run(tmp_path):
    """Starts a paced run in a session of its own; whatever of it is left in the end is ended."""
    runs = []

    def start(*options):
        command = [sys.executable, "-m", "workcell_console.main", "run", "--port", "0", "--out", "out", *options]
        log = (tmp_path / "log").open("wb")
        runs.append(
            subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
        )
        return runs[-1]

    yield start
    for process in left_in(tmp_path):
        os.kill(process, signal.SIGKILL)
    for process in runs:
        process.wait()


def left_in(folder):
    """Processes that work in a folder, whoever started them."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and Path(os.readlink(entry / "cwd")).is_relative_to(folder):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_until(process, holds):
    """Polls from outside: the run is another process and says what it does in files."""
    deadline = time.monotonic() + DEADLINE_S
    while not holds():
        assert process.poll() is None, "the run ended by itself"
        assert time.monotonic() < deadline, "the run did not come so far"
        time.sleep(0.05)


def parts_in(folder):
    path = folder / "out" / "ledger.journal"
    return path.read_bytes().count(b"\n") if path.is_file() else 0


def interrupt(process, tmp_path, number=signal.SIGINT):
    """Presses Ctrl-C, or closes the terminal: every process of its foreground group hears it."""
    os.killpg(process.pid, number)
    code = process.wait(DEADLINE_S)
    said = (tmp_path / "log").read_text(encoding="utf-8", errors="replace")
    assert "Traceback" not in said, said[-3000:]
    assert left_in(tmp_path) == [], "a process was left behind"
    return code, said


MOMENTS = {
    "while the cell comes up": (lambda folder: (folder / "out" / "url").is_file(), signal.SIGINT),
    "in the middle of a cycle": (lambda folder: parts_in(folder) >= 3, signal.SIGTERM),
    "after some parts": (lambda folder: parts_in(folder) >= 12, signal.SIGINT),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_run_stops_safely(run, tmp_path, moment):
    process = run("--speed", "5", "--no-compare", "--duration", "3600")
    has_come, number = MOMENTS[moment]
    wait_until(process, lambda: has_come(tmp_path))
    code, said = interrupt(process, tmp_path, number)
    assert code == STOPPED
    assert said.rstrip().endswith("stopped")
    verify(tmp_path / "out" / "audit.jsonl")
    ledger = PartLedger(tmp_path / "out" / "ledger.journal")
    assert len(ledger.open_parts) <= 2
    ledger.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_run_with_its_comparison_stops_safely(run, tmp_path, number):
    process = run("--speed", "5", "--duration", "3600")
    wait_until(process, lambda: (tmp_path / "out" / "compare").is_dir() and parts_in(tmp_path) >= 3)
    assert interrupt(process, tmp_path, number)[0] == STOPPED
