"""The cell's waypoints as joint configurations, and the way to each as a planned move."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from workcell_control.cell.station import Station
from workcell_control.cell.steps import BINS, CLEAR, Bin, Way
from workcell_control.execution.follower import JOINT_SHARE_AIM, limit_excess
from workcell_control.execution.margins import MoveLoads
from workcell_control.motion.arrays import BoolArray, FloatArray, frozen_array
from workcell_control.motion.branches import choose_branches
from workcell_control.motion.chain import ChainFrames
from workcell_control.motion.collision import CollisionScene
from workcell_control.motion.kinematics import Arm, KinematicsError
from workcell_control.motion.limits import MotionScales
from workcell_control.motion.planner import MotionPlanner, MoveRequest, Plan, PlanningError, Waypoint
from workcell_control.motion.trajectory import JointTrajectory

_STANDING_M = 1e-3
_BLEND_SHARE = 0.5


@dataclass(frozen=True)
class Tuning:
    """The governed figures that shape a move; frozen, so a set in force is one object."""

    speed_scale: float
    acceleration_scale: float
    jerk_scale: float
    part_acceleration_max_m_s2: float
    grip_vacuum_pa: float
    grip_dwell_s: float
    settle_s: float

    @property
    def scales(self) -> MotionScales:
        """Shares of the joint limits."""
        return MotionScales(self.speed_scale, self.acceleration_scale, self.jerk_scale)


class CellTask:
    """Plans the sequence's moves.

    One configuration is chosen per waypoint so that the whole task costs least from the station's home.

    Raises:
        KinematicsError: a waypoint is out of reach, or every way to reach it collides.
    """

    def __init__(self, planner: MotionPlanner, station: Station, approach_speed_max_m_s: float) -> None:
        self._planner = planner
        self._station = station
        self._approach_speed_max_m_s = approach_speed_max_m_s
        # The part nearest to what lies below stays straight.
        self._blend_m = _BLEND_SHARE * station.approach_height_m
        self.waypoints = _configurations(planner, station)

    @property
    def arm(self) -> Arm:
        """The arm that is planned for."""
        return self._planner.arm

    @property
    def scene(self) -> CollisionScene:
        """What the arm must not touch."""
        return self._planner.scene

    @property
    def torque_max_n_m(self) -> FloatArray:
        """Torque limit of each joint by the robot's description, shape (n,); infinite where it has none."""
        limit = np.array(self.arm.model.effortLimit, dtype=np.float64)
        return np.where(limit > 0.0, limit, np.inf)

    @property
    def part_mass_kg(self) -> float:
        """Mass of a nominal part."""
        return self._station.grip.part_mass_kg

    def plan(
        self,
        start: FloatArray,
        waypoint: str,
        *,
        is_straight: bool,
        is_held: bool,
        tuning: Tuning,
        onward: Sequence[Way] = (),
    ) -> Plan:
        """The move from rest at `start` to a waypoint, and without a stop to those that follow.

        Raises:
            PlanningError: no way is free.
            TrajectoryError: the waypoint cannot be reached from there.
        """
        *via, last = (
            Waypoint(self._goal(way.waypoint, start), "straight" if way.is_straight else "free", self._blend_m)
            for way in (Way(waypoint, is_straight), *onward)
        )
        return self._planner.plan(
            MoveRequest(
                start=start,
                goal=last.position,
                kind=last.kind,
                via=tuple(via),
                scales=tuning.scales,
                held=is_held,
                acceleration_max_m_s2=self._part_bound(tuning, is_held),
                speed_max_m_s=self._approach_speed_max_m_s,
            )
        )

    def excess(self, trajectory: JointTrajectory, tuning: Tuning, is_held: bool) -> float:
        """Share of the arm's limits, and of what a held part bears, that a trajectory uses."""
        share = limit_excess(trajectory, self.arm.limits) / JOINT_SHARE_AIM
        if not is_held:
            return share
        return max(share, self._acceleration_max(trajectory) / self._part_bound(tuning, is_held))

    def loads(self, trajectory: JointTrajectory, *, is_held: bool) -> MoveLoads:
        """What a move asks of grip and joints."""
        motion = self.arm.tool_motion(trajectory.position, trajectory.velocity, trajectory.acceleration)
        tool_m_s2 = np.linalg.norm(motion.acceleration, axis=1)
        return MoveLoads(trajectory.time_s, tool_m_s2, *self._planner.torques(trajectory, held=is_held))

    def holds_m_s2(self, vacuum_pa: float) -> float:
        """Acceleration that the grip holds a nominal part against at a vacuum."""
        return self._station.grip.acceleration_max(vacuum_pa)

    def tool_speed_max(self, trajectory: JointTrajectory) -> float:
        """Largest speed of the tool's origin at any sample in [m/s]."""
        motion = self.arm.tool_motion(trajectory.position, trajectory.velocity, trajectory.acceleration)
        return float(np.linalg.norm(motion.velocity, axis=1).max())

    def bin_below(self, position: FloatArray) -> Bin | None:
        """The bin that the tool is over at joint positions (n,), None where it is over none."""
        return self._station.bin_below(self.arm.fk(position)[:3, 3])

    def part_bound_m_s2(self, tuning: Tuning) -> float:
        """Acceleration of the tool in [m/s^2] that a held part bears."""
        # What a sound grip holds of a nominal part bounds it too: nobody may allow more than that.
        return min(tuning.part_acceleration_max_m_s2, self._station.grip.acceleration_max(tuning.grip_vacuum_pa))

    def _part_bound(self, tuning: Tuning, is_held: bool) -> float:
        return self.part_bound_m_s2(tuning) if is_held else np.inf

    def _acceleration_max(self, trajectory: JointTrajectory) -> float:
        motion = self.arm.tool_motion(trajectory.position, trajectory.velocity, trajectory.acceleration)
        return float(np.linalg.norm(motion.acceleration, axis=1).max())

    def _goal(self, waypoint: str, start: FloatArray) -> FloatArray:
        return self._above(start) if waypoint == CLEAR else self.waypoints[waypoint]

    def _above(self, start: FloatArray) -> FloatArray:
        """The configuration straight above `start` at the safe height; `start` itself where it is high enough."""
        pose = self.arm.fk(start)
        if pose[2, 3] >= self._station.safe_height_m - _STANDING_M:
            return start
        pose[2, 3] = self._station.safe_height_m
        found = self.arm.ik(pose, start)
        if not found:
            raise PlanningError("no configuration straight above the tool at the safe height")
        return found[0]


def _configurations(planner: MotionPlanner, station: Station) -> Mapping[str, FloatArray]:
    names = ["infeed_above", "infeed_pick", "camera_inspect"]
    poses = [station.above("infeed_pick"), station.poses["infeed_pick"], station.poses["camera_inspect"]]
    joined = [(0, 1)]
    for outfeed in BINS:
        joined.append((len(names), len(names) + 1))
        names += [f"{outfeed}_above", f"{outfeed}_place"]
        poses += [station.above(f"{outfeed}_place"), station.poses[f"{outfeed}_place"]]

    def are_free(frames: ChainFrames) -> BoolArray:
        return planner.scene.free_each(frames, near_contact=True)

    try:
        chosen = choose_branches(planner.arm, station.home, poses, same_branch=joined, are_allowed=are_free)
    except KinematicsError as error:
        raise KinematicsError(f"station: waypoints {', '.join(names)}: {error}") from error
    return {name: frozen_array(position) for name, position in zip(names, chosen, strict=True)}
