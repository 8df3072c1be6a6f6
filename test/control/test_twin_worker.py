"""The fork's worker: a new process or a copy of this one, with pipes."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from workcell_control.twin import fork
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition
from workcell_control.twin.worker import can_copy, start_copy, start_process
from workcell_ros.errors import WorkcellError

ECHO = """
import os, sys

def main(args):
    for line in os.fdopen(os.dup(0)):
        if line == "end\\n":
            raise SystemExit(3)
        words = [*args, line.strip(), os.environ["SAID"], str(os.getsid(0) == os.getpid())]
        os.write(1, (" ".join(words) + "\\n").encode())

if __name__ == "__main__":
    main(sys.argv[1:])
"""
needs_copies = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="processes are copied on Linux only")
REQUEST = ForkRequest(Condition(), {"cell": {"speed_scale": 0.5}}, 1, 20.0)


@pytest.fixture(autouse=True)
def echo_module(tmp_path, monkeypatch):
    (tmp_path / "echo_worker.py").write_text(ECHO)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    yield
    sys.modules.pop("echo_worker", None)


@needs_copies
@pytest.mark.parametrize("start", [start_process, start_copy])
def test_a_worker_answers_in_a_session_of_its_own_and_tells_how_it_ended(start):
    worker = start(["echo_worker", "hello"], {"SAID": "so"})
    worker.stdin.write(b"there\n")
    worker.stdin.flush()
    assert worker.stdout.readline() == b"hello there so True\n"
    assert worker.poll() is None
    worker.stdin.write(b"end\n")
    worker.stdin.flush()
    assert worker.wait(20.0) == 3
    assert worker.poll() == 3
    assert "SAID" not in os.environ


@needs_copies
def test_a_copy_that_goes_on_is_told_of_and_can_be_killed():
    worker = start_copy(["echo_worker"], {"SAID": "so"})
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.01)
    os.killpg(worker.pid, signal.SIGKILL)
    assert worker.wait() == -signal.SIGKILL


@needs_copies
def test_a_copy_that_fails_says_why(capfd):
    assert start_copy(["no_such_worker"], {}).wait(20.0) == 1
    assert "No module named 'no_such_worker'" in capfd.readouterr().err


def test_a_process_with_threads_is_not_copied(monkeypatch):
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert not can_copy()
        monkeypatch.setattr(fork, "start_copy", lambda *_: pytest.fail("was copied"))
        worker = fork.Fork(["echo_worker"], {"SAID": "so"}, copied=True)
    finally:
        done.set()
        thread.join()
    worker.close()


@needs_copies
def test_a_fork_whose_worker_ends_says_so():
    worker = fork.Fork(["no_such_worker"], {}, copied=True)
    with pytest.raises(WorkcellError, match="has ended with code 1"):
        worker.answer(wait=True)
    with pytest.raises(WorkcellError, match="has ended"):
        worker.ask(REQUEST)
    worker.close()
