"""One cell at a time has a folder."""

import subprocess
import sys

import pytest

from workcell_console.cell_folder import check_free, hold
from workcell_ros.errors import ConfigError

HOLDER = """
import sys
from pathlib import Path
from workcell_console.cell_folder import hold
hold(Path(sys.argv[1]), sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def cell(tmp_path):
    """Another process that runs a cell in the folder `out`."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "out"), ""]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("take", [check_free, hold])
def test_a_folder_in_which_a_cell_runs_is_refused(cell, tmp_path, take):
    with pytest.raises(ConfigError, match=r"out_dir: a cell is running in .*out; valid: a folder of its own"):
        take(tmp_path / "out", "")


def test_parts_of_one_cell_share_its_folder(cell, tmp_path):
    hold(tmp_path / "out", "field")


def test_a_cell_that_was_killed_keeps_nobody_out(cell, tmp_path):
    cell.kill()
    cell.wait()
    check_free(tmp_path / "out", "")
    hold(tmp_path / "out", "")
    hold(tmp_path / "out", "")


def test_looking_leaves_nothing_behind(tmp_path):
    check_free(tmp_path / "out", "")
    assert not list(tmp_path.iterdir())
