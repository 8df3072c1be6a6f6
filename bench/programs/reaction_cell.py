"""Gateway, policy and governor on whichever rclpy runs it, around a cell's parameters; prints one line of JSON.

Each trial: the vacuum of a carried part falls, and the time is taken until the cell's own parameter has changed. Times
are of the machine's one real-time clock, in every process.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from bench.programs.ingest_cell import cpu_s
from workcell_control.governance.governor_node import GovernorNode
from workcell_control.policy.policy_node import PolicyNode
from workcell_ros import qos
from workcell_sensors import gateway_node
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.reading import Frame

TAG = "gripper/vacuum"
HELD_PA, FAILING_PA = 47e3, 20e3
FAILING_BELOW_PA = 25e3
BOUND = "part_acceleration_max_m_s2"
CELL = {
    "speed_scale": 0.6,
    "acceleration_scale": 0.5,
    "jerk_scale": 0.5,
    BOUND: 7.0,
    "grip_vacuum_pa": 55e3,
    "grip_dwell_s": 0.2,
    "settle_s": 0.2,
}
HOLD_S, REST_S = 0.15, 0.45
WAIT_MAX_S = 3.0
START_LIMIT_S = 30.0


class WatchedQueue(FrameQueue):
    """Notes when a failing vacuum reached the gateway."""

    arrived_ns = 0

    def put(self, frame: Frame) -> None:
        """Adds a frame."""
        if WatchedQueue.arrived_ns == 0 and float(frame.values[-1]) < FAILING_BELOW_PA:
            WatchedQueue.arrived_ns = time.time_ns()
        super().put(frame)


class CellStandIn(Node):
    """The cell's governed parameters, and when the bound was changed."""

    def __init__(self) -> None:
        super().__init__("cell")
        for name, value in CELL.items():
            self.declare_parameter(name, value)
        self.changed_ns = 0
        self.add_post_set_parameters_callback(self._on_set)
        self.state_pub = self.create_publisher(String, "cell/state", qos.STATE)

    def _on_set(self, parameters: list[Any]) -> None:
        if self.changed_ns == 0 and any(item.name == BOUND and item.value < CELL[BOUND] for item in parameters):
            self.changed_ns = time.time_ns()


class Bench:
    """The nodes on one executor, and the device beside them."""

    def __init__(self, options: argparse.Namespace) -> None:
        folder = Path(options.folder)
        text = Parameter.Type.STRING
        command = [sys.executable, "-m", "bench.programs.reaction_field", "--tags-file", options.tags_file]
        self.field = subprocess.Popen(
            [*command, "--port", str(options.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._line()
        vars(gateway_node)["FrameQueue"] = WatchedQueue
        self.cell = CellStandIn()
        inspection = Node("inspection")
        inspection.declare_parameter("exposure_s", 0.004)
        gateway = gateway_node.GatewayNode(
            parameter_overrides=[
                Parameter("tags_file", text, options.tags_file),
                Parameter("transport", text, "network"),
                Parameter("journal_file", text, str(folder / "journal")),
            ]
        )
        self.governor = GovernorNode(
            parameter_overrides=[
                Parameter("audit_file", text, str(folder / "audit.jsonl")),
                Parameter("known_good_file", text, str(folder / "known_good.json")),
            ]
        )
        self.policy = PolicyNode()
        self.managed: list[Any] = [self.governor, gateway, self.policy]
        self.executor = SingleThreadedExecutor()
        for node in (self.cell, inspection, *self.managed):
            self.executor.add_node(node)
        for node in self.managed:
            node.trigger_configure()
            node.trigger_activate()

    def show(self, value: float) -> int:
        """Has the device show a value; returns when."""
        assert self.field.stdin is not None
        self.field.stdin.write(f"{value / 1e3}\n")
        self.field.stdin.flush()
        return int(self._line())

    def say(self, state: str) -> None:
        """Publishes the cell's state."""
        self.cell.state_pub.publish(String(data=state))

    def spin(self, seconds: float) -> None:
        """Lets the nodes run for a while."""
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0.0:
            self.executor.spin_once(timeout_sec=left_s)

    def until(self, is_so: Callable[[], bool], limit_s: float) -> bool:
        """Lets the nodes run until something is so; returns whether it came to be in time."""
        end_s = time.monotonic() + limit_s
        while not is_so() and time.monotonic() < end_s:
            self.executor.spin_once(timeout_sec=0.1)
        return is_so()

    def trial(self, rng: random.Random) -> tuple[float, float] | None:
        """Returns arrival to change and device to change in [ms]; None where nothing changed."""
        self.cell.set_parameters([Parameter(BOUND, value=CELL[BOUND])])
        self.say("transfer")
        self.show(HELD_PA)
        # At any phase of the node's timers, as the field is.
        self.spin(HOLD_S + 0.05 * rng.random())
        self.cell.changed_ns = WatchedQueue.arrived_ns = 0
        shown_ns = self.show(FAILING_PA)
        if not self.until(lambda: self.cell.changed_ns > 0, WAIT_MAX_S):
            return None
        changed_ns = self.cell.changed_ns
        self.say("approach")
        self.show(0.0)
        self.spin(REST_S + 0.1 * rng.random())
        return (changed_ns - WatchedQueue.arrived_ns) / 1e6, (changed_ns - shown_ns) / 1e6

    def close(self) -> None:
        """Takes everything down."""
        assert self.field.stdin is not None
        self.field.stdin.close()
        self.field.wait(10.0)
        for node in self.managed:
            node.take_down()
        self.executor.shutdown()

    def _line(self) -> str:
        assert self.field.stdout is not None
        line = self.field.stdout.readline()
        if not line:
            raise RuntimeError("the device's process has ended")
        return line.strip()


def main() -> None:
    """Runs the trials and prints the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tags-file", required=True)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--trials", type=int, default=100)
    options = parser.parse_args()
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    bench = Bench(options)
    rng = random.Random(1)
    bench.show(HELD_PA)
    is_up = bench.until(
        lambda: TAG in bench.policy._readings and len(bench.governor._gate.current["cell"]) == len(CELL), START_LIMIT_S
    )
    if not is_up:
        raise SystemExit("the device's values do not reach the policy")
    bench.spin(1.0)
    start_s, cpu_start_s = time.monotonic(), cpu_s()
    results = [bench.trial(rng) for _ in range(options.trials)]
    elapsed_s, used_s = time.monotonic() - start_s, cpu_s() - cpu_start_s
    bench.close()
    rclpy.try_shutdown()
    done = [item for item in results if item is not None]
    figures = {
        "trials": len(results),
        "unanswered": len(results) - len(done),
        "arrival_to_change_ms": [item[0] for item in done],
        "device_to_change_ms": [item[1] for item in done],
        "cpu_share": used_s / elapsed_s,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
