"""The twin's second cell: those nodes that make cycles, in virtual time, stopped where a part is about to be let go.

From there it is tried out as often as wanted: each trial runs in a child process that is a copy of this one, so that
nothing is imported, built, taught or read again, and every trial starts from the same state.
"""

from __future__ import annotations

import gc
import json
import os
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy.ma  # noqa: F401 - NumPy's median loads it on its first use: here, not in every trial
from rclpy.node import Node
from rclpy.parameter import Parameter
from statistics_msgs.msg import MetricsMessage
from std_msgs.msg import String

from workcell_console.fork_plan import FORKED_NODES, plan_fork, scenario_of
from workcell_console.shift import COLLECTION_THRESHOLDS, SHARE_DIR
from workcell_control.twin.forecast import ForkCycle, is_settled
from workcell_control.twin.fork import ForkRequest, cycles_to_line
from workcell_ros import convert, qos
from workcell_ros.errors import WorkcellError
from workcell_ros.lifecycle import bring_up, run_nodes
from workcell_ros.registry import NODES
from workcell_sim.embedded._kernel import Kernel
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.teach_golden import teach_goldens

NS_PER_S = 1_000_000_000
READY_S = 1.5
"""Shift time at which all nodes have been heard and the first part is still on its way."""
REHEARSED_CYCLES = 3
"""So many parts are made before any trial: what is made on first use, such as a board's references, is there."""
REHEARSAL_MAX_S = 60.0
"""Shift time after which trials start from wherever the cell is."""
REHEARSAL_STEP_NS = NS_PER_S // 50
LETTING_GO = "place"
"""Activity of the cell at the end of a cycle: the next one is begun and planned with a trial's own parameters."""
LOOK_PERIOD_NS = NS_PER_S // 4
"""How often a trial is asked whether it has settled."""
VERDICT_ACCEPT = 0


class CycleListener(Node):
    """Collects the forked cell's cycles, and knows what it is at."""

    def __init__(self) -> None:
        super().__init__("cycle_listener")
        self.cycles: list[ForkCycle] = []
        self.activity = ""
        self._row: dict[str, float] = {}
        self._window_ns = 0
        self._since_ns = 0
        self.create_subscription(MetricsMessage, "cell/kpi", self._on_metric, qos.KPI)
        self.create_subscription(String, "cell/state", self._on_state, qos.STATE)

    def restart(self) -> None:
        """Forgets all cycles; one under way will not count either."""
        self.cycles, self._row = [], {}
        self._since_ns = self.get_clock().now().nanoseconds

    def _on_state(self, message: Any) -> None:
        self.activity = message.data.partition(";")[0]

    def _on_metric(self, message: Any) -> None:
        if message.measurement_source_name != "cycle" or convert.stamp_to_ns(message.window_start) < self._since_ns:
            return
        window_ns = convert.stamp_to_ns(message.window_stop)
        if window_ns != self._window_ns:
            self._window_ns, self._row = window_ns, {}
        self._row[message.metrics_source] = message.statistics[0].data
        if self._row.keys() & _NEEDED == _NEEDED:
            self.cycles.append(_cycle(self._row))
            self._row = {}


_NEEDED = {"cycle_time", "verdict", "drop", "energy"}


def _cycle(row: Mapping[str, float]) -> ForkCycle:
    return ForkCycle(
        cycle_time_s=row["cycle_time"],
        # An accepted part counts as good: escapes depend on the inspection, not on what is tried here.
        is_good=round(row["verdict"]) == VERDICT_ACCEPT and row["drop"] < 0.5,
        is_dropped=row["drop"] > 0.5,
        energy_j=row["energy"],
    )


