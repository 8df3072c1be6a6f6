"""The node around Gazebo's world: what the embedded world node gives the cell, out of what Gazebo tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from control_msgs.msg import DynamicInterfaceGroupValues
from sensor_msgs.msg import Imu, JointState
from std_msgs.msg import Float64, String
from std_srvs.srv import Trigger
from tf2_msgs.msg import TFMessage
from transforms3d.quaternions import quat2mat
from vision_msgs.msg import Detection2DArray

from workcell_ros import qos
from workcell_ros.convert import NS_PER_S, stamp_to_ns
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_sim.gazebo.belt import ROLLER_RADIUS_M
from workcell_sim.gazebo.board_files import BoardFiles
from workcell_sim.gazebo.cell import GazeboStep, Orders
from workcell_sim.gazebo.controller_switch_node import ControllerSwitch
from workcell_sim.gazebo.field_side import JointSample
from workcell_sim.gazebo.gazebo_camera_node import GazeboCamera
from workcell_sim.gazebo.gazebo_parameters import GazeboWorldParameters, make_cell
from workcell_sim.world.gripper_server_node import GripperServer
from workcell_sim.world.world_messages_node import SignalsMessage, audit

ORDERS = ("spawn", "remove", "attach", "detach")
_ORDER_TOPICS = {
    "spawn": "gazebo/boards/spawn",
    "remove": "gazebo/boards/remove",
    "attach": "gazebo/cup/attach",
    "detach": "gazebo/cup/detach",
}


class GazeboWorldNode(WorkcellNode[GazeboWorldParameters]):
    """Steps a `GazeboCell` with each joint state, and converts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("gazebo_world", GazeboWorldParameters, **kwargs)
        publish = self.create_publisher
        self._signal_pub = publish(DynamicInterfaceGroupValues, "plant/signals", qos.reliable(20))
        self._audit_pub = publish(Detection2DArray, "world/audit", qos.AUDIT)
        self._robot_state_pub = publish(String, "world/robot_state", qos.STATE)
        self._scaling_pub = publish(Float64, "speed_scaling_state_broadcaster/speed_scaling", qos.STATE)
        self._belt_pub = publish(Float64, "gazebo/infeed/roller_rate", qos.latched())
        self._order_pubs = {name: publish(String, _ORDER_TOPICS[name], qos.reliable(20)) for name in ORDERS}
        self._signals = SignalsMessage()
        self._accelerations: list[tuple[float, float, float]] = []
        self._parts: list[Any] = []
        self._own_services: list[Any] = []
        self._said_state = ""

    def configure(self) -> None:
        """Builds the cell around the world."""
        values = self.values
        self._cell = make_cell(values)
        self._files = BoardFiles(Path(values.spawn_dir).absolute(), Path(values.mesh_file).absolute())
        self._index = {name: index for index, name in enumerate(self._cell.joints)}
        self._gripper = GripperServer(self, self._cell)
        self._camera = GazeboCamera(self, self._cell)
        self._switch = ControllerSwitch(self)
        self._parts = [self._gripper, self._camera]
        self._own_services = [
            self.create_service(Trigger, "world/protective_stop", self._on_protective_stop),
            self.create_service(Trigger, "world/reset_protective_stop", self._on_reset),
        ]
        self._said_state = ""
        self._origin_ns: int | None = None

    def activate(self) -> None:
        """Begins to hear Gazebo; time of the shift begins with its first joint state."""
        subscribe = self.create_subscription
        self._subscriptions = [
            subscribe(JointState, "joint_states", self._on_joints, qos.SENSOR_DATA),
            subscribe(Imu, "gazebo/gripper/imu", self._on_acceleration, qos.reliable(50)),
            subscribe(TFMessage, "gazebo/boards/pose", self._on_poses, qos.reliable(50)),
        ]
        for part in self._parts:
            part.open()

    def deactivate(self) -> None:
        """Hears Gazebo no more; its world goes on."""
        for subscription in self._subscriptions:
            self.destroy_subscription(subscription)
        for part in self._parts:
            part.close()

    def cleanup(self) -> None:
        """Takes servers and services off the graph."""
        for part in (*self._parts, self._switch):
            part.destroy()
        for service in self._own_services:
            self.destroy_service(service)
        self._parts, self._own_services = [], []

    def _on_acceleration(self, message: Any) -> None:
        acceleration = message.linear_acceleration
        self._accelerations.append((acceleration.x, acceleration.y, acceleration.z))

    def _on_poses(self, message: Any) -> None:
        for transform in message.transforms:
            place, turn = transform.transform.translation, transform.transform.rotation
            pose = np.eye(4)
            pose[:3, :3] = quat2mat((turn.w, turn.x, turn.y, turn.z))
            pose[:3, 3] = (place.x, place.y, place.z)
            # Gazebo's own names may carry those of what they are in.
            name = transform.child_frame_id.rpartition("::")[2]
            self._cell.on_pose(name, self._time_s(stamp_to_ns(transform.header.stamp)), pose)

    def _on_joints(self, message: Any) -> None:
        # Gazebo tells fixed joints too, and in an order of its own.
        order = {name: place for place, name in enumerate(message.name)}
        if any(name not in order for name in self._index):
            return
        stamp_ns = stamp_to_ns(message.header.stamp)
        rows = [order[name] for name in self._cell.joints]
        sample = JointSample(
            self._time_s(stamp_ns),
            np.array([message.position[row] for row in rows]),
            np.array([message.velocity[row] for row in rows]),
        )
        accelerations, self._accelerations = np.array(self._accelerations).reshape(-1, 3), []
        was_stopped = self._cell.is_stopped
        step = self._cell.step(sample, accelerations)
        self.activity.note(self.now_ns())
        self._publish(step, stamp_ns)
        self._order(step.orders)
        if self._cell.is_stopped and not was_stopped:
            self._switch.stop()

    def _time_s(self, stamp_ns: int) -> float:
        """Time of the shift at a stamp."""
        if self._origin_ns is None:
            self._origin_ns = stamp_ns
        return (stamp_ns - self._origin_ns) / NS_PER_S

    def _publish(self, step: GazeboStep, stamp_ns: int) -> None:
        if step.signals is not None:
            self._signal_pub.publish(self._signals.fill(step.signals, stamp_ns))
        for entry in step.audits:
            self._audit_pub.publish(audit(entry, stamp_ns))
        self._gripper.report(step.grip_ends)
        state = self._cell.robot_state
        if state != self._said_state:
            self._said_state = state
            self._robot_state_pub.publish(String(data=state))
            self._scaling_pub.publish(Float64(data=0.0 if self._cell.is_stopped else 1.0))

    def _order(self, orders: Orders) -> None:
        for spawn in orders.spawn:
            self._files.write(spawn)
        if orders.belt_m_s is not None:
            self._belt_pub.publish(Float64(data=orders.belt_m_s / ROLLER_RADIUS_M))
        wanted = {"detach": orders.detach, "attach": orders.attach, "remove": orders.remove}
        for order, names in (*wanted.items(), ("spawn", tuple(spawn.slot for spawn in orders.spawn))):
            for name in names:
                self.get_logger().debug(f"{order} {name}")
                self._order_pubs[order].publish(String(data=name))

    def _on_protective_stop(self, request: Any, response: Any) -> Any:
        response.success = self._cell.protective_stop("requested by service")
        if response.success:
            self._switch.stop()
        response.message = self._cell.robot_state
        return response

    def _on_reset(self, request: Any, response: Any) -> Any:
        was_stopped = self._cell.is_stopped
        response.success, response.message = self._cell.reset_protective_stop()
        if was_stopped and response.success:
            self._switch.start()
        return response


def main(args: list[str] | None = None) -> None:
    """Runs the node."""
    run_node(GazeboWorldNode, args)


if __name__ == "__main__":
    main()
