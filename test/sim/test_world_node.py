"""The world node on its topics, actions and services: what a driver, gripper and camera offer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from world_rig import ROOT, STATION_FILE

pytest.importorskip("rclpy")
pytest.importorskip("rclpy.action")

import rclpy
from action_msgs.msg import GoalStatus
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory, GripperCommand
from control_msgs.msg import DynamicInterfaceGroupValues, JointTolerance
from rclpy.action import ActionClient
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Float64, String
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectoryPoint
from vision_msgs.msg import Detection2DArray

from workcell_ros import qos
from workcell_ros.convert import stamp_to_ns
from workcell_sim.world.arm_parameters import joint_names
from workcell_sim.world.signals import SIGNAL_NAMES
from workcell_sim.world.station import load_station
from workcell_sim.world.world_node import WorldNode

HOME = load_station(STATION_FILE).home_joints_rad
PICK = [-0.710974, -1.343006, 2.056881, -2.284671, -1.570796, -2.28177]
UNDER_CAMERA = [0.055, -1.538, 1.839, -1.871, -1.571, -1.516]
OVER_ACCEPT = [0.746, -1.466, 1.874, -1.979, -1.571, -1.425]


class Rig:
    """The node, and a client that hears all it says."""

    def __init__(self, state_file: Path, **overrides: Any) -> None:
        files = {
            "scenario_file": str(ROOT / "config" / "scenarios" / "calm.yaml"),
            "station_file": str(STATION_FILE),
            "arm_file": str(ROOT / "urdf" / "ur5e.yaml"),
            "description_file": str(ROOT / "urdf" / "cell.urdf.xacro"),
            "state_file": str(state_file),
            "infeed_interval_s": 0.5,
        }
        parameters = [Parameter(name, value=value) for name, value in {**files, **overrides}.items()]
        self.node = WorldNode(parameter_overrides=parameters)
        self.client = rclpy.create_node("client")
        self.heard: dict[str, list[Any]] = {}
        self.is_closed = False
        self.executor = rclpy.executors.SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.client)
        for kind, topic, profile in (
            (JointState, "joint_states", qos.SENSOR_DATA),
            (DynamicInterfaceGroupValues, "plant/signals", qos.reliable(20)),
            (Detection2DArray, "world/audit", qos.AUDIT),
            (String, "world/robot_state", qos.STATE),
            (Float64, "speed_scaling_state_broadcaster/speed_scaling", qos.STATE),
        ):
            self.listen(kind, topic, profile)
        self.trajectory = ActionClient(
            self.client, FollowJointTrajectory, "joint_trajectory_controller/follow_joint_trajectory"
        )
        self.gripper = ActionClient(self.client, GripperCommand, "gripper_controller/gripper_cmd")

    def listen(self, kind: Any, topic: str, profile: Any) -> None:
        heard = self.heard.setdefault(topic, [])
        self.client.create_subscription(kind, topic, heard.append, profile)

    def bring_up(self) -> None:
        assert self.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert self.node.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def run(self, seconds: float) -> None:
        end_ns = self.node.now_ns() + round(seconds * 1e9)
        while self.node.now_ns() < end_ns:
            self.executor.spin_once(timeout_sec=0.02)

    def result_of(self, future: Any, timeout_s: float = 15.0) -> Any:
        self.executor.spin_until_future_complete(future, timeout_sec=timeout_s)
        assert future.done()
        return future.result()

    def call(self, service: str) -> Any:
        client = self.client.create_client(Trigger, service)
        return self.result_of(client.call_async(Trigger.Request()))

    def send(self, goal: Any, feedback: Callable[[Any], None] | None = None) -> Any:
        return self.result_of(self.trajectory.send_goal_async(goal, feedback_callback=feedback))

    def move(self, position: list[float], seconds: float = 1.0) -> Any:
        handle = self.send(trajectory(position, seconds))
        assert handle.accepted
        return self.result_of(handle.get_result_async())

    def grip(self, position: float, vacuum_pa: float = 55e3) -> Any:
        goal = GripperCommand.Goal()
        goal.command.position, goal.command.max_effort = position, vacuum_pa
        handle = self.result_of(self.gripper.send_goal_async(goal))
        return self.result_of(handle.get_result_async()) if handle.accepted else None

    def wait_for_part(self) -> None:
        index = SIGNAL_NAMES.index("infeed/part_present")
        for _ in range(100):
            self.run(0.1)
            signals = self.heard["plant/signals"]
            if signals and signals[-1].interface_values[0].values[index] == 1.0:
                return
        raise AssertionError("no part arrived")

    def close(self) -> None:
        if not self.is_closed:
            self.is_closed = True
            self.node.destroy_node()
            self.client.destroy_node()


@pytest.fixture
def rigs(rclpy_up: None, tmp_path: Path) -> Iterator[Callable[..., Rig]]:
    made: list[Rig] = []

    def make(**overrides: Any) -> Rig:
        made.append(Rig(tmp_path / "world_state.json", **overrides))
        return made[-1]

    yield make
    for rig in made:
        rig.close()


def trajectory(position: list[float], seconds: float, names: tuple[str, ...] = joint_names()) -> Any:
    goal = FollowJointTrajectory.Goal()
    goal.trajectory.joint_names = list(names)
    time = Duration(sec=int(seconds), nanosec=round((seconds % 1) * 1e9))
    zero = [0.0] * 6
    goal.trajectory.points = [
        JointTrajectoryPoint(positions=list(position), velocities=zero, accelerations=zero, time_from_start=time)
    ]
    return goal


def test_trajectory_runs_with_feedback_to_success(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    feedback: list[Any] = []
    handle = rig.send(trajectory(UNDER_CAMERA, 1.0), feedback.append)
    outcome = rig.result_of(handle.get_result_async())
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED
    assert (outcome.result.error_code, outcome.result.error_string) == (0, "Goal successfully reached!")
    assert len(feedback) >= 5
    assert list(feedback[0].feedback.joint_names) == list(joint_names())
    rig.run(0.2)
    joints = rig.heard["joint_states"][-1]
    assert list(joints.position) == pytest.approx(UNDER_CAMERA, abs=1e-3)
    assert len(joints.effort) == len(joints.velocity) == 6


def test_malformed_goal_is_rejected_and_inactive_node_accepts_none(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    assert not rig.send(trajectory(UNDER_CAMERA, 1.0, ("x",) * 6)).accepted
    assert rig.grip(1.0, vacuum_pa=0.0) is None
    rig.node.trigger_deactivate()
    assert not rig.send(trajectory(UNDER_CAMERA, 1.0)).accepted
    assert rig.grip(0.0) is None


def test_cancel_stops_the_arm_on_its_way(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    handle = rig.send(trajectory(UNDER_CAMERA, 3.0))
    rig.run(1.0)
    assert len(rig.result_of(handle.cancel_goal_async()).goals_canceling) == 1
    assert rig.result_of(handle.get_result_async()).status == GoalStatus.STATUS_CANCELED
    rig.run(0.6)
    stopped = rig.heard["joint_states"][-1]
    assert max(abs(v) for v in stopped.velocity) < 1e-3
    assert HOME[0] + 0.01 < stopped.position[0] < UNDER_CAMERA[0] - 0.01


def test_new_goal_preempts_the_old_one(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    first = rig.send(trajectory(UNDER_CAMERA, 3.0))
    first_result = first.get_result_async()
    assert rig.move(list(HOME), 1.0).status == GoalStatus.STATUS_SUCCEEDED
    old = rig.result_of(first_result)
    assert old.status == GoalStatus.STATUS_ABORTED
    assert "preempted" in old.result.error_string


def test_path_tolerance_of_the_goal_is_kept(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    goal = trajectory(UNDER_CAMERA, 0.5)
    goal.path_tolerance = [JointTolerance(name=name, position=1e-7) for name in joint_names()]
    outcome = rig.result_of(rig.send(goal).get_result_async())
    assert outcome.status == GoalStatus.STATUS_ABORTED
    assert outcome.result.error_code == FollowJointTrajectory.Result.PATH_TOLERANCE_VIOLATED


def test_speed_slider_slows_the_arm_and_is_published(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    rig.node.set_parameters([Parameter("speed_scaling", value=0.5)])
    rig.run(1.0)
    start_ns = rig.node.now_ns()
    assert rig.move(UNDER_CAMERA, 1.0).status == GoalStatus.STATUS_SUCCEEDED
    assert (rig.node.now_ns() - start_ns) / 1e9 == pytest.approx(2.0, abs=0.3)
    assert rig.heard["speed_scaling_state_broadcaster/speed_scaling"][-1].data == 0.5
    refused = rig.node.set_parameters([Parameter("speed_scaling", value=1.5)])
    assert not refused[0].successful


def test_protective_stop_and_recovery(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    rig.run(0.1)
    assert rig.heard["world/robot_state"][-1].data == "normal"
    handle = rig.send(trajectory(UNDER_CAMERA, 2.0))
    rig.run(0.5)
    assert rig.call("world/protective_stop").success
    outcome = rig.result_of(handle.get_result_async())
    assert outcome.status == GoalStatus.STATUS_ABORTED
    rig.run(0.1)
    assert rig.heard["world/robot_state"][-1].data == "protective_stop;reason=requested by service"
    assert not rig.send(trajectory(UNDER_CAMERA, 2.0)).accepted
    early = rig.call("world/reset_protective_stop")
    assert not early.success
    assert "cannot unlock" in early.message
    rig.run(2.1)
    assert rig.call("world/reset_protective_stop").success
    rig.run(0.1)
    assert rig.heard["world/robot_state"][-1].data == "normal"
    assert rig.move(UNDER_CAMERA).status == GoalStatus.STATUS_SUCCEEDED


def test_a_part_goes_from_the_belt_past_the_camera_into_the_bin(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    rig.listen(Image, "camera/image_raw", qos.SENSOR_DATA)
    rig.listen(CameraInfo, "camera/camera_info", qos.SENSOR_DATA)
    rig.wait_for_part()
    rig.move(PICK)
    gripped = rig.grip(1.0)
    assert gripped.result.reached_goal
    assert gripped.result.effort > 15e3
    rig.run(0.2)
    rig.move(UNDER_CAMERA, 1.5)
    rig.run(0.4)
    frame = rig.heard["camera/image_raw"][-1]
    assert (frame.width, frame.height, frame.encoding, frame.header.frame_id) == (
        640,
        640,
        "mono8",
        "camera_optical_frame",
    )
    assert max(frame.data) > 150
    info = rig.heard["camera/camera_info"][-1]
    assert stamp_to_ns(info.header.stamp) == stamp_to_ns(frame.header.stamp)
    assert (info.k[0], info.k[2]) == (1670.0, 319.5)
    rig.move(OVER_ACCEPT, 1.5)
    assert rig.grip(0.0).result.reached_goal
    rig.run(0.2)
    (audit,) = rig.heard["world/audit"]
    assert audit.header.frame_id == "accept"
    assert audit.detections[0].id == "p00000"
    truth = audit.detections[0].results[0].hypothesis.class_id
    assert truth == ("defective" if len(audit.detections) > 1 else "good")


def test_grip_in_the_air_stalls(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    outcome = rig.grip(1.0)
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED
    assert outcome.result.stalled
    assert not outcome.result.reached_goal


def test_signals_carry_every_tag_once_at_their_rate(rigs: Callable[..., Rig]) -> None:
    rig = rigs()
    rig.bring_up()
    rig.run(1.0)
    signals = rig.heard["plant/signals"]
    assert 15 <= len(signals) <= 21
    (group,) = signals[-1].interface_values
    assert list(group.interface_names) == list(SIGNAL_NAMES)
    assert len(group.values) == len(SIGNAL_NAMES)
    stamps = [stamp_to_ns(message.header.stamp) for message in signals]
    assert stamps == sorted(stamps)


def test_respawned_world_goes_on_with_the_part_at_the_cup(rigs: Callable[..., Rig], tmp_path: Path) -> None:
    first = rigs()
    first.bring_up()
    first.wait_for_part()
    first.move(PICK)
    first.grip(1.0)
    first.run(0.6)
    first.close()
    second = rigs()
    second.bring_up()
    second.run(0.3)
    vacuum = second.heard["plant/signals"][-1].interface_values[0].values[SIGNAL_NAMES.index("gripper/vacuum")]
    assert vacuum > 45e3
    second.move(OVER_ACCEPT, 2.0)
    second.grip(0.0)
    second.run(0.2)
    assert second.heard["world/audit"][-1].detections[0].id == "p00000"
    assert json.loads((tmp_path / "world_state.json").read_text())["key"]["seed"] == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("station_file", "/nowhere/station.yaml"), ("scenario_file", "/nowhere/s.yaml"), ("tick_s", 0.0101)],
)
def test_what_cannot_be_used_fails_configure(rigs: Callable[..., Rig], name: str, value: Any) -> None:
    assert rigs(**{name: value}).node.trigger_configure() == TransitionCallbackReturn.FAILURE


def test_an_arm_of_another_driver_is_heard_by_name_and_not_spoken_for(rigs: Callable[..., Rig]) -> None:
    rig = rigs(fidelity="mirror", gripper="valve")
    joints = rig.client.create_publisher(JointState, "joint_states", qos.SENSOR_DATA)
    valve = rig.client.create_publisher(Float64, "gripper_controller/valve", qos.STATE)
    rig.bring_up()
    rig.wait_for_part()
    # Other joints among them and another order, as broadcasters have it.
    names = [*reversed(joint_names()), "world_joint"]
    for _ in range(100):
        message = JointState(name=names, position=[*reversed(PICK), float("nan")])
        message.header.stamp = rig.client.get_clock().now().to_msg()
        joints.publish(message)
        rig.run(0.01)
    valve.publish(Float64(data=55e3))
    rig.run(1.0)
    vacuum = rig.heard["plant/signals"][-1].interface_values[0].values[SIGNAL_NAMES.index("gripper/vacuum")]
    assert vacuum > 40e3  # it sealed on the part: the arm is where its driver says
    # On a real ROS 2 the servers of an earlier node of the same name may be remembered for a while.
    for _ in range(100):
        if not (rig.trajectory.server_is_ready() or rig.gripper.server_is_ready()):
            break
        rig.run(0.1)
    assert not rig.trajectory.server_is_ready()
    assert not rig.gripper.server_is_ready()
    assert rig.heard["world/robot_state"] == []


def test_a_world_whose_disk_takes_nothing_goes_on(rigs: Callable[..., Rig], tmp_path: Path) -> None:
    rig = rigs()
    rig.bring_up()
    rig.run(0.5)
    # What is written beside the file to take its place cannot be, as on a full disk.
    (tmp_path / "world_state.json.new").mkdir()
    heard = len(rig.heard["joint_states"])
    rig.run(1.5)
    assert len(rig.heard["joint_states"]) > heard
    (tmp_path / "world_state.json.new").rmdir()
    (tmp_path / "world_state.json").unlink()
    rig.run(1.0)
    assert (tmp_path / "world_state.json").is_file()
