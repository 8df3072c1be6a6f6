"""Carries out steps on the graph of a cell in Gazebo and keeps what the joints did. A program of bench/worlds.py.

`python -m bench.programs.gazebo_moves STEPS.json RESULT.npz`, where ROS 2 is sourced and the cell's world is up.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
from builtin_interfaces.msg import Duration, Time
from control_msgs.action import FollowJointTrajectory, GripperCommand
from control_msgs.msg import DynamicInterfaceGroupValues
from rclpy.action import ActionClient
from rclpy.parameter import Parameter
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectoryPoint

NS = 1_000_000_000
AHEAD_S = 0.3
"""Moves begin at a stamp this far ahead, so that both worlds know when."""
SETTLE_S = 0.3
REST_S = 0.15
PATIENCE_S = 300.0
VACUUM_PA = 55e3
PRESENT = "infeed/part_present"


class Mover:
    """A client of the cell's world."""

    def __init__(self) -> None:
        self.node = rclpy.create_node("moves", parameter_overrides=[Parameter("use_sim_time", value=True)])
        self.arm = ActionClient(self.node, FollowJointTrajectory, "joint_trajectory_controller/follow_joint_trajectory")
        self.gripper = ActionClient(self.node, GripperCommand, "gripper_controller/gripper_cmd")
        self.joints: list[tuple[float, dict[str, float]]] = []
        self.image: Any = None
        self.is_present = False
        subscribe = self.node.create_subscription
        subscribe(JointState, "joint_states", self._on_joints, qos_profile_sensor_data)
        subscribe(Image, "camera/image_raw", self._on_image, qos_profile_sensor_data)
        subscribe(DynamicInterfaceGroupValues, "plant/signals", self._on_signals, 20)

    def now_s(self) -> float:
        """Time of the world."""
        return float(self.node.get_clock().now().nanoseconds) / NS

    def wait(self, is_done: Any) -> None:
        """Spins until something holds."""
        begin = time.monotonic()
        while not is_done():
            rclpy.spin_once(self.node, timeout_sec=0.2)
            if time.monotonic() - begin > PATIENCE_S:
                raise TimeoutError("the world did not get there")

    def move(self, step: dict[str, Any]) -> float:
        """Carries out a trajectory and hears the joints come to rest; returns when it began."""
        goal = FollowJointTrajectory.Goal()
        start_s = self.now_s() + AHEAD_S
        goal.trajectory.header.stamp = Time(sec=int(start_s), nanosec=int(start_s % 1 * NS))
        goal.trajectory.joint_names = step["joints"]
        goal.trajectory.points = [
            JointTrajectoryPoint(
                positions=position,
                velocities=velocity,
                accelerations=acceleration,
                time_from_start=Duration(sec=int(at_s), nanosec=int(at_s % 1 * NS)),
            )
            for at_s, position, velocity, acceleration in step["points"]
        ]
        result = self._result(self.arm, goal)
        if result.error_code != 0:
            raise RuntimeError(f"{step['name']}: {result.error_string}")
        rest_s = start_s + step["points"][-1][0] + REST_S
        self.wait(lambda: self.joints[-1][0] > rest_s)
        return start_s

    def grip(self, is_on: bool) -> None:
        """Switches the vacuum and waits for its answer."""
        goal = GripperCommand.Goal()
        goal.command.position, goal.command.max_effort = float(is_on), VACUUM_PA
        if not self._result(self.gripper, goal).reached_goal:
            raise RuntimeError("the gripper did not reach its goal")

    def look(self) -> Any:
        """Waits for the arm to settle and returns the next frame."""
        settled_s = self.now_s() + SETTLE_S
        self.image = None
        self.wait(lambda: self.image is not None and _seconds(self.image.header.stamp) > settled_s)
        return np.frombuffer(self.image.data, np.uint8).reshape(self.image.height, self.image.width)

    def _result(self, client: Any, goal: Any) -> Any:
        sent = client.send_goal_async(goal)
        self.wait(sent.done)
        handle = sent.result()
        if not handle.accepted:
            raise RuntimeError("a goal was refused")
        told = handle.get_result_async()
        self.wait(told.done)
        return told.result().result

    def _on_joints(self, message: Any) -> None:
        self.joints.append((_seconds(message.header.stamp), dict(zip(message.name, message.position, strict=True))))

    def _on_image(self, message: Any) -> None:
        self.image = message

    def _on_signals(self, message: Any) -> None:
        values = message.interface_values[0]
        self.is_present = values.values[list(values.interface_names).index(PRESENT)] == 1.0


def main() -> None:
    """Carries out the steps."""
    steps = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    rclpy.init()
    mover = Mover()
    kept: dict[str, Any] = {}
    mover.wait(lambda: mover.joints and mover.arm.server_is_ready() and mover.gripper.server_is_ready())
    for index, step in enumerate(steps):
        if step["kind"] == "part":
            mover.wait(lambda: mover.is_present)
        elif step["kind"] == "grip":
            mover.grip(step["is_on"])
        elif step["kind"] == "look":
            kept["image"] = mover.look()
        else:
            mover.joints.clear()
            start_s = mover.move(step)
            trace = [[at_s - start_s, *(place[name] for name in step["joints"])] for at_s, place in mover.joints]
            kept[f"trace_{index}"] = np.array(trace)
    np.savez(sys.argv[2], **kept)
    rclpy.shutdown()


def _seconds(stamp: Any) -> float:
    return float(stamp.sec) + float(stamp.nanosec) / NS


if __name__ == "__main__":
    main()
