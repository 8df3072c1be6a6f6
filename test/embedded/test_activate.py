"""Which of the two runtimes a program gets, each case in an interpreter of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
REPORT = """
from workcell_sim.embedded import activate, describe_runtime, is_active
print(activate(), activate(), is_active(), describe_runtime())
"""


def run(code: str, cwd: Path, *paths: Path, runtime: str | None = None) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name not in ("WORKCELL_RUNTIME", "ROS_DISTRO")}
    env["PYTHONPATH"] = os.pathsep.join(map(str, [ROOT, *paths]))
    if runtime is not None:
        env["WORKCELL_RUNTIME"] = runtime
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, env=env, capture_output=True, text=True, check=False)


@pytest.fixture
def sourced_ros(tmp_path: Path) -> Path:
    """A directory with what looks like a real rclpy that this interpreter can load."""
    package = tmp_path / "ros" / "rclpy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("ORIGIN = 'real'\n")
    (package / "_rclpy_pybind11.py").touch()
    return package.parent


@pytest.fixture
def bare_checkout(tmp_path: Path) -> Path:
    """A source checkout of rclpy, without its compiled half."""
    package = tmp_path / "checkout" / "rclpy"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise ImportError('not built')\n")
    return package.parent


def test_without_ros_the_embedded_runtime_is_used(tmp_path: Path) -> None:
    result = run(REPORT, tmp_path)
    assert result.stdout == "True True True runtime: embedded (no ROS 2 is sourced)\n"


def test_a_sourced_ros_is_not_shadowed(tmp_path: Path, sourced_ros: Path) -> None:
    result = run(REPORT + "import rclpy; print(rclpy.ORIGIN)", tmp_path, sourced_ros)
    assert result.stdout.splitlines() == [
        f"False False False runtime: ROS 2 of unknown distribution (sourced: {sourced_ros / 'rclpy'})",
        "real",
    ]


def test_the_embedded_runtime_can_be_asked_for_beside_a_sourced_ros(tmp_path: Path, sourced_ros: Path) -> None:
    code = REPORT + "import launch; print(launch.__file__)"
    result = run(code, tmp_path, sourced_ros, runtime="embedded")
    assert "True True True runtime: embedded (WORKCELL_RUNTIME=embedded)" in result.stdout
    assert str(ROOT / "workcell_sim" / "embedded" / "launch") in result.stdout


def test_a_ros_for_another_python_does_not_count(tmp_path: Path, bare_checkout: Path) -> None:
    result = run(REPORT, tmp_path, bare_checkout)
    assert result.stdout.startswith("True True True runtime: embedded (")
    assert "has no compiled rclpy for Python 3." in result.stdout


def test_a_source_checkout_in_front_does_not_shadow_the_runtime(bare_checkout: Path) -> None:
    code = "import sys; from workcell_sim.embedded import activate; activate(); sys.path.insert(0, '.')\n"
    code += "import importlib.util; print(importlib.util.find_spec('rclpy').origin)"
    result = run(code, bare_checkout)
    assert result.stdout.strip() == str(ROOT / "workcell_sim" / "embedded" / "rclpy" / "__init__.py")


def test_a_real_ros_that_is_missing_is_an_error(tmp_path: Path) -> None:
    result = run(REPORT, tmp_path, runtime="ros")
    assert "RuntimeSelectionError: WORKCELL_RUNTIME=ros, but no ROS 2 is sourced; source a ROS 2" in result.stderr


def test_a_real_ros_that_is_there_is_taken(tmp_path: Path, sourced_ros: Path) -> None:
    result = run(REPORT, tmp_path, sourced_ros, runtime="ros")
    assert result.stdout.startswith("False False False runtime: ROS 2")
    assert "WORKCELL_RUNTIME=ros" in result.stdout


def test_an_unknown_choice_is_an_error(tmp_path: Path) -> None:
    result = run(REPORT, tmp_path, runtime="rso")
    assert "WORKCELL_RUNTIME='rso': expected one of auto, embedded, ros" in result.stderr


def test_the_two_are_not_mixed(tmp_path: Path, sourced_ros: Path) -> None:
    code = "import os, rclpy\nos.environ['WORKCELL_RUNTIME'] = 'embedded'\n" + REPORT
    result = run(code, tmp_path, sourced_ros)
    assert "rclpy of a real ROS 2 was imported before the embedded runtime was activated" in result.stderr


def test_interface_packages_come_with_it(tmp_path: Path) -> None:
    code = "import workcell_sim.embedded as e; e.activate()\nfrom std_msgs.msg import String; print(String(data='x'))"
    assert run(code, tmp_path).stdout == "std_msgs.msg.String(data='x')\n"
