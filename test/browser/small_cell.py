"""The real console and governor over a stand-in cell whose grip wants what a person must authorise.

`python small_cell.py FOLDER PORT` serves the page until it is interrupted. Whenever nothing waits for a person, the
next of `GRIPS_PA` is proposed.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path

from workcell_sim.embedded import activate

GRIPS_PA = (74e3, 78e3, 76e3)
REASON = "vacuum 41.0 kPa holds 0.30 kg at scale 0.40"
PAUSE_S = 2.5
"""Longer than the governor's shortest interval between two changes."""
CONFIG = Path(__file__).parents[2] / "config"
NODES = ("governor", "console")


def main(folder: Path, port: int) -> None:
    """Runs until interrupted."""
    from workcell_ros.compose import main as compose
    from workcell_sim.embedded._kernel import Kernel

    params = folder / "params.yaml"
    params.write_text(
        f"/**/governor: {{ros__parameters: {{governance_file: {CONFIG / 'governance.yaml'}, "
        f"audit_file: {folder / 'audit.jsonl'}}}}}\n"
        f"/**/console: {{ros__parameters: {{port: {port}, token_file: {folder / 'token'}, "
        f"url_file: {folder / 'url'}, results_file: {folder / 'results.json'}}}}}\n",
        encoding="utf-8",
    )
    with Kernel("wall") as kernel:
        for name in NODES:
            kernel.spawn(partial(compose, [name, "--ros-args", "--params-file", str(params)]), ["compose"], name=name)
        stand_in = kernel.spawn(cell, ["cell"], name="cell")
        asked: list[int] = []
        signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
        kernel.run_until(lambda: bool(asked) or not stand_in.alive)
        for process in kernel.processes:
            process.signal(signal.SIGINT)
        kernel.run_until(lambda: not kernel.processes, limit_ns=5_000_000_000)


def cell() -> None:
    """Brings the nodes up, holds the parameters and proposes."""
    import rclpy
    from lifecycle_msgs.msg import Transition
    from rcl_interfaces.msg import ParameterEvent
    from std_msgs.msg import String

    from workcell_console.player_node import Player, StandIn
    from workcell_control.policy.policy import FOLLOWED
    from workcell_ros import convert, qos

    rclpy.init(args=[])
    executor = rclpy.executors.SingleThreadedExecutor()
    player = Player("")
    executor.add_node(player)
    for name, parameters in FOLLOWED.items():
        values = {**dict.fromkeys(parameters, 0.5), "grip_vacuum_pa": 66e3}
        executor.add_node(StandIn(name, "", {parameter: values[parameter] for parameter in parameters}))
    state = player.create_publisher(String, "cell/state", qos.STATE)

    def spin(seconds: float) -> None:
        end_ns = player.get_clock().now().nanoseconds + round(seconds * 1e9)
        while player.get_clock().now().nanoseconds < end_ns:
            executor.spin_once(timeout_sec=0.05)

    def propose(grip_pa: float) -> int:
        stamp_ns = player.get_clock().now().nanoseconds & ~1
        explanation = convert.make_status(
            "policy: hold",
            convert.OK,
            "vacuum 41.0 kPa holds 0.30 kg at scale 0.40",
            {"model": "hold", "urgency": "reflex"},
        )
        player.play("policy/explanations", convert.make_diagnostics(stamp_ns, [explanation]))
        event = ParameterEvent(node="/cell", stamp=convert.ns_to_stamp(stamp_ns))
        event.changed_parameters = [convert.parameter_message("grip_vacuum_pa", grip_pa)]
        player.play("policy/proposals", event)
        return stamp_ns

    def outcome(stamp_ns: int) -> str:
        said = [item.outcome for item in player.decisions if item.kind == "verdict" and item.stamp_ns == stamp_ns]
        return said[-1] if said else ""

    spin(0.5)
    for name in NODES:
        for transition in (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE):
            player.change_state(name, transition)
            spin(0.3)
    state.publish(String(data="pick"))
    for grip_pa in GRIPS_PA:
        spin(PAUSE_S)
        stamp_ns = propose(grip_pa)
        while outcome(stamp_ns) in ("", "pending"):
            spin(0.1)
    while True:
        spin(1.0)


if __name__ == "__main__":
    activate()
    main(Path(sys.argv[1]), int(sys.argv[2]))
