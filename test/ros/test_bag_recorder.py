"""The recorder node: what it hears is what the bag holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from workcell_console.bag import BagReader
from workcell_console.recorder_node import RecorderNode

LATCHED = QoSProfile(depth=5, durability=DurabilityPolicy.TRANSIENT_LOCAL)
LOSSY = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)


class Rig:
    """A recorder and a talker on one executor."""

    def __init__(self, bag_dir: Path, **parameters: Any) -> None:
        values = {"bag_dir": str(bag_dir), **parameters}
        overrides = [Parameter(name, value=value) for name, value in values.items()]
        self.recorder = RecorderNode(parameter_overrides=overrides)
        self.talker = rclpy.create_node("talker")
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.recorder)
        self.executor.add_node(self.talker)

    def spin(self, seconds: float) -> None:
        clock = self.talker.get_clock()
        end_ns = clock.now().nanoseconds + int(seconds * 1e9)
        while clock.now().nanoseconds < end_ns:
            self.executor.spin_once(timeout_sec=0.01)

    def start(self) -> None:
        assert self.recorder.trigger_configure().name == "SUCCESS"
        assert self.recorder.trigger_activate().name == "SUCCESS"

    def stop(self) -> None:
        self.recorder.trigger_deactivate()
        self.recorder.trigger_cleanup()

    def close(self) -> None:
        self.executor.shutdown()
        self.talker.destroy_node()
        self.recorder.destroy_node()


def record(bag_dir: Path, **parameters: Any) -> None:
    """Records a latched, a lossy and a plain topic, one of which begins later."""
    rig = Rig(bag_dir, **parameters)
    latched = rig.talker.create_publisher(String, "latched", LATCHED)
    latched.publish(String(data="early"))
    lossy = rig.talker.create_publisher(JointState, "joints", LOSSY)
    rig.start()
    rig.spin(1.0)
    late = rig.talker.create_publisher(String, "late", 10)
    rig.spin(1.0)
    for index in range(3):
        lossy.publish(JointState(position=[float(index)]))
        late.publish(String(data=f"late {index}"))
        rig.spin(0.1)
    rig.stop()
    rig.close()


@pytest.mark.usefixtures("rclpy_up")
@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_topics_are_recorded_as_they_are_offered(tmp_path: Path, storage: str) -> None:
    record(tmp_path / "bag", storage=storage)
    with BagReader(tmp_path / "bag") as bag:
        topics = {topic.name: topic for topic in bag.topics}
        texts = [deserialize_message(item.data, String).data for item in bag.messages(["/latched", "/late"])]
        positions = [deserialize_message(item.data, JointState).position[0] for item in bag.messages(["/joints"])]
    assert texts == ["early", "late 0", "late 1", "late 2"]
    assert positions == [0.0, 1.0, 2.0]
    assert topics["/latched"].qos[0].durability == "transient_local"
    assert topics["/joints"].qos[0].reliability == "best_effort"
    assert topics["/late"].type_hash.startswith("RIHS01_df668c74")
    assert "MSG: std_msgs/Header" in topics["/joints"].definition
    assert "/diagnostics" in topics


@pytest.mark.usefixtures("rclpy_up")
def test_only_chosen_topics_are_recorded(tmp_path: Path) -> None:
    record(tmp_path / "bag", topics=["/late", "/latched"], excluded_topics=["/latched"])
    with BagReader(tmp_path / "bag") as bag:
        assert [(topic.name, topic.message_count) for topic in bag.topics] == [("/late", 3)]


class BlackBoxRig(Rig):
    """A recorder that only keeps a black box, and a talker that is robot, cell and monitor."""

    def __init__(self, folder: Path, **parameters: Any) -> None:
        values = {"mode": "black_box", "black_box_dir": str(folder), "black_box_after_s": 0.3, **parameters}
        super().__init__(folder / "no_bag", **values)
        self.robot = self.talker.create_publisher(String, "world/robot_state", LATCHED)
        self.chatter = self.talker.create_publisher(String, "chatter", 10)
        self.start()
        self.robot.publish(String(data="normal"))
        self.spin(1.0)


def incident_texts(folder: Path, name: str) -> list[str]:
    with BagReader(folder / name) as bag:
        return [deserialize_message(item.data, String).data for item in bag.messages(["/chatter"])]


@pytest.mark.usefixtures("rclpy_up")
def test_the_black_box_writes_what_lies_about_a_fault(tmp_path: Path) -> None:
    rig = BlackBoxRig(tmp_path)
    rig.chatter.publish(String(data="before"))
    rig.spin(0.1)
    rig.robot.publish(String(data="protective_stop;reason=force"))
    rig.spin(0.1)
    rig.chatter.publish(String(data="after"))
    rig.spin(1.0)
    rig.chatter.publish(String(data="much later"))
    rig.spin(0.5)
    rig.stop()
    rig.close()
    assert [path.name for path in tmp_path.iterdir()] == ["incident_0001_robot_protective_stop_force"]
    assert incident_texts(tmp_path, "incident_0001_robot_protective_stop_force") == ["before", "after"]


@pytest.mark.usefixtures("rclpy_up")
def test_the_black_box_writes_on_request_and_what_is_open_when_it_is_stopped(tmp_path: Path) -> None:
    rig = BlackBoxRig(tmp_path, black_box_after_s=60.0)
    client = rig.talker.create_client(Trigger, "recorder/snapshot")
    rig.spin(0.5)
    rig.chatter.publish(String(data="kept"))
    rig.spin(0.3)
    future = client.call_async(Trigger.Request())
    rig.spin(0.5)
    assert future.result().success
    assert list(tmp_path.iterdir()) == []
    rig.stop()
    rig.close()
    assert incident_texts(tmp_path, "incident_0001_request") == ["kept"]


@pytest.mark.usefixtures("rclpy_up")
def test_a_black_box_that_cannot_write_says_so_and_goes_on(tmp_path: Path) -> None:
    in_the_way = tmp_path / "box"
    in_the_way.write_text("a file")
    rig = BlackBoxRig(in_the_way)
    rig.robot.publish(String(data="emergency_stop"))
    rig.spin(1.0)
    (status,) = [item for item in rig.recorder._statuses() if item.name == "recorder: black box"]
    assert status.level == DiagnosticStatus.ERROR
    assert "cannot be made" in status.message
    rig.stop()
    rig.close()


@pytest.mark.usefixtures("rclpy_up")
def test_a_bag_and_a_black_box_at_once(tmp_path: Path) -> None:
    rig = BlackBoxRig(tmp_path, mode="both")
    rig.chatter.publish(String(data="chat"))
    rig.spin(0.3)
    rig.robot.publish(String(data="emergency_stop"))
    rig.spin(1.0)
    rig.stop()
    rig.close()
    for name in ("no_bag", "incident_0001_robot_emergency_stop"):
        assert incident_texts(tmp_path, name) == ["chat"]


@pytest.mark.usefixtures("rclpy_up")
def test_an_existing_bag_stops_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    rig = Rig(tmp_path / "bag")
    assert rig.recorder.trigger_configure().name == "FAILURE"
    assert list((tmp_path / "bag").iterdir()) == []
    rig.close()


@pytest.mark.usefixtures("rclpy_up")
def test_a_recorder_told_to_go_on_leaves_the_bags_before_as_they_are(tmp_path: Path) -> None:
    for _ in range(3):
        record(tmp_path / "bag", go_on=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bag", "bag_2", "bag_3"]
    for folder in tmp_path.iterdir():
        with BagReader(folder) as bag:
            assert [deserialize_message(item.data, String).data for item in bag.messages(["/latched"])] == ["early"]


@pytest.mark.embedded("equal bags need virtual time")
def test_two_runs_of_one_virtual_shift_give_the_same_bag(tmp_path: Path) -> None:
    from workcell_sim.embedded._kernel import Kernel

    bags = []
    for name in ("first", "second"):
        with Kernel(clock="virtual"):
            rclpy.init()
            record(tmp_path / name / "bag")
            rclpy.shutdown()
        bags.append({file.name: file.read_bytes() for file in (tmp_path / name / "bag").iterdir()})
    assert bags[0] == bags[1]
