"""The node `gripper`: GripperCommand for a suction cup whose valve hangs on a digital output of the arm."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from control_msgs.action import GripperCommand
from control_msgs.msg import DynamicInterfaceGroupValues
from rclpy.action import ActionServer, CancelResponse, GoalResponse
from rclpy.task import Future
from std_msgs.msg import Float64

from workcell_control.execution.driver_call_node import DriverCall
from workcell_control.execution.drivers import DRIVERS, driver_of
from workcell_control.gripper.suction import Suction, SuctionEnd, SuctionSettings
from workcell_ros import convert, qos
from workcell_ros.errors import ConfigError
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.schema import param

ON_POSITION = 0.5
RESULT_KEPT_S = 10.0
"""As the rclcpp servers of ros2_control keep results: every status message lists all goals still kept."""
TICK_PERIOD_S = 0.05


@dataclass(frozen=True)
class GripperParameters:
    """Parameters of the gripper."""

    arm_driver: str = param(
        "universal_robots", "Kind of the arm's driver, whose output switches the valve", choices=tuple(DRIVERS)
    )
    arm_driver_file: str = param("", "Names of the drivers where they differ, a block per kind; empty: none do")
    vacuum_tag: str = param("gripper/vacuum", "Reading of the vacuum at the cup, below ambient", read_only=True)
    reached_share: float = param(
        0.7, "Share of the set point at which a grip is reached", unit="1", low=0.05, high=1.0, read_only=True
    )
    released_pa: float = param(
        5e3, "Vacuum below which the cup has let go", unit="Pa", low=100.0, high=50e3, read_only=True
    )
    timeout_s: float = param(
        1.8, "From a command to its end; less than the cell waits", unit="s", low=0.1, high=60.0, read_only=True
    )


class GripperNode(WorkcellNode[GripperParameters]):
    """Converts for `Suction`: action in, output of the arm out, the field's vacuum reading as the judge."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("gripper", GripperParameters, **kwargs)
        # How the valve stands, for those who show or simulate it.
        self._valve_pub = self.create_publisher(Float64, "gripper_controller/valve", qos.STATE)
        self._ends: dict[str, Any] = {}

    def configure(self) -> None:
        """Finds the arm's output and offers the action."""
        values = self.values
        self._driver = driver_of(values.arm_driver, values.arm_driver_file)
        call = self._driver.output_call(self._driver.suction_pin, True)
        if call is None or self._driver.suction_pin < 0:
            what = f"the driver {self._driver.kind} switches no valve"
            raise ConfigError(values.arm_driver_file or "gripper", "suction_pin", what, "a digital output")
        self._output = DriverCall(self, call)
        self._suction = Suction(SuctionSettings(values.reached_share, values.released_pa, values.timeout_s))
        self._server = ActionServer(
            self,
            GripperCommand,
            "gripper_controller/gripper_cmd",
            execute_callback=self._execute,
            goal_callback=self._on_goal,
            handle_accepted_callback=self._on_accepted,
            cancel_callback=self._on_cancel,
            result_timeout=RESULT_KEPT_S,
        )

    def activate(self) -> None:
        """Starts to look at the vacuum."""
        self._readings = self.create_subscription(
            DynamicInterfaceGroupValues, "readings", self._on_readings, qos.READINGS
        )
        self._timer = self.create_timer(TICK_PERIOD_S, self._on_tick)

    def deactivate(self) -> None:
        """Takes no more commands; the valve stays as it is, so that nothing falls."""
        self.destroy_timer(self._timer)
        self.destroy_subscription(self._readings)

    def cleanup(self) -> None:
        """Takes the action off the graph."""
        self._server.destroy()
        self._output.destroy()

    def _on_goal(self, request: Any) -> Any:
        command = request.command
        if not self.is_active:
            self.get_logger().error("gripper command refused: the gripper is not active")
            return GoalResponse.REJECT
        if command.position >= ON_POSITION and not command.max_effort > 0.0:
            problem = f"max_effort {command.max_effort} is no vacuum; valid: above 0 Pa"
            self.get_logger().error(f"gripper command refused: {problem}")
            return GoalResponse.REJECT
        return GoalResponse.ACCEPT

    def _on_accepted(self, handle: Any) -> None:
        goal_id = bytes(handle.goal_id.uuid).hex()
        command = handle.request.command
        is_on = command.position >= ON_POSITION
        self._ends[goal_id] = Future()
        handle.execute()
        if self._suction.command(goal_id, is_on, command.max_effort, self.now_ns()):
            call = self._driver.output_call(self._driver.suction_pin, is_on)
            assert call is not None  # configure looked
            self._output.call(call, partial(self._on_switched, goal_id))
        self._tell()

    def _on_switched(self, goal_id: str, is_ok: bool, reason: str) -> None:
        if not is_ok:
            self.get_logger().warning(f"the valve's output was not switched: {reason}")
        self._suction.on_switched(goal_id, is_ok, reason)
        self._tell()

    def _on_readings(self, message: Any) -> None:
        for tag, group in zip(message.interface_groups, message.interface_values, strict=True):
            if tag == self.values.vacuum_tag and group.values[1] <= convert.QUALITY_USABLE_MAX:
                self.activity.note(self.now_ns())
                self._suction.on_vacuum(group.values[0])
        self._report()

    def _on_tick(self) -> None:
        self._suction.tick(self.now_ns())
        self._report()

    def _on_cancel(self, handle: Any) -> Any:
        goal_id = bytes(handle.goal_id.uuid).hex()
        if self._suction.cancel(goal_id):
            self._resolve(goal_id, None)
        return CancelResponse.ACCEPT

    def _tell(self) -> None:
        valve_pa = self._suction.valve_pa
        if valve_pa is not None:
            self._valve_pub.publish(Float64(data=valve_pa))
        self._report()

    def _report(self) -> None:
        for end in self._suction.take_ended():
            self._resolve(end.goal_id, end)

    def _resolve(self, goal_id: str, end: SuctionEnd | None) -> None:
        future = self._ends.get(goal_id)
        if future is not None and not future.done():
            future.set_result(end)

    async def _execute(self, handle: Any) -> Any:
        # The end may have come before this began: only here it is taken away.
        goal_id = bytes(handle.goal_id.uuid).hex()
        end: SuctionEnd | None = await self._ends[goal_id]
        del self._ends[goal_id]
        if end is None:
            handle.canceled()
            return GripperCommand.Result(effort=self._suction.vacuum_pa)
        if end.is_preempted or end.reason:
            handle.abort()
        else:
            handle.succeed()
        is_on = handle.request.command.position >= ON_POSITION
        return GripperCommand.Result(
            position=float(is_on and end.is_reached),
            effort=end.vacuum_pa,
            stalled=end.is_stalled,
            reached_goal=end.is_reached,
        )


def main(args: list[str] | None = None) -> None:
    """Runs the gripper until it is told to stop."""
    run_node(GripperNode, args)


if __name__ == "__main__":
    main()
