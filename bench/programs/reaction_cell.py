"""Gateway, policy, governor and the cell's mover on whichever rclpy runs it; prints one line of JSON.

Each trial: the vacuum of a carried part falls in mid-move, and two times are taken: until the cell's own parameter has
changed, and until the arm's controller has received the rest of the move at its lower rate. Times are of the machine's
one real-time clock, in every process.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from bench.programs.ingest_cell import cpu_s
from bench.programs.reaction_arm import MovingCell
from workcell_control.governance.governor_node import GovernorNode
from workcell_control.policy.policy import FOLLOWED
from workcell_control.policy.policy_node import PolicyNode
from workcell_sensors import gateway_node
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.reading import Frame

TAG = "gripper/vacuum"
HELD_PA, FAILING_PA = 47e3, 20e3
FAILING_BETWEEN_KPA = (15.0, 25.0)
"""In the unit that the device sends: arrival is that of the raw frame."""
BOUND = "part_acceleration_max_m_s2"
BOUND_M_S2 = 7.0
HOLD_S, REST_S = 0.15, 0.45
WAIT_MAX_S = 3.0
COMMAND_WAIT_MAX_S = 0.5
START_LIMIT_S = 30.0


class WatchedQueue(FrameQueue):
    """Notes when a failing vacuum reached the gateway."""

    arrived_ns = 0

    def put(self, frame: Frame) -> None:
        """Adds a frame."""
        low_kpa, high_kpa = FAILING_BETWEEN_KPA
        if WatchedQueue.arrived_ns == 0 and low_kpa < float(frame.values[-1]) < high_kpa:
            WatchedQueue.arrived_ns = time.time_ns()
        super().put(frame)


@dataclass(frozen=True)
class Reaction:
    """The times of one trial in [ms]; None where nothing came."""

    device_to_change_ms: float
    arrival_to_change_ms: float
    arrival_to_command_ms: float | None
    """None where the move was at its end before it could be slowed down."""


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
        self.cell = MovingCell(parameter_overrides=[Parameter("ledger_file", text, "")])
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
        self.managed: list[Any] = [self.cell, self.governor, gateway, self.policy]
        self.executor = SingleThreadedExecutor()
        for node in (inspection, *self.managed):
            self.executor.add_node(node)
        for node in self.managed:
            node.trigger_configure()
            node.trigger_activate()
        self.executor.add_node(self.cell.controller.node)

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

    def trial(self, rng: random.Random) -> Reaction | None:
        """Returns how long everything took; None where nothing changed."""
        self.cell.set_parameters([Parameter(BOUND, value=BOUND_M_S2)])
        # No vacuum is expected before the pick, and every vacuum after it is a part's.
        self.say("pick")
        self.show(HELD_PA)
        self.until(lambda: self.policy._readings[TAG] > FAILING_BETWEEN_KPA[1] * 1e3, WAIT_MAX_S)
        self.say("transfer")
        self.cell.carry()
        self.until(lambda: self.cell.controller.is_busy, WAIT_MAX_S)
        # At any phase of the move and of the node's timers, as the field is.
        self.spin(HOLD_S + 0.05 * rng.random())
        self.cell.softened_ns = WatchedQueue.arrived_ns = 0
        self.cell.controller.received_ns.clear()
        shown_ns = self.show(FAILING_PA)
        if not self.until(lambda: self.cell.softened_ns > 0, WAIT_MAX_S):
            return None
        changed_ns = self.cell.softened_ns
        commands_ns = self.cell.controller.received_ns
        is_slowed = self.until(lambda: any(at_ns > changed_ns for at_ns in commands_ns), COMMAND_WAIT_MAX_S)
        command_ns = next(at_ns for at_ns in commands_ns if at_ns > changed_ns) if is_slowed else None
        self.cell.halt()
        self.say("approach")
        self.show(0.0)
        self.spin(REST_S + 0.1 * rng.random())
        self.until(lambda: self.cell.is_at_rest, WAIT_MAX_S)
        arrived_ns = WatchedQueue.arrived_ns
        return Reaction(
            (changed_ns - shown_ns) / 1e6,
            (changed_ns - arrived_ns) / 1e6,
            None if command_ns is None else (command_ns - arrived_ns) / 1e6,
        )

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
        lambda: TAG in bench.policy._readings and len(bench.governor._gate.current["cell"]) == len(FOLLOWED["cell"]),
        START_LIMIT_S,
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
        "reactions": [asdict(item) for item in done],
        "cpu_share": used_s / elapsed_s,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
