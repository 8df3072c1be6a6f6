"""Two namespaced cells side by side do not hear each other, and one goes on when the other is stopped.

In virtual time on the embedded runtime; where a ROS 2 is sourced in real time and with the real protocols.
"""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
from launch import LaunchDescription, LaunchService
from launch.actions import EmitEvent, GroupAction, IncludeLaunchDescription
from launch.events import Shutdown
from launch.launch_description_sources import AnyLaunchDescriptionSource
from launch_ros.actions import Node
from ros_domain import apart

from workcell_control.cell.ledger import PartLedger
from workcell_sim.embedded import activate

EMBEDDED = activate()
PROBE = Path(__file__).with_name("two_cells_probe.py")
CELLS = {"line_1": "1", "line_2": "2"}
"""Namespaces and seeds."""
SHARED = {"/parameter_events", "/rosout", "/tf", "/tf_static", "/clock"}
"""What every ROS system has under an absolute name."""


@dataclass(frozen=True)
class Both:
    """What a run of both left."""

    code: int
    seen: dict[str, Any]
    folder: Path

    def ledger(self, cell: str) -> dict[str, str]:
        ledger = PartLedger(self.folder / cell / "ledger.journal")
        fates = {str(fate): count for fate, count in ledger.counts().items()}
        ledger.close()
        return fates


def included(cell: str, seed: str, folder: Path) -> GroupAction:
    arguments = {
        "namespace": cell,
        "seed": seed,
        "out_dir": str(folder / cell),
        "transport": "memory" if EMBEDDED else "network",
        "twin": "false",
        "page": "false",
        "tf": "false",
        "log_level": "warn",
    }
    source = AnyLaunchDescriptionSource(str(Path(get_package_share_directory("workcell")) / "launch/cell.launch.py"))
    # A group of its own: arguments of one include would be those of the next otherwise.
    return GroupAction([IncludeLaunchDescription(source, launch_arguments=list(arguments.items()))])


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """One run of both cells, looked at by all tests here."""
    try:
        get_package_share_directory("workcell")
    except PackageNotFoundError:
        pytest.skip("workcell is not built in the sourced ROS 2 workspace")
    folder = tmp_path_factory.mktemp("cells")
    probe = Node(
        executable=sys.executable,
        arguments=[str(PROBE), str(folder / "seen.json"), *CELLS],
        output="screen",
        on_exit=EmitEvent(event=Shutdown(reason="the probe has seen enough")),
    )
    service = LaunchService(noninteractive=True)
    cells = [included(cell, seed, folder) for cell, seed in CELLS.items()]
    service.include_launch_description(LaunchDescription([*apart(EMBEDDED), *cells, probe]))
    with virtual_time():
        code = service.run()
    return Both(code, json.loads((folder / "seen.json").read_text(encoding="utf-8")), folder)


def virtual_time() -> Any:
    if not EMBEDDED:
        return nullcontext()
    from workcell_sim.embedded._kernel import Kernel

    return Kernel(clock="virtual")


def test_both_make_parts(both: Both) -> None:
    assert all(both.seen["before"][cell] >= 1 for cell in CELLS)
    assert both.code == 0


def test_every_topic_has_ends_in_one_cell_only(both: Both) -> None:
    ends = both.seen["ends"]
    strays = [name for name in ends if name not in SHARED and name.split("/")[1] not in CELLS]
    assert strays == []
    for name, namespaces in ends.items():
        if name not in SHARED:
            assert namespaces in ([], [f"/{name.split('/')[1]}"]), name
    for cell in CELLS:
        assert ends[f"/{cell}/readings"] == ends[f"/{cell}/joint_states"] == [f"/{cell}"]


def test_a_cell_that_is_stopped_stops_alone(both: Both) -> None:
    stopped, other = CELLS
    before, after = both.seen["before"], both.seen["after"]
    assert both.seen["stopped"]
    assert after[other] >= before[other] + 2
    assert after[stopped] <= before[stopped] + 1  # one may have been on its way to its bin


def test_each_ledger_has_the_parts_of_its_own_cell(both: Both) -> None:
    for cell in CELLS:
        assert sum(both.ledger(cell).values()) >= both.seen["after"][cell]
    stopped, other = CELLS
    assert sum(both.ledger(stopped).values()) < sum(both.ledger(other).values())
    files = {path.name for path in (both.folder / stopped).iterdir()}
    assert {"ledger.journal", "audit.jsonl", "params.yaml"} <= files
