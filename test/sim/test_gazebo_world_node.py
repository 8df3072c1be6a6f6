"""The node around Gazebo on its topics: what it makes of Gazebo's words, and what it asks of Gazebo."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from world_rig import ROOT, STATION_FILE

pytest.importorskip("rclpy")
pytest.importorskip("rclpy.action")

import rclpy
from control_msgs.msg import DynamicInterfaceGroupValues
from controller_manager_msgs.srv import SwitchController
from geometry_msgs.msg import TransformStamped
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image, Imu, JointState
from std_msgs.msg import Float64, String
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage

from workcell_ros import qos
from workcell_ros.convert import ns_to_stamp, stamp_to_ns
from workcell_sim.gazebo.belt import ROLLER_RADIUS_M, BeltConfig
from workcell_sim.gazebo.gazebo_world_node import GazeboWorldNode
from workcell_sim.world.signals import SIGNAL_NAMES
from workcell_sim.world.station import load_station

STATION = load_station(STATION_FILE)
WHITE = 200


class Rig:
    """The node, and a client that plays Gazebo."""

    def __init__(self, spawn_dir: Path) -> None:
        files = {
            "scenario_file": str(ROOT / "config" / "scenarios" / "calm.yaml"),
            "station_file": str(STATION_FILE),
            "arm_file": str(ROOT / "urdf" / "ur5e.yaml"),
            "description_file": str(ROOT / "urdf" / "cell.urdf.xacro"),
            "mesh_file": str(ROOT / "worlds" / "meshes" / "board_face.obj"),
            "spawn_dir": str(spawn_dir),
        }
        overrides = [Parameter(name, value=value) for name, value in files.items()]
        self.node = GazeboWorldNode(parameter_overrides=[*overrides, Parameter("infeed_interval_s", value=0.5)])
        self.gazebo = rclpy.create_node("gazebo")
        self.heard: dict[str, list[Any]] = {}
        for kind, topic, profile in (
            (DynamicInterfaceGroupValues, "plant/signals", qos.reliable(20)),
            (String, "world/robot_state", qos.STATE),
            (Image, "camera/image_raw", qos.SENSOR_DATA),
            (CameraInfo, "camera/camera_info", qos.SENSOR_DATA),
            (String, "gazebo/boards/spawn", qos.reliable(20)),
            (String, "gazebo/boards/remove", qos.reliable(20)),
            (String, "gazebo/cup/detach", qos.reliable(20)),
            (Float64, "gazebo/infeed/roller_rate", qos.latched()),
        ):
            heard = self.heard.setdefault(topic, [])
            self.gazebo.create_subscription(kind, topic, heard.append, profile)
        self.switches: list[Any] = []
        self.gazebo.create_service(SwitchController, "controller_manager/switch_controller", self._on_switch)
        self.joint_pub = self.gazebo.create_publisher(JointState, "joint_states", 10)
        self.imu_pub = self.gazebo.create_publisher(Imu, "gazebo/gripper/imu", 10)
        self.pose_pub = self.gazebo.create_publisher(TFMessage, "gazebo/boards/pose", 10)
        self.image_pub = self.gazebo.create_publisher(Image, "gazebo/camera/image_raw", 2)
        self.timer = self.gazebo.create_timer(0.01, self._on_step)
        self.boards: dict[str, tuple[float, float, float]] = {}
        self.executor = rclpy.executors.SingleThreadedExecutor()
        self.executor.add_node(self.node)
        self.executor.add_node(self.gazebo)
        assert self.node.trigger_configure() == TransitionCallbackReturn.SUCCESS
        assert self.node.trigger_activate() == TransitionCallbackReturn.SUCCESS

    def run(self, seconds: float) -> None:
        end_ns = self.node.now_ns() + round(seconds * 1e9)
        while self.node.now_ns() < end_ns:
            self.executor.spin_once(timeout_sec=0.02)

    def words(self, topic: str) -> list[str]:
        return [message.data for message in self.heard[topic]]

    def signal(self, name: str) -> float:
        values: float = self.heard["plant/signals"][-1].interface_values[0].values[SIGNAL_NAMES.index(name)]
        return values

    def call(self, service: str) -> Any:
        client = self.gazebo.create_client(Trigger, service)
        future = client.call_async(Trigger.Request())
        self.executor.spin_until_future_complete(future, timeout_sec=5.0)
        return future.result()

    def close(self) -> None:
        self.node.destroy_node()
        self.gazebo.destroy_node()

    def _on_step(self) -> None:
        stamp = self.gazebo.get_clock().now().to_msg()
        # Gazebo's order is its own, and fixed joints are among them.
        names = ["base_joint", *reversed(self.node._cell.joints)]
        joints = JointState(name=names, position=[0.0, *reversed(STATION.home_joints_rad)], velocity=[0.0] * 7)
        joints.header.stamp = stamp
        self.joint_pub.publish(joints)
        imu = Imu()
        imu.linear_acceleration.z = -9.81
        self.imu_pub.publish(imu)
        poses = TFMessage()
        for name, place in self.boards.items():
            pose = TransformStamped(child_frame_id=name)
            pose.header.stamp = stamp
            moved = pose.transform.translation
            moved.x, moved.y, moved.z = place
            pose.transform.rotation.w = 1.0
            poses.transforms.append(pose)
        self.pose_pub.publish(poses)

    def _on_switch(self, request: Any, response: Any) -> Any:
        self.switches.append((list(request.deactivate_controllers), list(request.activate_controllers)))
        response.ok = True
        return response


@pytest.fixture
def rig(rclpy_up: None, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path)
    yield made
    made.close()


def eventually(rig: Rig, holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        rig.run(0.05)
    assert holds()


def test_boards_are_asked_for_by_name_with_their_files_written(rig: Rig, tmp_path: Path) -> None:
    eventually(rig, lambda: bool(rig.words("gazebo/boards/spawn")))
    assert set(rig.words("gazebo/boards/remove")) >= set(rig.words("gazebo/boards/spawn"))
    assert set(rig.words("gazebo/cup/detach")) == {f"board_{number}" for number in range(6)}
    assert (tmp_path / f"{rig.words('gazebo/boards/spawn')[0]}.sdf").is_file()


def test_a_board_at_the_stop_shows_on_the_field_side(rig: Rig) -> None:
    eventually(rig, lambda: bool(rig.words("gazebo/boards/spawn")))
    x, y, z = STATION.infeed_pick.position_m
    rig.boards[rig.words("gazebo/boards/spawn")[0]] = (x, y, z - STATION.board_thickness_m / 2)
    eventually(rig, lambda: rig.signal("infeed/part_present") == 1.0)
    rates = [message.data for message in rig.heard["gazebo/infeed/roller_rate"]]
    assert max(rates) == pytest.approx(BeltConfig.speed_m_s / ROLLER_RADIUS_M)
    assert rates[-1] == 0.0


def test_frames_are_exposed_and_carry_the_cameras_name(rig: Rig) -> None:
    width, height = STATION.camera.image_size_px
    stamp = ns_to_stamp(rig.node.now_ns())
    frame = Image(height=height, width=width, step=width, encoding="mono8", data=bytes([WHITE]) * (width * height))
    frame.header.stamp = stamp

    def is_published() -> bool:
        rig.image_pub.publish(frame)
        rig.run(0.05)
        return bool(rig.heard["camera/image_raw"])

    eventually(rig, is_published)
    image, info = rig.heard["camera/image_raw"][0], rig.heard["camera/camera_info"][0]
    assert image.header.frame_id == info.header.frame_id == "camera_optical_frame"
    assert stamp_to_ns(image.header.stamp) == stamp_to_ns(info.header.stamp) == stamp_to_ns(stamp)
    # 4 ms of the 4.5 ms that saturate a white part.
    assert set(image.data) == {round(WHITE * 4.0 / 4.5)}


def test_protective_stop_takes_the_controller_out_and_puts_it_in_again(rig: Rig) -> None:
    eventually(rig, lambda: rig.words("world/robot_state") == ["normal"])
    assert rig.call("world/protective_stop").success
    eventually(rig, lambda: len(rig.switches) == 1)
    assert rig.switches == [(["joint_trajectory_controller"], [])]
    eventually(rig, lambda: rig.words("world/robot_state")[-1].startswith("protective_stop;reason="))
    assert not rig.call("world/reset_protective_stop").success
    rig.run(2.2)
    assert rig.call("world/reset_protective_stop").success
    eventually(rig, lambda: rig.switches[1:] == [([], ["joint_trajectory_controller"])])
