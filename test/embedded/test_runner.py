"""``python -m workcell_sim.embedded``: a program runs as it would under ``python``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "workcell_sim.embedded"]


def environment() -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if name != "WORKCELL_RUNTIME"}
    return {**env, "PYTHONPATH": str(ROOT)}


def run(cwd: Path, *arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], cwd=cwd, env=env or environment(), capture_output=True, text=True, check=False
    )


@pytest.fixture
def program(tmp_path: Path) -> Path:
    (tmp_path / "programs").mkdir()
    (tmp_path / "programs" / "beside.py").write_text("NAME = 'beside'\n")
    path = tmp_path / "programs" / "program.py"
    path.write_text(
        "import sys, beside\n"
        "print(__name__, sys.argv[1:], beside.NAME, sys.modules['__main__'].__dict__ is globals())\n"
        "sys.exit(int(sys.argv[1]))\n"
    )
    return path


def test_a_script_is_main_and_its_exit_code_counts(tmp_path: Path, program: Path) -> None:
    result = run(tmp_path, str(program), "7", "--clock", "-m")
    assert result.stdout == "__main__ ['7', '--clock', '-m'] beside True\n"
    assert result.returncode == 7


def test_a_module_is_found_from_the_working_directory(program: Path) -> None:
    result = run(program.parent, "-m", "program", "0", "--rate", "x")
    assert result.stdout == "__main__ ['0', '--rate', 'x'] beside True\n"
    assert result.returncode == 0


def test_one_line_names_the_runtime_unless_quiet(tmp_path: Path, program: Path) -> None:
    told = run(tmp_path, "--clock", "virtual", str(program), "0").stderr
    assert told == "runtime: embedded (WORKCELL_RUNTIME=embedded), virtual clock\n"
    assert run(tmp_path, "--quiet", str(program), "0").stderr == ""


def test_the_clock_is_that_of_the_default_kernel(tmp_path: Path) -> None:
    (tmp_path / "clock.py").write_text(
        "from workcell_sim.embedded._kernel import Kernel\nt = Kernel.current().timeline\nprint(t.kind, t.rate)\n"
    )
    assert run(tmp_path, "--clock", "paced", "--rate", "20", "clock.py").stdout == "paced 20.0\n"
    assert run(tmp_path, "clock.py").stdout == "wall 1.0\n"


def test_an_exception_is_told_as_python_tells_it(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise LookupError('no luck')\n")
    result = run(tmp_path, "broken.py")
    assert result.returncode == 1
    assert result.stderr.endswith("LookupError: no luck\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.py"], "no such file: nothing.py"),
        (["-m", "nothing"], "no module named nothing"),
        (["-m", "nothing.below"], "no module named nothing"),
        (["-m", "launch"], "launch is a package that cannot be run: no __main__"),
        ([], "name a program to run, or -m MODULE"),
        (["-m"], "name a program to run, or -m MODULE"),
        (["--clock", "fast", "x.py"], "invalid choice: 'fast'"),
        (["--rate", "-1", "x.py"], "expected a positive number, got -1"),
        (["--rate", "2", "x.py"], "--rate goes with --clock paced only"),
    ],
)
def test_a_wrong_command_line_ends_with_code_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    result = run(tmp_path, "--quiet", *arguments)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].endswith(message) or message in result.stderr.splitlines()[-1]


def test_it_contradicts_a_demand_for_the_real_ros(tmp_path: Path, program: Path) -> None:
    result = run(tmp_path, str(program), "0", env={**environment(), "WORKCELL_RUNTIME": "ros"})
    assert result.returncode == 2
    assert "WORKCELL_RUNTIME=ros contradicts this runner" in result.stderr


def test_ctrl_c_reaches_the_program(tmp_path: Path) -> None:
    (tmp_path / "waits.py").write_text(
        "import threading\n"
        "try:\n    print('ready', flush=True)\n    threading.Event().wait()\n"
        "except KeyboardInterrupt:\n    raise SystemExit(5)\n"
    )
    with subprocess.Popen(
        [*COMMAND, "waits.py"], cwd=tmp_path, env=environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 5


def test_help_tells_of_clocks_and_modules(tmp_path: Path) -> None:
    result = run(tmp_path, "--help")
    assert result.returncode == 0
    for word in ("--clock", "--rate", "--quiet", "-m", "virtual", "pytest"):
        assert word in result.stdout


def test_a_node_runs_in_virtual_time(tmp_path: Path) -> None:
    (tmp_path / "node.py").write_text(
        "import rclpy\nfrom rclpy.node import Node\n"
        "rclpy.init()\nnode = Node('clock')\nstart = node.get_clock().now()\nbeats = []\n"
        "node.create_timer(1.0, lambda: beats.append(1))\n"
        "while len(beats) < 3600:\n    rclpy.spin_once(node)\n"
        "print((node.get_clock().now() - start).nanoseconds)\n"
    )
    result = run(tmp_path, "--quiet", "--clock", "virtual", "node.py")
    assert result.stdout == "3600000000000\n", result.stderr