class ForkedCell:
    """A cell that is ready to produce, to be copied for each trial.

    Args:
        folder: where its files go.
        seed: of everything random in it.
        params_file: parameter file of the real cell, None for what ships.

    Raises:
        WorkcellError: the cell could not be brought up.
    """

    def __init__(self, folder: Path, seed: int, params_file: Path | None = None) -> None:
        plan = plan_fork(SHARE_DIR, folder, seed, params_file)
        boards_dir = plan.values["world"]["boards_dir"]
        teach_goldens(BoardFactory(0, boards_dir=boards_dir or None), plan.values["inspection"]["golden_dir"])
        self._kernel = Kernel(clock="virtual")
        self._kernel.shares_messages = True
        self._nodes: dict[str, Any] = {}
        self._listener: CycleListener | None = None
        self._thresholds = gc.get_threshold()
        arguments = ["forked_cell", "--ros-args", "--log-level", "fatal", "--params-file", str(plan.params_file)]
        with self._kernel.use():
            self._process = self._kernel.spawn(self._main, arguments, name="forked_cell")
            self._kernel.run_for(round(READY_S * NS_PER_S))
        if self._process.exit_code is not None or self._listener is None:
            raise WorkcellError("the twin's second cell could not be brought up; its log above says why")

    def close(self) -> None:
        """Takes the cell down, and gives back to garbage collection what `warm_up` took out of it."""
        self._kernel.close()
        gc.unfreeze()
        gc.set_threshold(*self._thresholds)

    def warm_up(self) -> None:
        """Makes some parts, so that trials find what is made on first use, and stops as one more is about to be let go.

        What is there is taken out of garbage collection: trials inherit it and would copy what they look at.
        """
        self._rehearse()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*COLLECTION_THRESHOLDS)

    def _rehearse(self) -> None:
        listener = self._listener
        assert listener is not None
        end_ns = self._kernel.now_ns() + round(REHEARSAL_MAX_S * NS_PER_S)
        steps: tuple[Callable[[], bool], ...] = (
            lambda: len(listener.cycles) >= REHEARSED_CYCLES,
            lambda: listener.activity != LETTING_GO,
            lambda: listener.activity == LETTING_GO,
        )
        with self._kernel.use():
            for is_reached in steps:
                while not is_reached() and self._kernel.now_ns() < end_ns:
                    self._kernel.run_for(REHEARSAL_STEP_NS)

    def try_out(self, request: ForkRequest) -> str:
        """Runs a trial in a copy of this process and returns its answer as one line.

        Raises:
            WorkcellError: the copy ended without an answer.
        """
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(reading)
                with os.fdopen(writing, "w", encoding="utf-8") as answer:
                    answer.write(self._answer_to(request))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                # Nothing of the parent's may be cleaned up or flushed here.
                os._exit(code)
        os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as answer:
            line = answer.read()
        _, status = os.waitpid(child, 0)
        if not line or status != 0:
            raise WorkcellError(f"a trial of {request.parameters} ended with status {status}; its log above says why")
        return line

    def _answer_to(self, request: ForkRequest) -> str:
        try:
            return cycles_to_line(self.run(request))
        except WorkcellError as error:
            return json.dumps({"error": str(error)})

    def run(self, request: ForkRequest) -> list[ForkCycle]:
        """Runs a trial here and now, from the cell's present state, until it has settled or its time is over.

        Raises:
            WorkcellError: a node refuses its parameters.
        """
        assert self._listener is not None
        with self._kernel.use():
            self._listener.restart()
            self._nodes["world"].disturb(scenario_of(request.condition, request.duration_s))
            for name, values in request.parameters.items():
                self._set(name, values)
            left_ns = round(request.duration_s * NS_PER_S)
            while left_ns > 0 and not is_settled(self._listener.cycles):
                self._kernel.run_for(min(LOOK_PERIOD_NS, left_ns))
                left_ns -= LOOK_PERIOD_NS
        return self._listener.cycles

    def _set(self, name: str, values: Mapping[str, float]) -> None:
        if name not in self._nodes:
            return
        parameters = [Parameter(key, value=value) for key, value in values.items()]
        result = self._nodes[name].set_parameters_atomically(parameters)
        if not result.successful:
            raise WorkcellError(f"the twin's {name} refuses {dict(values)}: {result.reason}")

    def _main(self) -> None:
        run_nodes([*(partial(self._make, name) for name in FORKED_NODES), self._make_listener])

    def _make(self, name: str) -> Any:
        node = self._nodes[name] = bring_up(NODES[name].load_class())
        return node

    def _make_listener(self) -> CycleListener:
        self._listener = CycleListener()
        return self._listener
