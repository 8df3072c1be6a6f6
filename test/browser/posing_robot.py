"""The real console beside a robot that publishes its description and stands as a file says.

`python posing_robot.py FOLDER` serves the page until it is interrupted; `FOLDER/pose` holds the index of a pose.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path

from workcell_sim.embedded import activate

POSES = ((0.0, -1.57, 1.57, -1.57, -1.57, 0.0), (0.9, -1.0, 1.2, -0.4, 1.0, 0.5))
NAMES = tuple(f"{name}_joint" for name in ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3"))
ROOT = Path(__file__).parents[2]


def main(folder: Path) -> None:
    """Runs until interrupted."""
    from workcell_ros.compose import main as compose
    from workcell_sim.embedded._kernel import Kernel

    params = folder / "params.yaml"
    params.write_text(
        f"/**/console: {{ros__parameters: {{port: 0, token_file: {folder / 'token'}, url_file: {folder / 'url'}, "
        f"results_file: {folder / 'results.json'}, questions_dir: {folder / 'questions'}}}}}\n",
        encoding="utf-8",
    )
    with Kernel("wall") as kernel:
        kernel.spawn(
            partial(compose, ["console", "--ros-args", "--params-file", str(params)]), ["compose"], name="console"
        )
        robot = kernel.spawn(partial(pose, folder), ["robot"], name="robot")
        asked: list[int] = []
        signal.signal(signal.SIGINT, lambda number, _frame: asked.append(number))
        kernel.run_until(lambda: bool(asked) or not robot.alive)
        for process in kernel.processes:
            process.signal(signal.SIGINT)
        kernel.run_until(lambda: not kernel.processes, limit_ns=5_000_000_000)


def pose(folder: Path) -> None:
    """Brings the console up and publishes."""
    import rclpy
    from lifecycle_msgs.msg import Transition
    from sensor_msgs.msg import JointState
    from std_msgs.msg import String

    from workcell_console.player_node import Player
    from workcell_control.motion.description import load_description
    from workcell_ros import qos

    rclpy.init(args=[])
    executor = rclpy.executors.SingleThreadedExecutor()
    player = Player("")
    executor.add_node(player)
    description = load_description(ROOT / "urdf" / "cell.urdf.xacro", {"sim": "embedded"})
    player.create_publisher(String, "robot_description", qos.latched(1)).publish(String(data=description))
    joints = player.create_publisher(JointState, "joint_states", qos.SENSOR_DATA)
    brought_up = 0
    for tick in range(1_000_000):
        if tick in (10, 20):
            player.change_state(
                "console", (Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE)[brought_up]
            )
            brought_up += 1
        text = (folder / "pose").read_text(encoding="utf-8") if (folder / "pose").is_file() else ""
        position = POSES[int(text)] if text else POSES[0]
        joints.publish(JointState(name=list(NAMES), position=list(position)))
        executor.spin_once(timeout_sec=0.05)


if __name__ == "__main__":
    activate()
    main(Path(sys.argv[1]))
