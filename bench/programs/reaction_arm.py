"""The arm's part of the reaction benchmark: the cell's own mover carrying a part to and fro, and its controller.

The mover is the cell's: it plans, sends, and slows the move under way down when a parameter becomes gentler. The
controller takes trajectories as a driver's does and says where the joints are, but moves nothing.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Duration
from control_msgs.action import FollowJointTrajectory
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell_parameters import CellParameters, governed_tuning
from workcell_control.cell.mover_node import Mover
from workcell_control.cell.steps import Event, Move
from workcell_control.cell.task import Tuning
from workcell_control.execution.drivers import driver_of
from workcell_ros import convert, qos
from workcell_ros.lifecycle import WorkcellNode
from workcell_sim.world.goal_server_node import GoalServer

JOINT_STATE_PERIOD_S = 0.01
FEEDBACK_PERIOD_S = 0.05
"""As joint_trajectory_controller does where it is not told otherwise."""
ENDS = ("camera_inspect", "accept_above")
"""The part is carried from one to the other and back."""


@dataclass(frozen=True)
class Arrived:
    """The goal that came to its end, or gave way to another."""

    goal_id: str
    is_done: bool


class Controller(GoalServer[Arrived]):
    """Takes trajectories; the newest counts, and `received_ns` is when it came in."""

    def __init__(self, node: Node, joint_names: tuple[str, ...], position: npt.NDArray[np.float64]) -> None:
        super().__init__(node, FollowJointTrajectory, "joint_trajectory_controller/follow_joint_trajectory")
        self._names = joint_names
        self._goal_id = ""
        self._times_s, self._positions, self._start_ns = np.zeros(1), position[None, :], 0
        self.received_ns: list[int] = []
        self._joint_pub = node.create_publisher(JointState, "joint_states", qos.SENSOR_DATA)
        self._timers = [
            node.create_timer(JOINT_STATE_PERIOD_S, self._tell),
            node.create_timer(FEEDBACK_PERIOD_S, self._feed_back),
        ]
        self.open()

    @property
    def is_busy(self) -> bool:
        """Whether it follows a trajectory."""
        return bool(self._goal_id)

    def refusal(self, request: Any) -> None:
        """Refuses nothing; this is when a trajectory is received."""
        self.received_ns.append(time.time_ns())

    def start(self, goal_id: str, request: Any) -> None:
        """Follows a trajectory from now on, or from its own start time."""
        now_ns = time.time_ns()
        here = self._where(now_ns)[0]
        points = request.trajectory.points
        self._end(False)
        self._goal_id = goal_id
        self._start_ns = convert.stamp_to_ns(request.trajectory.header.stamp) or now_ns
        since_s = [point.time_from_start.sec + point.time_from_start.nanosec / 1e9 for point in points]
        self._times_s = np.array([min(0.0, since_s[0]) - 1e-9, *since_s])
        self._positions = np.array([here, *(point.positions for point in points)])

    def cancel(self, goal_id: str) -> bool:
        """Stands where it is at once."""
        if goal_id != self._goal_id:
            return False
        self._positions, self._times_s, self._goal_id = self._where(time.time_ns())[0][None, :], np.zeros(1), ""
        return True

    def finish(self, handle: Any, end: Arrived | None) -> Any:
        """Tells how a goal ended."""
        if end is None:
            handle.canceled()
        elif end.is_done:
            handle.succeed()
        else:
            handle.abort()
        return FollowJointTrajectory.Result()

    def _end(self, is_done: bool) -> None:
        goal_id, self._goal_id = self._goal_id, ""
        if goal_id:
            self.report([Arrived(goal_id, is_done)])

    def _where(self, now_ns: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Returns positions and speeds of the joints, (n,) each."""
        at_s = (now_ns - self._start_ns) / 1e9
        row = int(np.clip(np.searchsorted(self._times_s, at_s), 1, max(len(self._times_s) - 1, 1)))
        if len(self._times_s) < 2 or at_s >= self._times_s[-1]:
            return self._positions[-1], np.zeros(len(self._names))
        step_s = self._times_s[row] - self._times_s[row - 1]
        share = max(at_s - self._times_s[row - 1], 0.0) / step_s
        way = self._positions[row] - self._positions[row - 1]
        return self._positions[row - 1] + share * way, way / step_s

    def _tell(self) -> None:
        now_ns = time.time_ns()
        position, velocity = self._where(now_ns)
        message = JointState(name=list(self._names), position=position.tolist(), velocity=velocity.tolist())
        message.header.stamp = convert.ns_to_stamp(now_ns)
        self._joint_pub.publish(message)
        if (now_ns - self._start_ns) / 1e9 >= self._times_s[-1]:
            self._end(True)

    def _feed_back(self) -> None:
        handle = self.handles.get(self._goal_id)
        now_ns = time.time_ns()
        if handle is None or now_ns < self._start_ns:
            return
        message = FollowJointTrajectory.Feedback(joint_names=list(self._names))
        message.header.stamp = convert.ns_to_stamp(now_ns)
        message.desired.positions = message.actual.positions = self._where(now_ns)[0].tolist()
        sec, nanosec = divmod(now_ns - self._start_ns, 1_000_000_000)
        message.desired.time_from_start = Duration(sec=sec, nanosec=nanosec)
        message.error.positions = [0.0] * len(self._names)
        handle.publish_feedback(message)


class MovingCell(WorkcellNode[CellParameters]):
    """The node `cell` with its parameters and its mover, whose sequence is to carry a part to and fro."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("cell", CellParameters, **kwargs)
        self.state_pub = self.create_publisher(String, "cell/state", qos.STATE)
        self.parameters.on_change(self._on_parameters)
        self.softened_ns = 0
        """When the part's acceleration was last bounded lower."""
        self._token = 0

    def configure(self) -> None:
        """Builds the arm's model and task, and the controller at one end of the way."""
        task = build_task(self.values)
        controller = Node("joint_trajectory_controller")
        self.controller = Controller(controller, tuple(task.arm.joint_names), task.waypoints[ENDS[0]])
        self._mover = Mover(self, task, driver_of("embedded", ""), self._fed, lambda record: None)

    def activate(self) -> None:
        """Lets the arm move."""
        self._mover.begin(self, lambda move: True)

    def carry(self) -> None:
        """Starts to carry the part to the other end."""
        self._token += 1
        self._mover.move(Move(self._token, ENDS[self._token % 2], is_straight=False, is_held=True))

    def halt(self) -> None:
        """Brakes."""
        self._mover.cancel()

    @property
    def is_at_rest(self) -> bool:
        """Whether the controller has nothing to follow."""
        return not self.controller.is_busy

    # What the mover asks of a cell.

    @property
    def tuning(self) -> Tuning:
        """The figures in force."""
        return governed_tuning(self.values)

    def on_joint_states(self, now_ns: int) -> None:
        """The arm was heard."""

    def on_move_held(self, acceleration_max_m_s2: float) -> None:
        """The part is about to be carried with this acceleration."""

    def on_tracking_error(self, error_rad: float) -> None:
        """The arm deviated so much."""

    def _fed(self, event: Event) -> None:
        """The move has ended."""

    def _on_parameters(self, old: CellParameters, new: CellParameters) -> None:
        if new.part_acceleration_max_m_s2 < old.part_acceleration_max_m_s2 and not self.softened_ns:
            self.softened_ns = time.time_ns()
        if self.is_active:
            self._mover.follow_tuning()
