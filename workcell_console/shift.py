"""Runs one shift of the whole cell on the embedded runtime, to the end."""

from __future__ import annotations

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workcell_console.cell_arguments import scenario_path
from workcell_console.cell_check import check_arguments
from workcell_ros.errors import WorkcellError
from workcell_sim.embedded import RUNTIME_DIR, RUNTIME_VARIABLE, RuntimeSelectionError, activate
from workcell_sim.world.scenario import Event, load_scenario

if TYPE_CHECKING:
    from workcell_sim.embedded._kernel import Kernel

NS_PER_S = 1_000_000_000
RESULTS = "results.json"
FOREVER_NS = 365 * 24 * 3600 * NS_PER_S


def _share_dir() -> Path:
    """Returns where config, launch and urdf lie: in the checkout, or in the prefix this code is installed under."""
    checkout = RUNTIME_DIR.parents[1]
    if (checkout / "package.xml").is_file():
        return checkout
    folders = (prefix / "share" / "workcell" for prefix in checkout.parents)
    return next((folder for folder in folders if folder.is_dir()), checkout)


SHARE_DIR = _share_dir()
COLLECTION_THRESHOLDS = (50_000, 20, 50)
KILL_PERIOD_NS = NS_PER_S // 10
"""While a killed node is to stay dead, it is killed this often: launch starts it again and again."""


@dataclass(frozen=True)
class ShiftOptions:
    """What is asked of a shift."""

    out_dir: Path
    scenario: str = "all_at_once"
    duration_s: float = 360.0
    seed: int = 1
    clock: str = "virtual"
    """virtual: as fast as possible, no sockets; paced: `speed` times real time, with real protocols."""
    speed: float = 1.0
    arguments: dict[str, str] = field(default_factory=dict)
    """Further launch arguments of the cell."""

    @property
    def is_virtual(self) -> bool:
        """Whether time is virtual: no sockets, no page."""
        return self.clock == "virtual"


def check_shift(options: ShiftOptions) -> None:
    """Checks everything a shift needs; nothing is started and nothing left behind.

    Raises:
        WorkcellError: names file, key, value or port and the remedy.
    """
    use_embedded()
    # Checking loads the nodes' modules, all of which stay.
    with rare_collection():
        check_arguments(_launch_arguments(options), SHARE_DIR)


def run_shift(options: ShiftOptions, attend: Callable[[Kernel], object] | None = None) -> dict[str, Any]:
    """Runs a shift and returns its results, which are also in `out_dir/results.json`.

    Args:
        options: what is asked of the shift.
        attend: called with the kernel before the cell is launched, so that further programs may be spawned on it.

    Raises:
        WorkcellError: the cell could not be started, or ended without results.
    """
    use_embedded()
    from workcell_ros.launching import LaunchRun
    from workcell_sim.embedded._kernel import Kernel

    rate = 1.0 if options.is_virtual else options.speed
    with rare_collection(), Kernel(clock=options.clock, rate=rate) as kernel:
        # The cell's nodes leave what they receive as it is.
        kernel.shares_messages = True
        run = LaunchRun(SHARE_DIR / "launch" / "cell.launch.py", _launch_arguments(options), options.duration_s)
        _schedule_faults(kernel, options.scenario)
        if attend is not None:
            attend(kernel)
        code = run.run()
    results = read_results(options.out_dir)
    if code != 0 or results is None:
        raise WorkcellError(f"{options.out_dir}: the cell ended with exit code {code}")
    return results


@contextmanager
def rare_collection() -> Iterator[None]:
    """Seeks cyclic garbage less often: a shift makes many objects, but hardly any that its counts do not free."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTION_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def use_embedded() -> None:
    """Takes the embedded runtime for this process and those it starts, also where a ROS 2 is sourced.

    Raises:
        WorkcellError: WORKCELL_RUNTIME=ros asks for the contrary.
        RuntimeSelectionError: rclpy of that ROS 2 was imported before.
    """
    if activate():
        return
    if os.environ.get(RUNTIME_VARIABLE) == "ros":
        raise WorkcellError(
            f"paced and virtual time need the embedded runtime: unset {RUNTIME_VARIABLE}, "
            "or start the cell on ROS 2 with `ros2 launch workcell cell.launch.py`"
        )
    os.environ[RUNTIME_VARIABLE] = "embedded"
    try:
        activate()
    except RuntimeSelectionError:
        del os.environ[RUNTIME_VARIABLE]
        raise


def _launch_arguments(options: ShiftOptions) -> dict[str, str]:
    is_virtual = options.is_virtual
    return {
        "scenario": options.scenario,
        "seed": str(options.seed),
        "duration_s": str(options.duration_s),
        "out_dir": str(options.out_dir),
        # Only a process can be killed; in one for all, virtual time need not switch between them.
        "composition": "single" if is_virtual and not _kills_nodes(options) else "node",
        "transport": "memory" if is_virtual else "network",
        "time_scale": "1.0" if is_virtual else str(options.speed),
        "page": str(not is_virtual).lower(),
        "tf": str(not is_virtual).lower(),
        "log_level": "warn" if is_virtual else "info",
        **options.arguments,
    }


def _kills_nodes(options: ShiftOptions) -> bool:
    return bool(load_scenario(scenario_path(options.scenario, SHARE_DIR)).of_kind("node_kill"))


def read_results(out_dir: Path) -> dict[str, Any] | None:
    """Returns the results of a run, or None where it left none."""
    path = out_dir / RESULTS
    if not path.is_file():
        return None
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def _schedule_faults(kernel: Kernel, scenario: str) -> None:
    """Has the scenario's node faults happen: the kernel is the only one who can hold a node back or kill it."""
    start_ns = kernel.now_ns()
    for event in load_scenario(scenario_path(scenario, SHARE_DIR)).of_kind("node_stall", "node_kill"):
        kernel.call_at(start_ns + round(event.at_s * NS_PER_S), partial(_fault, kernel, event))


def _fault(kernel: Kernel, event: Event) -> None:
    print(f"scenario: {event.kind} of {event.target}", file=sys.stderr)
    duration_ns = min(round((event.ramp_s + event.hold_s) * NS_PER_S), FOREVER_NS)
    if event.kind == "node_stall":
        kernel.stall(f"/{event.target}", duration_ns)
    else:
        _keep_dead(kernel, event.target, kernel.now_ns() + duration_ns)


def _keep_dead(kernel: Kernel, node: str, until_ns: int) -> None:
    """Kills a node's process, and every one that is started in its place before `until_ns`."""
    for process in kernel.processes:
        if process.name.startswith(node):
            process.kill()
    next_ns = kernel.now_ns() + KILL_PERIOD_NS
    if next_ns < until_ns:
        kernel.call_at(next_ns, partial(_keep_dead, kernel, node, until_ns))
