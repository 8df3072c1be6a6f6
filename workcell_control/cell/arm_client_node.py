"""The cell's side of the arm: joint states in, joint trajectories out through the arm's controller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from control_msgs.action import FollowJointTrajectory
from rclpy.action import ActionClient
from rclpy.task import Future

from workcell_control.cell.arm_brake_node import SCALING_PAUSED, ArmBrake
from workcell_control.cell.arm_state_node import NS_PER_S, ArmState
from workcell_control.cell.trajectory_message_node import trajectory_message
from workcell_control.execution.drivers import ArmDriver
from workcell_control.execution.follower import Excess, Follower, Sending
from workcell_control.execution.outcome import TrackingWatch
from workcell_control.execution.rate import RATE_MIN
from workcell_control.execution.refusals import Refusals
from workcell_control.execution.stall import StallWatch
from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.trajectory import JointTrajectory
from workcell_ros import convert

EXACT_RAD, START_TOLERANCE_RAD = 1e-9, 0.01
"""Nearer than the second the place where the last move ended is the start of the next."""
FEEDBACK_EARLY_S = 0.05
"""Feedback that is further along than time allows is of the trajectory before: it comes where a controller changes."""
ANSWER_FADES = 0.9
"""Of the longest time that the controller took to answer, what counts after the next answer."""
REFUSED = "the arm's controller refuses the trajectory: it is not active, or cannot carry it out"
_STATUS_SUCCEEDED = 4

Done = Callable[[bool, str], None]


class ArmClient:
    """Carries out one move at a time and says how it ended.

    Args:
        node: Owns the client and the subscriptions.
        driver: Names of what the arm's driver offers.
        joint_names: The arm's joints in the order of the trajectories.
        on_joints: Called with every joint state.
        watch: Hears the joints' deviations and names reasons.
    """

    def __init__(
        self,
        node: Any,
        driver: ArmDriver,
        joint_names: Sequence[str],
        on_joints: Callable[[], None],
        watch: TrackingWatch,
    ) -> None:
        self._node = node
        self._joint_names = list(joint_names)
        self._watch = watch
        self.state = ArmState(node, driver, joint_names, on_joints)
        self._client = ActionClient(node, FollowJointTrajectory, driver.trajectory_action)
        self._brake = ArmBrake(node, self._client, joint_names, self._on_stood)
        self._last_end: FloatArray | None = None
        self._follower: Follower | None = None
        self._rate = 1.0
        self._is_paused = False
        self._goal_number = 0
        self._goal_handle: Any = None
        self._result: Any = None
        self._is_accepting = False
        self._sent_ns = 0
        self._answer_s = 0.0
        self._refusals = Refusals()
        self._done: Done | None = None
        self._stall = StallWatch()

    @property
    def is_ready(self) -> bool:
        """Whether a move may begin: the controller is there, and the arm stands or is where its last move ended."""
        if not self._brake.is_over:
            return False
        is_at_rest = self.state.is_still or (self._last_end is not None and self.start is self._last_end)
        return is_at_rest and self._rate >= RATE_MIN and bool(self._client.server_is_ready())

    @property
    def start(self) -> FloatArray | None:
        """Where a move from rest begins: the last one's end if the arm is there, else its place; None if not heard."""
        measured = self.state.position
        if measured is None or self._last_end is None:
            return measured
        is_there = float(abs(measured - self._last_end).max()) < START_TOLERANCE_RAD
        return self._last_end if is_there else measured

    @property
    def is_executing(self) -> bool:
        """Whether the controller carries something out."""
        return self._goal_handle is not None and self._done is not None

    @property
    def is_paused(self) -> bool:
        """Whether nothing moves until the rate is raised."""
        return self._rate < RATE_MIN

    def move(self, trajectory: JointTrajectory, excess: Excess, done: Done) -> None:
        """Carry out a move; `done(is_ok, reason)` is called once, unless another move or `cancel` comes first.
        `excess` is the share of what is allowed that a trajectory uses: it shapes every change of the rate."""
        self._done = done
        self._goal_handle = None
        self._is_paused = False
        self._watch.begin()
        last = self._last_end
        is_exact = last is not None and float(abs(trajectory.position[0] - last).max()) < EXACT_RAD
        self._follower = Follower(trajectory, excess, max(self._rate, RATE_MIN), begins_exactly=is_exact)
        self._last_end = trajectory.position[-1]
        self._send(self._follower.sent, self._node.now_ns())

    def set_rate(self, rate: float) -> None:
        """From now on moves run at this share, 0..1, of their planned rate, the one under way too."""
        self._rate = rate
        self._follow_rate()

    def cancel(self) -> Future | None:
        """Brake on the path; what was asked for will not answer any more.

        Returns a future that is done once the controller has answered, also about a trajectory that it has yet to
        accept; None where there is nothing to stop, or it is about to stand anyway.
        """
        follower, self._follower = self._follower, None
        is_under_way = self._done is not None and not self._is_paused
        self._done = None
        self._last_end = None
        self._refusals.forget()
        handle, self._goal_handle = self._goal_handle, None
        if follower is None or not is_under_way:
            self._goal_number += 1
            return None
        self._brake.scaling = self.state.scaling
        if self._is_accepting:
            return self._brake.expect(follower, self._answer_s)
        return None if handle is None else self._brake.begin(follower, handle, self._result, self._answer_s)

    def check(self, stall_s: float) -> None:
        """Give a move up whose result is due although the arm stands still for longer than `stall_s`."""
        now_ns = self._node.now_ns()
        if self._refusals.is_due(now_ns) and self._follower is not None:
            self._send(self._follower.sent, now_ns)
        self._brake.check()
        self._follow_rate()
        is_waiting = self._done is None or self.is_paused or self.state.scaling < SCALING_PAUSED
        is_still = self.state.is_still and not is_waiting
        overdue_s = self._stall.overdue_s(now_ns, self.state.scaling, is_still=is_still)
        if self._done is not None and self.state.is_silent(stall_s):
            self._give_up(f"the arm's driver is silent for {stall_s:g} s")
        elif overdue_s > stall_s:
            self._give_up(f"no result although the arm stands still for {stall_s:g} s")

    def destroy(self) -> None:
        """Free what was created on the node."""
        self.state.destroy()
        self._client.destroy()

    def _send(self, sending: Sending, now_ns: int) -> None:
        self._goal_number += 1
        number = self._goal_number
        self._sent_ns = now_ns
        self._stall.begin(now_ns, sending.trajectory.duration_s)
        goal = FollowJointTrajectory.Goal(trajectory=trajectory_message(sending, self._joint_names))
        self._is_accepting = True
        future = self._client.send_goal_async(goal, feedback_callback=lambda m: self._on_feedback(number, m))
        future.add_done_callback(lambda f: self._on_accepted(number, f))

    def _follow_rate(self, *, is_just_heard: bool = False) -> None:
        """Sends the rest of the move at the rate in force, where it runs at another."""
        follower = self._follower
        if follower is None or self._done is None or self._is_accepting:
            return
        now_ns, scaling = self._node.now_ns(), self.state.scaling
        if self._is_paused:
            sending = follower.resumed(self._rate)
        else:
            sending = follower.retimed(self._rate, now_ns, scaling, self._answer_s, is_just_heard=is_just_heard)
        if sending is not None:
            self._is_paused = False
            self._send(sending, now_ns)

    def _on_accepted(self, number: int, future: Future) -> None:
        handle = future.result()
        if number != self._goal_number:
            return
        self._is_accepting = False
        self._answer_s = max((self._node.now_ns() - self._sent_ns) / NS_PER_S, ANSWER_FADES * self._answer_s)
        if self._done is None:
            self._brake.on_accepted(handle)
        elif handle.accepted:
            self._refusals.forget()
            self._goal_handle = handle
            self._result = handle.get_result_async()
            self._result.add_done_callback(lambda f: self._on_result(number, f))
        # A first trajectory is sent again for a while; a refused change ends the move.
        elif self._goal_handle is not None or not self._refusals.is_patient(self._node.now_ns()):
            self._give_up(REFUSED)

    def _on_stood(self, end: FloatArray) -> None:
        if self._done is None:
            self._last_end = end

    def _on_result(self, number: int, future: Future) -> None:
        if number != self._goal_number or self._done is None:
            return
        answer = future.result()
        result = answer.result
        if answer.status != _STATUS_SUCCEEDED or result.error_code != 0:
            self._finish(False, self._watch.reason(answer.status, result.error_code, result.error_string))
        elif self._follower is not None and not self._follower.is_to_the_end:
            self._is_paused = True
            self._follow_rate()
        else:
            self._finish(True, "")

    def _on_feedback(self, number: int, message: Any) -> None:
        feedback = message.feedback
        if number != self._goal_number:
            return
        since = feedback.desired.time_from_start
        stamp_ns, sent_s = convert.stamp_to_ns(feedback.header.stamp), since.sec + since.nanosec / NS_PER_S
        if self._follower is None:
            self._brake.scaling = self.state.scaling
            self._brake.on_feedback(stamp_ns, sent_s)
            return
        if sent_s > (stamp_ns - (self._follower.sent.stamp_ns or self._sent_ns)) / NS_PER_S + FEEDBACK_EARLY_S:
            return
        self._follower.on_feedback(stamp_ns, sent_s)
        reason = self._watch.on_error(feedback.error.positions)
        if reason:
            self._give_up(reason)
        else:
            self._follow_rate(is_just_heard=True)

    def _give_up(self, reason: str) -> None:
        done = self._done
        self.cancel()
        if done is not None:
            done(False, reason)

    def _finish(self, is_ok: bool, reason: str) -> None:
        done, self._done = self._done, None
        self._goal_handle = self._follower = None
        if not is_ok:
            self._last_end = None
        if done is not None:
            done(is_ok, reason)
