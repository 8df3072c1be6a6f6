"""A shift in which a person walks up to the arm, stands there and leaves: slower, standing, and producing again."""

import contextlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.cell.station import load_arm
from workcell_control.execution.separation import SeparationParameters
from workcell_control.motion.description import load_description
from workcell_sim.embedded import activate
from workcell_sim.world.arm_parameters import load_arm_parameters
from workcell_sim.world.trajectory_executor import TrajectoryExecutor

if not activate():
    pytest.skip("runs a shift in virtual time", allow_module_level=True)

pytestmark = pytest.mark.embedded("a shift on virtual time")

NS_PER_S = 1_000_000_000
FAR_M, NEAR_M, WALK_M_S = 4.0, 0.1, 1.6
COMES_S, LEAVES_S, END_S = 12.0, 18.0, 34.0
ARRIVED_S = COMES_S + (FAR_M - NEAR_M) / WALK_M_S
PERIOD_S = 0.05
STANDING_M_S = 0.01


def distance_m(at_s: float) -> float:
    """Of the person: nobody, then somebody who walks up, stands and is gone again."""
    if not COMES_S <= at_s < LEAVES_S:
        return float("inf")
    return max(FAR_M - WALK_M_S * (at_s - COMES_S), NEAR_M)


@dataclass
class Person:
    """A node that tells the distance and looks at the arm."""

    joints: list[tuple[float, list[float], list[float]]] = field(default_factory=list)
    start_ns: int = 0

    def attend(self, kernel: Any) -> None:
        """Spawns the node; what `run_shift` takes."""
        self.start_ns = kernel.now_ns()
        kernel.spawn(self._main, ["person"], name="person")

    def _main(self) -> None:
        import rclpy
        from rclpy.executors import ExternalShutdownException
        from rclpy.qos import qos_profile_sensor_data
        from sensor_msgs.msg import JointState, Range

        rclpy.init()
        node = rclpy.create_node("person")
        publisher = node.create_publisher(Range, "separation", qos_profile_sensor_data)

        def now_s() -> float:
            return float((node.get_clock().now().nanoseconds - self.start_ns) / NS_PER_S)

        def on_joints(message: Any) -> None:
            self.joints.append((now_s(), list(message.position), list(message.velocity)))

        node.create_timer(PERIOD_S, lambda: publisher.publish(Range(range=distance_m(now_s()))))
        node.create_subscription(JointState, "joint_states", on_joints, qos_profile_sensor_data)
        with contextlib.suppress(KeyboardInterrupt, ExternalShutdownException):
            rclpy.spin(node)
        node.destroy_node()
        rclpy.try_shutdown()


@dataclass
class Shift:
    """What came of it."""

    results: dict[str, Any]
    times_s: np.ndarray
    tool_m_s: np.ndarray
    limit_share: float

    def speeds(self, from_s: float, to_s: float) -> np.ndarray:
        return self.tool_m_s[(self.times_s >= from_s) & (self.times_s <= to_s)]


@pytest.fixture(scope="module")
def shift(tmp_path_factory):
    limits = load_arm_parameters("urdf/ur5e.yaml")
    person, shares = Person(), [0.0]
    accelerations: dict[TrajectoryExecutor, np.ndarray] = {}
    advance = TrajectoryExecutor.advance

    def watched(executor, dt_s, count):
        samples = advance(executor, dt_s, count)
        before = accelerations.get(executor, samples.acceleration_rad_s2[0])
        jerk = np.diff(np.vstack([before, samples.acceleration_rad_s2]), axis=0) / dt_s
        accelerations[executor] = samples.acceleration_rad_s2[-1].copy()
        used = (
            samples.velocity_rad_s / limits.velocity_max_rad_s,
            samples.acceleration_rad_s2 / limits.acceleration_max_rad_s2,
            jerk / limits.jerk_max_rad_s3,
        )
        shares[0] = max(shares[0], *(float(np.abs(share).max()) for share in used))
        return samples

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrajectoryExecutor, "advance", watched)
        arguments = {"twin": "false", "policy": "fixed", "log_level": "error", "fidelity": "kinematic"}
        folder = tmp_path_factory.mktemp("separation") / "run"
        results = run_shift(ShiftOptions(folder, "calm", END_S, seed=3, arguments=arguments), person.attend)
    arm = load_arm(load_description("urdf/cell.urdf.xacro"), "urdf/ur5e.yaml", "gripper_tcp")
    times, position, velocity = (np.array(column) for column in zip(*person.joints, strict=True))
    tool = np.linalg.norm(arm.tool_motion(position, velocity, np.zeros_like(velocity)).velocity, axis=1)
    return Shift(results, times, tool, shares[0])


def test_the_arm_is_fast_while_nobody_is_there(shift):
    assert shift.speeds(5.0, COMES_S).max() > 0.8


def test_it_stands_before_the_person_can_reach_it(shift):
    parameters = SeparationParameters()
    reach_m = parameters.intrusion_m + parameters.person_uncertainty_m + parameters.arm_uncertainty_m
    reached_s = COMES_S + (FAR_M - reach_m) / WALK_M_S
    assert reached_s < ARRIVED_S
    assert shift.speeds(reached_s, LEAVES_S).max() < STANDING_M_S


def test_it_is_slower_the_nearer_the_person_comes(shift):
    # The formula's reaction time has passed, and the ramp down is over.
    late_s = 0.6
    for at_s in np.arange(COMES_S + late_s, ARRIVED_S, 0.25):
        allowed = SeparationParameters().speed_allowed_m_s(distance_m(at_s - late_s))
        assert shift.speeds(at_s, at_s + 0.05).max() <= allowed + STANDING_M_S


def test_no_limit_of_a_joint_is_violated_on_the_way_down_and_up_again(shift):
    assert shift.limit_share <= 1.005


def test_production_resumes_and_nothing_is_lost(shift):
    assert shift.speeds(LEAVES_S + 1.5, END_S).max() > 0.8
    fates = [item["bin"] for item in shift.results["parcels"]]
    assert len(fates) >= 4
    assert "floor" not in fates
