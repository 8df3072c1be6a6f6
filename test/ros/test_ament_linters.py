"""Those of ament's linters that fit, where a ROS 2 is sourced; QUALITY_DECLARATION.md says why not others."""

from pathlib import Path

import pytest

pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[2]
SOURCES = ("workcell_ros", "workcell_sensors", "workcell_perception", "workcell_control", "workcell_console", "launch")
# Docstrings follow Google's convention with closing quotes at the end of the text; a launch file's function has none.
OTHER_STYLE = ("D103", "D105", "D107", "D202", "D205", "D209", "D212", "D402", "D403", "D415", "D417")


def paths() -> list[str]:
    return [str(ROOT / name) for name in SOURCES]


def test_flake8() -> None:
    flake8 = pytest.importorskip("ament_flake8.main")
    config = str(Path(__file__).with_name("ament_flake8.ini"))
    code, errors = flake8.main_with_errors(argv=["--config", config, *paths()])
    assert (code, errors) == (0, [])


def test_pep257() -> None:
    pep257 = pytest.importorskip("ament_pep257.main")
    assert pep257.main(argv=["--convention", "google", "--add-ignore", *OTHER_STYLE, "--", *paths()]) == 0
