"""Where runs keep their files."""

import pytest

from workcell_console import runs
from workcell_ros.errors import ConfigError, WorkcellError


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_names_count_up_and_latest_follows():
    first = runs.prepare(runs.unused_name("run"))
    assert first.name == "run-001"
    assert runs.latest_run() == first.resolve()
    second = runs.prepare(runs.unused_name("run"))
    assert second.name == "run-002"
    assert runs.latest_run() == second.resolve()


def test_a_folder_in_use_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(ConfigError, match="not empty"):
        runs.prepare(tmp_path / "mine")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_a_folder_elsewhere_is_not_the_latest(tmp_path):
    mine = runs.prepare(runs.unused_name("run"))
    runs.prepare(tmp_path / "elsewhere")
    assert runs.latest_run() == mine.resolve()


def test_without_a_run_the_remedy_is_said():
    with pytest.raises(WorkcellError, match="workcell run"):
        runs.latest_run()


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="--out"):
        runs.prepare(tmp_path / "file" / "below")
