"""The world as a node: what a robot driver, a gripper, a camera and the physics of a plant would publish."""

from __future__ import annotations

from typing import Any

from control_msgs.msg import DynamicInterfaceGroupValues
from vision_msgs.msg import Detection2DArray

from workcell_ros import qos
from workcell_ros.lifecycle import WorkcellNode, run_node
from workcell_ros.state_file import StateFile
from workcell_sim.world.arm_side_node import ArmSide, HeardArm, PlayedArm, Rate
from workcell_sim.world.camera_publisher_node import CameraPublisher
from workcell_sim.world.cell_world import CellWorld
from workcell_sim.world.gripper_server_node import GripperServer
from workcell_sim.world.gripper_valve_node import GripperValve
from workcell_sim.world.scenario import Scenario
from workcell_sim.world.snapshot import SnapshotError
from workcell_sim.world.world_clock import WorldClock
from workcell_sim.world.world_messages_node import SignalsMessage, audit
from workcell_sim.world.world_parameters import WorldParameters, make_world


class WorldNode(WorkcellNode[WorldParameters]):
    """Steps a `CellWorld` on the node's clock and converts."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("world", WorldParameters, **kwargs)
        publish = self.create_publisher
        self._signal_pub = publish(DynamicInterfaceGroupValues, "plant/signals", qos.reliable(20))
        self._audit_pub = publish(Detection2DArray, "world/audit", qos.AUDIT)
        self._parts: list[Any] = []
        self._signals = SignalsMessage()
        self.parameters.on_change(self._on_change)

    def configure(self) -> None:
        """Builds the world and, after a kill, takes up its last state."""
        values = self.values
        self._state_file = self._open_state_file()
        self._world = self._resumed() or make_world(values)
        self._world.set_speed_scaling(values.speed_scaling)
        self._arm = self._arm_side()
        self._gripper = (
            GripperServer(self, self._world) if values.gripper == "action" else GripperValve(self, self._world)
        )
        self._parts = [self._arm, self._gripper, CameraPublisher(self, self._world)]

    def activate(self) -> None:
        """Starts time in the world."""
        self._clock_of_world = WorldClock(self.now_ns(), self._world.time_s, self.values.tick_s)
        self._state_rate = Rate(1.0 / self.values.state_period_s)
        for part in self._parts:
            part.open()
        self._timer = self.create_timer(self.values.tick_s, self._on_tick)

    def deactivate(self) -> None:
        """Stops time in the world and keeps its state."""
        self.destroy_timer(self._timer)
        for part in self._parts:
            part.close()
        self._keep_state()

    def cleanup(self) -> None:
        """Takes what was offered off the graph."""
        for part in self._parts:
            part.destroy()
        self._parts = []

    @property
    def truth(self) -> CellWorld:
        """The world itself, with what no sensor tells; there once the node is configured."""
        return self._world

    def disturb(self, scenario: Scenario) -> None:
        """Has other disturbances hold from now on, in a world that is configured."""
        self._world.disturb(scenario)

    def _arm_side(self) -> ArmSide:
        mirror = self._world.mirror
        if mirror is None:
            return PlayedArm(self, self._world, self._time_of)
        return HeardArm(self, self._world, mirror, self._time_of)

    def _time_of(self, stamp_ns: int) -> float:
        """Time of the world at a time of the node's clock."""
        return self._clock_of_world.time_of(stamp_ns)

    def _on_tick(self) -> None:
        now_ns = self.now_ns()
        due = self._clock_of_world.due(now_ns, self._world.time_s)
        if due.lost:
            self.activity.drop(due.lost)
        for _ in range(due.steps):
            self._step(now_ns)

    def _step(self, now_ns: int) -> None:
        result = self._world.step()
        self.activity.note(now_ns)
        # The state goes to disk before anybody hears of what changed for good, so that no part is seen twice.
        if result.audits or result.grip_ends or self._state_rate.is_due(now_ns):
            self._keep_state()
        # Steps that are made up for are told as of their own times: who goes on from where the arm was would be late.
        stamp_ns = self._clock_of_world.stamp_ns(result.time_s)
        self._arm.tell_joints(result, stamp_ns)
        if result.signals is not None:
            self._signal_pub.publish(self._signals.fill(result.signals, stamp_ns))
        for entry in result.audits:
            self._audit_pub.publish(audit(entry, stamp_ns))
        self._arm.tell_state(result, stamp_ns)
        self._gripper.report(result.grip_ends)

    def _on_change(self, old: WorldParameters, new: WorldParameters) -> None:
        if self._parts and new.speed_scaling != old.speed_scaling:
            self._world.set_speed_scaling(new.speed_scaling)

    def _open_state_file(self) -> StateFile | None:
        values = self.values
        if not values.state_file:
            return None
        key = {"seed": values.seed, "scenario": values.scenario_file, "fidelity": values.fidelity}
        return StateFile(values.state_file, key)

    def _resumed(self) -> CellWorld | None:
        """The world of a run that was cut short, None where there is none."""
        if self._state_file is None:
            return None
        snapshot, why = self._state_file.read()
        if snapshot is None:
            self.get_logger().info(f"the world begins anew: {why}")
            return None
        world = make_world(self.values)
        try:
            world.restore(snapshot)
        except SnapshotError as error:
            self.get_logger().warning(f"the world begins anew: {error}")
            return None
        world.forget_clients()
        self.get_logger().warning(f"the world goes on at {world.time_s:.2f} s of the shift")
        return world

    def _keep_state(self) -> None:
        if self._state_file is not None:
            with self.disk.without("the world's state"):
                self._state_file.write(self._world.snapshot())


def main(args: list[str] | None = None) -> None:
    """Runs the world node."""
    run_node(WorldNode, args)


if __name__ == "__main__":
    main()
