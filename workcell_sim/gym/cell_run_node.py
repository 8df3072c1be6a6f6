"""A cell's nodes on a kernel of their own in virtual time, run cycle by cycle from outside."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.signals import SignalHandlerOptions

from workcell_ros.errors import WorkcellError
from workcell_ros.lifecycle import bring_up
from workcell_ros.plan import CellPlan
from workcell_ros.registry import NODES
from workcell_sim.embedded._kernel import Kernel
from workcell_sim.gym.agent_node import AgentNode, ToldCycle
from workcell_sim.gym.backend import Values

NS_PER_S = 1_000_000_000
LOOK_PERIOD_NS = NS_PER_S // 50
"""How often it is looked whether a cycle has ended."""


class CellRun:
    """Brings a planned cell up, with an `AgentNode` in the policy's place.

    Raises:
        WorkcellError: a node could not be brought up; its log says why.
    """

    def __init__(self, plan: CellPlan) -> None:
        self._nodes: dict[str, Any] = {}
        self._agent: AgentNode | None = None
        self._kernel = Kernel(clock="virtual")
        # The cell's nodes leave what they receive as it is.
        self._kernel.shares_messages = True
        self.last_stop_ns = self._kernel.now_ns()
        arguments = ["cell", "--ros-args", "--log-level", "error", "--params-file", str(plan.params_file)]
        with self._kernel.use():
            self._process = self._kernel.spawn(partial(self._main, tuple(plan.values)), arguments, name="cell")
            self._kernel.run_for(LOOK_PERIOD_NS)
        if self._agent is None:
            self.close()
            raise WorkcellError("the environment's cell could not be brought up; its log above says why")

    @property
    def own_wear(self) -> float:
        """Share of the gears' life that the shift has taken so far, mean of the joints."""
        return float(self._nodes["world"].truth.own_wear.mean())

    @property
    def conditions(self) -> Mapping[str, float]:
        """What no sensor tells."""
        world = self._nodes["world"].truth
        return {"leak": float(world.conditions.leak), "shift_s": float(world.time_s)}

    def propose(self, wanted: Values) -> None:
        """Asks the governor for parameters, by node."""
        assert self._agent is not None
        with self._kernel.use():
            self._agent.propose(wanted, "the environment's action")

    def next_cycle(self, time_max_s: float) -> ToldCycle:
        """Runs until one more part has come to the end of the line, and returns its cycle.

        Raises:
            WorkcellError: none has in `time_max_s`, or the cell has ended.
        """
        assert self._agent is not None
        end_ns = self._kernel.now_ns() + round(time_max_s * NS_PER_S)
        with self._kernel.use():
            while (told := self._agent.take()) is None:
                if self._kernel.now_ns() >= end_ns or self._process.exit_code is not None:
                    raise WorkcellError(f"no part has come through the cell in {time_max_s:g} s; it may need a person")
                self._kernel.run_for(LOOK_PERIOD_NS)
        self.last_stop_ns = told.stop_ns
        return told

    def close(self) -> None:
        """Takes every node down, so that its files are closed, and forgets the kernel."""
        with self._kernel.use():
            for node in (self._agent, *self._nodes.values()):
                if node is not None:
                    node.take_down()
                    node.destroy_node()
        self._kernel.close()
        self._nodes, self._agent = {}, None

    def _main(self, names: tuple[str, ...]) -> None:
        # Ctrl-C is for whoever trains.
        rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
        executor = SingleThreadedExecutor()
        for name in names:
            self._nodes[name] = bring_up(NODES[name].load_class())
            executor.add_node(self._nodes[name])
        agent = bring_up(AgentNode)
        executor.add_node(agent)
        self._agent = agent
        executor.spin()
