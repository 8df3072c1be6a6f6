"""Which Python program an executable of a launch file is."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workcell_sim.embedded import RUNTIME_DIR, is_active

if not is_active():
    pytest.skip("the embedded runtime's own", allow_module_level=True)

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
    get_packages_with_prefixes,
)
from launch import LaunchDescription, LaunchService
from launch.actions import RegisterEventHandler
from launch.event_handlers import OnProcessExit, OnProcessIO
from launch_ros._executables import ExecutableNotFoundError, find_in_package, from_interpreter, is_interpreter
from launch_ros.actions import Node
from launch_ros.substitutions import FindPackageShare

pytestmark = pytest.mark.usefixtures("kernel")
ROOT = RUNTIME_DIR.parents[1]

MODULE = """
import sys
COUNT = []
def main(argv=sys.argv[1:]):
    COUNT.append(1)
    print(argv, len(COUNT), end=";")
"""
SCRIPT = """#!/usr/bin/python3
import sys
from example_pkg.tool import main
sys.exit(main())
"""


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A prefix with the package example_pkg, installed as colcon installs an ament_python package."""
    site = tmp_path / f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"
    files = {
        tmp_path / "share/ament_index/resource_index/packages/example_pkg": "",
        tmp_path / "share/example_pkg/package.xml": "<package/>",
        tmp_path / "lib/example_pkg/tool": SCRIPT,
        tmp_path / "lib/example_pkg/binary": "\x7fELF",
        site / "example_pkg/__init__.py": "",
        site / "example_pkg/tool.py": MODULE,
        site / "example_pkg-1.0.egg-info/PKG-INFO": "Metadata-Version: 2.1\nName: example_pkg\nVersion: 1.0\n",
        site / "example_pkg-1.0.egg-info/entry_points.txt": "[console_scripts]\ntool = example_pkg.tool:main\n",
    }
    for path, content in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield tmp_path
    for name in [name for name in sys.modules if name.startswith("example_pkg")]:
        del sys.modules[name]


def output_of(*nodes: Node) -> str:
    output: list[str] = []
    listen: Any = RegisterEventHandler(OnProcessIO(on_stdout=lambda event: output.append(event.text.decode())))
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([listen, *nodes]))
    assert service.run() == 0
    return "".join(output)


def test_programs_of_a_workspace_share_neither_arguments_nor_module_variables(workspace: Path) -> None:
    nodes = [Node(package="example_pkg", executable="tool", arguments=[word]) for word in ("a", "b")]
    assert output_of(*nodes) == "['a', '--ros-args'] 1;['b', '--ros-args'] 1;"


def test_what_cannot_run_is_told(workspace: Path) -> None:
    with pytest.raises(ExecutableNotFoundError, match="is not a Python program"):
        find_in_package("example_pkg", "binary")
    with pytest.raises(ExecutableNotFoundError, match="executable 'nothing' not found in"):
        find_in_package("example_pkg", "nothing")
    with pytest.raises(PackageNotFoundError, match="no_such_pkg"):
        find_in_package("no_such_pkg", "nothing")


def test_share_of_a_workspace_package(workspace: Path) -> None:
    assert get_package_share_directory("example_pkg") == str(workspace / "share" / "example_pkg")
    assert get_packages_with_prefixes() == {"example_pkg": str(workspace)}


def test_our_own_package_lies_in_the_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AMENT_PREFIX_PATH", raising=False)
    assert get_package_share_directory("workcell") == str(ROOT)
    assert get_package_prefix("workcell") == str(ROOT)
    assert FindPackageShare("workcell").find("workcell") == str(ROOT)
    assert (Path(get_package_share_directory("workcell")) / "launch" / "cell.launch.py").is_file()


def test_our_own_programs_are_those_of_the_set_up() -> None:
    program = find_in_package("workcell", "lifecycle_manager_node")
    assert program.path == str(ROOT / "lib" / "workcell" / "lifecycle_manager_node")
    with pytest.raises(ExecutableNotFoundError, match=r"expected one of .*governor_node"):
        find_in_package("workcell", "govenor_node")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-c", "import sys; print(sys.argv, end='')", "x"], "['-c', 'x', '--ros-args']"),
        (["{file}", "x"], "['{file}', 'x', '--ros-args']"),
        (["-u", "{file}"], "['{file}', '--ros-args']"),
    ],
)
def test_python_itself_as_executable(tmp_path: Path, arguments: list[str], expected: str) -> None:
    file = tmp_path / "show.py"
    file.write_text("import sys; print(sys.argv, end='')")
    node = Node(executable="python3", arguments=[word.replace("{file}", str(file)) for word in arguments])
    assert output_of(node) == expected.replace("{file}", str(file))


def test_python_with_nothing_to_run_is_told() -> None:
    assert is_interpreter("/usr/bin/python3.11")
    assert not is_interpreter("/usr/bin/pythonic")
    for arguments in ([], ["--version"], ["-m", "no_such_module_at_all"], ["/no/such/file.py"]):
        with pytest.raises(ExecutableNotFoundError):
            from_interpreter(arguments)


def test_exit_codes_come_through() -> None:
    codes: list[int] = []
    node = Node(executable="python3", arguments=["-c", "raise SystemExit(4)"])
    service = LaunchService(noninteractive=True)
    note: Any = RegisterEventHandler(OnProcessExit(on_exit=lambda event, context: codes.append(event.returncode)))
    service.include_launch_description(LaunchDescription([note, node]))
    assert service.run() == 0
    assert codes == [4]
