"""Folders of runs: never one over another, and the newest is found."""

import os
from argparse import Namespace

import pytest

from workcell_console.commands import run
from workcell_console.runs import latest_run, prepare, unused_name
from workcell_console.shift import ShiftOptions
from workcell_ros.errors import ConfigError, WorkcellError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """An empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_runs_are_numbered(here):
    assert unused_name("run").as_posix() == "out/run-001"
    prepare(unused_name("run"))
    assert unused_name("run").as_posix() == "out/run-002"
    assert unused_name("compare").as_posix() == "out/compare-001"


def test_the_latest_is_the_one_prepared_last(here):
    for _ in range(2):
        prepare(unused_name("run"))
    assert latest_run() == here / "out" / "run-002"


def test_a_folder_elsewhere_is_not_the_latest(here):
    first = prepare(unused_name("run"))
    prepare(here / "elsewhere")
    assert latest_run() == first.resolve()


def test_an_empty_folder_may_be_used(here):
    (here / "mine").mkdir()
    assert prepare(here / "mine").is_dir()


def test_another_runs_files_are_left_alone(here):
    (here / "mine").mkdir()
    (here / "mine" / "audit.jsonl").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match="exists and is not empty"):
        prepare(here / "mine")
    assert not (here / "out").exists()


def test_a_folder_that_cannot_be_made_is_named(here):
    (here / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"file/run: Not a directory"):
        prepare(here / "file" / "run")


def test_no_run_yet(here):
    with pytest.raises(WorkcellError, match="start one with `workcell run`"):
        latest_run()


def test_a_latest_run_that_was_removed_is_none(here):
    prepare(unused_name("run")).rmdir()
    with pytest.raises(WorkcellError, match="no run here yet"):
        latest_run()


def test_a_quiet_live_run_keeps_what_its_nodes_say_to_its_log(tmp_path, monkeypatch, capfd):
    def run_shift(_shift):
        # As a library prints: a test has other streams than the process.
        os.write(1, b"[cell]: part c00001\n")
        raise WorkcellError("the cell ended with exit code 1")

    monkeypatch.setattr(run, "run_shift", run_shift)
    options = Namespace(quiet=True, verbose=False)
    with pytest.raises(WorkcellError, match=r"exit code 1; what the nodes said is in .*log\.txt"):
        run._run_live(options, ShiftOptions(tmp_path, clock="paced"))
    assert capfd.readouterr() == ("", "")
    assert (tmp_path / "log.txt").read_text(encoding="utf-8") == "[cell]: part c00001\n"
