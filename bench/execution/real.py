"""The same executor against joint_trajectory_controller of ros2_control with mock hardware, under a real ROS 2.

Started by `python -m bench.execution --ros-setup FILE`; needs controller_manager and the controller installed.
"""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rclpy
import yaml
from control_msgs.msg import JointTrajectoryControllerState
from controller_manager_msgs.srv import ConfigureController, LoadController, SwitchController
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_msgs.msg import String

from bench.execution.measured import LimitShares
from bench.output import keep, show
from workcell_control.cell.arm_client_node import ArmClient
from workcell_control.execution.drivers import driver_of
from workcell_control.execution.follower import JOINT_SHARE_AIM, limit_excess
from workcell_control.execution.outcome import TrackingWatch
from workcell_control.motion.description import load_description
from workcell_control.motion.limits import JointLimits, MotionScales
from workcell_control.motion.trajectory import JointState, JointTrajectory, joint_move
from workcell_ros import qos
from workcell_ros.config import load_yaml
from workcell_sim.world.arm_parameters import JOINT_COUNT, load_arm_parameters

UPDATE_RATE_HZ = 250
CONTROLLER = "joint_trajectory_controller"
SCALES = MotionScales(0.6, 0.5, 0.5)
REACH_RAD = 0.8
MOVE_WITHIN_S = 30.0
ANSWER_WITHIN_S = 3.0
JOINTS = tuple(f"{name}_joint" for name in ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3"))
BROADCASTER = "joint_state_broadcaster"


@dataclass
class Seen:
    """What came of it."""

    played: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    moves_ok: int = 0
    unnamed: int = 0


class Bench(Node):
    """Owns the executor and plays with it."""

    def __init__(self, limits: JointLimits, shares: LimitShares, seed: int) -> None:
        super().__init__("execution_bench")
        self.limits = limits
        self.shares = shares
        self.seen = Seen()
        self.rng = np.random.default_rng(seed)
        self.is_unwatched = False
        self.home = np.array(load_yaml("config/station.yaml")["home_joints_rad"])
        self.driver: subprocess.Popen[bytes]
        self._last: Any = None
        self._spinner = SingleThreadedExecutor()
        self._spinner.add_node(self)
        self._description = self.create_publisher(String, "robot_description", qos.STATE)
        self._description.publish(String(data=load_description("urdf/cell.urdf.xacro", {"sim": "mock"})))
        self._callers = {
            name: self.create_client(kind, f"controller_manager/{name}")
            for name, kind in (
                ("load_controller", LoadController),
                ("configure_controller", ConfigureController),
                ("switch_controller", SwitchController),
            )
        }
        self.watch = TrackingWatch(JOINTS, 0.15)
        self.arm = ArmClient(self, driver_of("mock"), JOINTS, lambda: None, self.watch)
        self.create_subscription(
            JointTrajectoryControllerState, f"{CONTROLLER}/controller_state", self._on_state, qos.reliable(100)
        )
        self.create_timer(0.1, lambda: self.arm.check(2.0))

    def now_ns(self) -> int:
        """Time of the node's clock."""
        return int(self.get_clock().now().nanoseconds)

    def until(self, is_so: Callable[[], bool], within_s: float = MOVE_WITHIN_S) -> bool:
        """Spins until something is so; False where it was not in time."""
        end_s = time.monotonic() + within_s
        while not is_so():
            if time.monotonic() > end_s:
                return False
            self._spinner.spin_once(timeout_sec=0.05)
        return True

    def wait(self, duration_s: float) -> None:
        """Spins for a while."""
        self.until(lambda: False, duration_s)

    def call(self, service: str, **values: Any) -> bool:
        """Calls the controller manager and tells whether it did as asked."""
        client = self._callers[service]
        end_s = time.monotonic() + MOVE_WITHIN_S
        while time.monotonic() < end_s:
            if not self.until(client.service_is_ready):
                break
            # A driver that was killed is listed for some seconds more; what is asked of it is lost.
            future = client.call_async(client.srv_type.Request(**values))
            if self.until(future.done, ANSWER_WITHIN_S):
                return bool(future.result().ok)
        raise RuntimeError(f"controller_manager/{service} does not answer for {MOVE_WITHIN_S:g} s")

    @property
    def heard_ns(self) -> int:
        """Time of the last joint state; 0 before the first."""
        return 0 if self.arm.state.is_silent(0.5) else self.now_ns()

    def switch(self, is_active: bool, name: str = CONTROLLER) -> bool:
        """Activates or deactivates a controller."""
        names = {("activate_controllers" if is_active else "deactivate_controllers"): [name]}
        return self.call("switch_controller", **names, strictness=SwitchController.Request.STRICT)

    def bring_up(self, activate_after_s: float) -> None:
        """Loads and configures the controller; a move sent now is refused until it is active some time later."""
        for name in (BROADCASTER, CONTROLLER):
            if not self.call("load_controller", name=name) or not self.call("configure_controller", name=name):
                raise RuntimeError(f"{name} could not be loaded and configured")
        began_ns = self.now_ns()
        if not self.switch(True, BROADCASTER) or not self.until(lambda: self.heard_ns > began_ns):
            raise RuntimeError(f"{BROADCASTER} tells nothing")
        if activate_after_s:
            self._activation = self.create_timer(activate_after_s, self._activate)
        elif not self.switch(True):
            raise RuntimeError(f"{CONTROLLER} could not be activated")

    def _activate(self) -> None:
        self._activation.cancel()
        request = SwitchController.Request(
            activate_controllers=[CONTROLLER], strictness=SwitchController.Request.STRICT
        )
        self._callers["switch_controller"].call_async(request)

    def begin_move(self, scales: MotionScales = SCALES) -> list[tuple[bool, str]]:
        """Sends a random move from where the arm is; the list returned gets its end."""
        ends: list[tuple[bool, str]] = []
        start = self.arm.start
        assert start is not None
        goal = self.home + self.rng.uniform(-REACH_RAD, REACH_RAD, JOINT_COUNT)
        plan = joint_move(JointState.at_rest(start), goal, self.limits.scaled(scales))
        self.arm.move(plan, self._excess, lambda is_ok, reason: ends.append((is_ok, reason)))
        return ends

    def end_move(self, ends: list[tuple[bool, str]], within_s: float = MOVE_WITHIN_S) -> None:
        """Waits for a move's end and books it."""
        if not self.until(lambda: bool(ends), within_s):
            ends.append((False, ""))
        is_ok, reason = ends[0]
        self.seen.moves_ok += is_ok
        if not is_ok:
            self.seen.reasons[reason] += 1
            self.seen.unnamed += not reason

    def _excess(self, trajectory: JointTrajectory) -> float:
        return limit_excess(trajectory, self.limits) / JOINT_SHARE_AIM

    def _on_state(self, message: Any) -> None:
        reference = message.reference
        now_s = message.header.stamp.sec + message.header.stamp.nanosec * 1e-9
        here = (now_s, np.array(reference.positions), np.array(reference.velocities), np.array(reference.accelerations))
        before, self._last = self._last, here
        if before is None or self.is_unwatched or not len(here[3]) or not len(before[3]):
            return
        dt_s = here[0] - before[0]
        if not 0.5 / UPDATE_RATE_HZ < dt_s < 10.0 / UPDATE_RATE_HZ:
            return  # messages were lost in between: no difference can be made
        velocity = np.vstack([here[2], (here[1] - before[1]) / dt_s])
        self.shares.add(velocity, here[3][None, :], ((here[3] - before[3]) / dt_s)[None, :])


def profile(bench: Bench, moves: int) -> None:
    """The rate steps at random between 0 and 1 during every move."""
    for _ in range(moves):
        bench.until(lambda: bench.arm.is_ready)
        ends = bench.begin_move()
        while not ends:
            bench.wait(float(bench.rng.uniform(0.2, 0.8)))
            if ends:
                break
            bench.seen.played["rate steps"] += 1
            bench.arm.set_rate(float(bench.rng.choice([0.0, 1.0, bench.rng.uniform()], p=[0.15, 0.55, 0.3])))
            if bench.arm.is_paused:
                bench.wait(0.4)
                bench.arm.set_rate(1.0)
        bench.arm.set_rate(1.0)
        bench.end_move(ends)


def cancels(bench: Bench, count: int) -> None:
    """A move is given up somewhere on its way; the arm must come to rest on its path."""
    for _ in range(count):
        bench.until(lambda: bench.arm.is_ready)
        bench.begin_move()
        bench.wait(float(bench.rng.uniform(0.15, 0.9)))
        bench.arm.cancel()
        bench.seen.played["cancels"] += 1
        if not bench.until(lambda: bench.arm.state.is_still, 3.0):
            bench.seen.reasons["does not stand after a cancel"] += 1


def tolerance(bench: Bench) -> None:
    """A tolerance that no motion keeps: the move must end with a reason that names the joint."""
    bench.until(lambda: bench.arm.is_ready)
    kept, bench.watch._limit_rad = bench.watch._limit_rad, 1e-6
    bench.seen.played["tolerances that nothing keeps"] += 1
    bench.end_move(bench.begin_move())
    bench.watch._limit_rad = kept
    bench.until(lambda: bench.arm.state.is_still, 3.0)


def deactivations(bench: Bench, count: int) -> None:
    """The controller is deactivated during a move, a move is tried while it is inactive, and it comes back."""
    for _ in range(count):
        bench.until(lambda: bench.arm.is_ready)
        ends = bench.begin_move()
        bench.wait(float(bench.rng.uniform(0.2, 0.6)))
        bench.is_unwatched = True
        bench.switch(False)
        bench.seen.played["deactivations"] += 1
        bench.end_move(ends, 8.0)
        bench.until(lambda: bench.arm.is_ready)
        again = bench.begin_move()
        bench.wait(0.5)
        bench.switch(True)
        bench.is_unwatched = False
        bench.end_move(again)


def restarts(bench: Bench, count: int, start: Callable[[], subprocess.Popen[bytes]]) -> None:
    """The whole driver is killed during a move and started again; the next move waits for it to be active."""
    for _ in range(count):
        bench.until(lambda: bench.arm.is_ready)
        ends = bench.begin_move()
        bench.wait(0.4)
        bench.is_unwatched = True
        stop(bench.driver)
        bench.seen.played["driver restarts"] += 1
        bench.end_move(ends, 10.0)
        bench.driver = start()
        bench.bring_up(activate_after_s=0.7)
        bench.until(lambda: bench.arm.is_ready)
        again = bench.begin_move()
        bench.is_unwatched = False
        bench.end_move(again)


def stop(driver: subprocess.Popen[bytes]) -> None:
    """Kills the driver as a crash would."""
    driver.send_signal(signal.SIGKILL)
    driver.wait()


def launch(folder: Path) -> subprocess.Popen[bytes]:
    """Starts ros2_control_node with mock hardware; its controllers are loaded by the bench."""
    constraints: dict[str, Any] = {name: {"trajectory": 0.2, "goal": 0.05} for name in JOINTS}
    controller = {
        "type": f"{CONTROLLER}/JointTrajectoryController",
        "joints": list(JOINTS),
        "command_interfaces": ["position", "velocity"],
        "state_interfaces": ["position", "velocity"],
        "interpolate_from_desired_state": True,
        "constraints": {"stopped_velocity_tolerance": 0.05, "goal_time": 2.0, **constraints},
    }
    broadcaster = {"type": f"{BROADCASTER}/JointStateBroadcaster"}
    manager: dict[str, Any] = {
        "update_rate": UPDATE_RATE_HZ,
        BROADCASTER: broadcaster,
        CONTROLLER: {"type": controller.pop("type")},
    }
    parameters = folder / "controllers.yaml"
    manager[CONTROLLER]["params_file"] = str(parameters)
    text = {"controller_manager": {"ros__parameters": manager}, CONTROLLER: {"ros__parameters": controller}}
    parameters.write_text(yaml.safe_dump(text), encoding="utf-8")
    log = (folder / "driver.log").open("ab")
    prefixes = os.environ["AMENT_PREFIX_PATH"].split(os.pathsep)
    binaries = (Path(prefix) / "lib/controller_manager/ros2_control_node" for prefix in prefixes)
    binary = next((path for path in binaries if path.is_file()), None)
    if binary is None:
        raise RuntimeError("controller_manager is not installed in the ROS 2 that was set up")
    return subprocess.Popen([str(binary), "--ros-args", "--params-file", str(parameters)], stdout=log, stderr=log)


def main() -> int:
    """Runs all cases; 1 where anything was not as it must be."""
    moves, cancel_count, restart_count, seed = map(int, sys.argv[1:5])
    arm = load_arm_parameters("urdf/ur5e.yaml")
    dynamics = (arm.velocity_max_rad_s, arm.acceleration_max_rad_s2, arm.jerk_max_rad_s3)
    limits = JointLimits(arm.position_min_rad, arm.position_max_rad, *dynamics)
    shares = LimitShares(*dynamics)
    rclpy.init()
    with tempfile.TemporaryDirectory(prefix="workcell-execution-") as folder:
        start = partial(launch, Path(folder))
        bench = Bench(limits, shares, seed)
        bench.driver = start()
        try:
            bench.bring_up(activate_after_s=0.7)
            bench.seen.played["moves sent before the controller was active"] += 1
            bench.end_move(bench.begin_move())
            profile(bench, moves)
            cancels(bench, cancel_count)
            tolerance(bench)
            deactivations(bench, restart_count // 2)
            restarts(bench, restart_count - restart_count // 2, start)
        finally:
            stop(bench.driver)
        bench.destroy_node()
        rclpy.try_shutdown()
    seen = bench.seen
    figures: dict[str, Any] = {
        "played": dict(seen.played),
        "moves completed": seen.moves_ok,
        "reasons of those that were not": dict(seen.reasons),
        "ended early without a named reason": seen.unnamed,
        "samples of the reference": shares.samples,
        "largest share of the limit": shares.largest,
        "samples beyond the limit": shares.beyond,
    }
    rows: list[list[object]] = [[name, str(value)] for name, value in figures.items()]
    show("Execution on ros2_control with mock hardware", ["figure", "value"], rows)
    keep("execution_ros2_control", figures)
    return int(bool(seen.unnamed or any(shares.beyond.values()) or math.isnan(shares.largest["jerk"])))


if __name__ == "__main__":
    sys.exit(main())
