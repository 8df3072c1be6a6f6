"""Each part's own launch file, alone, comes up and ends cleanly; and the parts together are a cell that makes parts.

In virtual time on the embedded runtime; where a ROS 2 is sourced in real time and with the real protocols.
"""

from __future__ import annotations

import json
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchDescription, LaunchService
from launch.actions import EmitEvent, GroupAction, IncludeLaunchDescription, RegisterEventHandler
from launch.event_handlers import OnProcessExit
from launch.events import Shutdown
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch_ros.actions import Node
from ros_domain import apart

from workcell_console.cell_arguments import CellArguments
from workcell_console.cell_plan import PARTS, plan_from
from workcell_console.page.server import free_port
from workcell_sim.embedded import activate

EMBEDDED = activate()
HERE = Path(__file__).parent
PORTS = ("mqtt_port", "opcua_port", "modbus_port")
NAMESPACE = "line_1"


def share_dir() -> Path:
    try:
        return Path(get_package_share_directory("workcell"))
    except PackageNotFoundError:
        pytest.skip("workcell is not built in the sourced ROS 2 workspace")


def arguments(folder: Path) -> dict[str, str]:
    """What every part is told; parts that are launched each for itself must be told the field's ports."""
    ports = {} if EMBEDDED else {name: str(free_port(name, "127.0.0.1", 0)) for name in PORTS}
    return ports | {
        "out_dir": str(folder / "out"),
        "namespace": NAMESPACE,
        "transport": "memory" if EMBEDDED else "network",
        "twin": "false",
        "page": "false",
        "log_level": "warn",
    }


def run(folder: Path, names: list[str], probe: list[str]) -> tuple[int, dict[str, int], dict[str, Any]]:
    """Runs launch files until the probe ends; returns launch's exit code, its processes' and what the probe saw."""
    exits: dict[str, int] = {}
    seen_file = folder / "seen.json"
    given = arguments(folder)
    # A group of its own for each: arguments of one include would be those of the next otherwise.
    included = [
        GroupAction(
            [
                IncludeLaunchDescription(
                    AnyLaunchDescriptionSource(str(share_dir() / "launch" / f"{name}.launch.py")),
                    launch_arguments=list(given.items()),
                )
            ]
        )
        for name in names
    ]
    looking = Node(
        executable=sys.executable,
        arguments=[str(HERE / probe[0]), str(seen_file), *probe[1:]],
        exec_name="probe",
        namespace=NAMESPACE,
        output="screen",
        on_exit=EmitEvent(event=Shutdown(reason="the probe has seen enough")),
    )
    watch = RegisterEventHandler(
        OnProcessExit(on_exit=lambda event, _context: exits.update({event.process_name: event.returncode}))
    )
    service = LaunchService(noninteractive=True)
    service.include_launch_description(LaunchDescription([*apart(EMBEDDED), watch, *included, looking]))
    with virtual_time():
        code = service.run()
    return int(code), exits, json.loads(seen_file.read_text(encoding="utf-8"))


def virtual_time() -> AbstractContextManager[Any]:
    if not EMBEDDED:
        return nullcontext()
    from workcell_sim.embedded._kernel import Kernel

    return Kernel(clock="virtual")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_comes_up_alone_and_ends_cleanly(tmp_path: Path, part: str) -> None:
    code, exits, seen = run(tmp_path, [part], ["part_probe.py", f"{part}_manager"])
    assert seen["is_active"]
    planned = plan_from(CellArguments(out_dir=str(tmp_path / "plan"), twin=False), share_dir(), part).values
    assert set(seen["nodes"]) == {"part_probe", f"{part}_manager", *planned}
    assert code == 0
    assert set(exits.values()) == {0}


def test_the_parts_together_make_parts(tmp_path: Path) -> None:
    code, exits, seen = run(tmp_path, [*PARTS, "arm"], ["probe.py"])
    assert seen["verdicts"].count(0.0) >= 2
    assert "accept" in seen["audited"]
    assert {f"{part}_manager" for part in PARTS} <= set(seen["nodes"])
    assert code == 0
    assert set(exits.values()) == {0}
