"""What an arm's driver offers, played by the world; or heard by it, where another driver moves the arm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64, String
from std_srvs.srv import Trigger

from workcell_ros import qos
from workcell_ros.convert import NS_PER_S, stamp_to_ns
from workcell_sim.world.cell_world import CellWorld, StepResult
from workcell_sim.world.joint_mirror import JointMirror
from workcell_sim.world.trajectory_server_node import TrajectoryServer
from workcell_sim.world.world_messages_node import JointsMessage


class ArmSide(Protocol):
    """The world's side of the arm."""

    def open(self) -> None:
        """Starts to take commands or to hear."""

    def close(self) -> None:
        """Ends it."""

    def destroy(self) -> None:
        """Takes all off the graph."""

    def tell_joints(self, result: StepResult, now_ns: int) -> None:
        """Says where the joints are."""

    def tell_state(self, result: StepResult, now_ns: int) -> None:
        """Says all else, and how goals ended."""


class Rate:
    """Something that is due every `1 / rate_hz` seconds; never where the rate is 0."""

    def __init__(self, rate_hz: float) -> None:
        self._period_ns = round(NS_PER_S / rate_hz) if rate_hz > 0.0 else 0
        self._next_ns = 0

    def is_due(self, now_ns: int) -> bool:
        """Whether it is due now; late ones are not made up for."""
        if not self._period_ns or now_ns < self._next_ns:
            return False
        self._next_ns = max(self._next_ns + self._period_ns, now_ns - self._period_ns + 1)
        return True


class PlayedArm:
    """Trajectory controller, joint states, speed factor and protective stop of the simulated arm."""

    def __init__(self, node: Any, world: CellWorld, time_of: Callable[[int], float]) -> None:
        self._node = node
        self._world = world
        publish = node.create_publisher
        self._joint_pub = publish(JointState, "joint_states", qos.SENSOR_DATA)
        self._state_pub = publish(String, "world/robot_state", qos.STATE)
        self._scaling_pub = publish(Float64, "speed_scaling_state_broadcaster/speed_scaling", qos.STATE)
        self._trajectories = TrajectoryServer(node, world, time_of)
        self._services = [
            node.create_service(Trigger, "world/protective_stop", self._on_protective_stop),
            node.create_service(Trigger, "world/reset_protective_stop", self._on_reset),
        ]
        self._joints = JointsMessage(world.joints)
        self._said: dict[str, object] = {}

    def open(self) -> None:
        """Starts to accept trajectories."""
        self._joint_rate = Rate(self._node.values.joint_state_rate_hz)
        self._feedback_rate = Rate(self._node.values.feedback_rate_hz)
        self._trajectories.open()

    def close(self) -> None:
        """Accepts no more trajectories."""
        self._trajectories.close()

    def destroy(self) -> None:
        """Takes controller, topics and services off the graph."""
        self._trajectories.destroy()
        for service in self._services:
            self._node.destroy_service(service)
        for publisher in (self._joint_pub, self._state_pub, self._scaling_pub):
            self._node.destroy_publisher(publisher)

    def tell_joints(self, result: StepResult, now_ns: int) -> None:
        """Publishes the joint states."""
        if self._joint_rate.is_due(now_ns):
            self._joint_pub.publish(self._joints.fill(result, now_ns))

    def tell_state(self, result: StepResult, now_ns: int) -> None:
        """Publishes feedback, robot state and speed factor, and ends goals."""
        if self._feedback_rate.is_due(now_ns):
            self._trajectories.publish_feedback(self._world.trajectory_feedback(), now_ns)
        self._say("robot_state", self._state_pub, String, self._world.robot_state)
        self._say("scaling", self._scaling_pub, Float64, self._world.speed_scaling)
        self._trajectories.report(result.goal_ends)

    def _say(self, what: str, publisher: Any, kind: Any, value: Any) -> None:
        """Publishes a latched value when it changed."""
        if self._said.get(what) != value:
            self._said[what] = value
            publisher.publish(kind(data=value))

    def _on_protective_stop(self, request: Any, response: Any) -> Any:
        response.success = self._world.protective_stop("requested by service")
        response.message = self._world.robot_state
        return response

    def _on_reset(self, request: Any, response: Any) -> Any:
        response.success, response.message = self._world.reset_protective_stop()
        return response


class HeardArm:
    """An arm that another driver moves: the world follows its joint states, found by name among others."""

    def __init__(self, node: Any, world: CellWorld, mirror: JointMirror, time_of: Callable[[int], float]) -> None:
        self._node = node
        self._joints = world.joints
        self._mirror = mirror
        self._time_of = time_of
        self._order: list[int] = []
        self._subscription: Any = None

    def open(self) -> None:
        """Starts to listen."""
        self._subscription = self._node.create_subscription(
            JointState, "joint_states", self._on_joints, qos.SENSOR_DATA
        )

    def close(self) -> None:
        """Ends listening."""
        self._node.destroy_subscription(self._subscription)

    def destroy(self) -> None:
        """Nothing is left on the graph."""

    def tell_joints(self, result: StepResult, now_ns: int) -> None:
        """Nothing: the arm's own driver tells them."""

    def tell_state(self, result: StepResult, now_ns: int) -> None:
        """Nothing, for the same reason."""

    def _on_joints(self, message: Any) -> None:
        if not self._order:
            names = list(message.name)
            if not set(self._joints) <= set(names):
                return
            self._order = [names.index(name) for name in self._joints]
        position_rad = np.array([message.position[index] for index in self._order])
        if np.isfinite(position_rad).all():
            self._mirror.hear(self._time_of(stamp_to_ns(message.header.stamp)), position_rad)
