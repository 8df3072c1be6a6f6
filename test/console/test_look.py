"""`workcell nodes`, `topics` and `echo`: a look inside a running cell, through its console."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from workcell_console.main import main

pytestmark = pytest.mark.embedded("the stand-in cell runs on the embedded runtime's own clock")
SMALL_CELL = Path(__file__).parents[1] / "browser" / "small_cell.py"
DEADLINE_S = 60.0


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    """The folder of a running small cell."""
    folder = tmp_path_factory.mktemp("cell")
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, SMALL_CELL, folder, "0"], stdout=log, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + DEADLINE_S
    while not (folder / "url").is_file() or not (folder / "url").read_text(encoding="utf-8"):
        assert process.poll() is None, (folder / "log").read_text(encoding="utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.05)
    yield folder
    process.send_signal(signal.SIGINT)
    assert process.wait(DEADLINE_S) == 0


@pytest.fixture
def look(running, capsys):
    """Runs a command on the running cell and returns its exit code, output and errors."""

    def run(*argv):
        code = main([*argv, "--run-dir", str(running)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_nodes_are_listed(look):
    code, out, _ = look("nodes")
    assert code == 0
    assert {"/cell", "/console", "/governor", "/inspection", "/player"} <= set(out.splitlines())


def test_a_running_cell_is_found_by_the_address_of_its_page(running, capsys):
    page = (running / "url").read_text(encoding="utf-8")
    assert main(["nodes", "--page", page]) == 0
    assert "/governor" in capsys.readouterr().out.splitlines()


def test_what_is_no_address_is_an_error_of_one_line(capsys):
    assert main(["nodes", "--page", "nonsense"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_topics_are_listed_with_type_and_ends(look):
    code, out, _ = look("topics")
    assert code == 0
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()}
    assert rows["/cell/state"][0] == "std_msgs/msg/String"
    assert rows["/governor/verdicts"][0] == "diagnostic_msgs/msg/DiagnosticArray"
    assert int(rows["/diagnostics"][1]) >= 2


def test_messages_are_shown_as_yaml(look):
    code, out, _ = look("echo", "diagnostics", "-n", "2")
    assert code == 0
    messages = [item for item in yaml.safe_load_all(out) if item is not None]
    assert len(messages) == 2
    assert all(item["status"][0]["name"].endswith(": node") for item in messages)


def test_a_latched_message_is_shown_at_once(look):
    code, out, _ = look("echo", "/cell/state", "-n", "1")
    assert code == 0
    assert next(yaml.safe_load_all(out)) == {"data": "pick"}


def test_an_unknown_topic_is_an_error_of_one_line(look):
    code, out, err = look("echo", "nothing", "-n", "1")
    assert (code, out) == (2, "")
    assert err == "error: nothing: no such topic; see `workcell topics`\n"


def test_a_cell_that_is_gone_is_said_so(tmp_path, capsys):
    (tmp_path / "url").write_text("http://127.0.0.1:9/#token=t", encoding="utf-8")
    assert main(["nodes", "--run-dir", str(tmp_path)]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: http://127.0.0.1:9/: the cell does not answer")
    assert err.endswith("is it running?\n")


def test_a_run_without_a_page_is_said_so(tmp_path, capsys):
    assert main(["topics", "--run-dir", str(tmp_path)]) == 2
    assert "this run serves no page; start one with `workcell run` or `workcell launch`" in capsys.readouterr().err
