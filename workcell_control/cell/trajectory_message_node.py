"""A planned trajectory as the message that a trajectory controller takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from workcell_control.execution.follower import NS_PER_S, Sending
from workcell_ros import convert


def trajectory_message(sending: Sending, joint_names: Sequence[str]) -> Any:
    """All samples of a dated trajectory; without the first where the controller begins where its own reference is."""
    trajectory = sending.trajectory
    skipped = 0 if sending.stamp_ns else 1
    rows = zip(
        trajectory.time_s[skipped:].tolist(),
        trajectory.position[skipped:].tolist(),
        trajectory.velocity[skipped:].tolist(),
        trajectory.acceleration[skipped:].tolist(),
        strict=True,
    )
    points = [
        JointTrajectoryPoint(positions=p, velocities=v, accelerations=a, time_from_start=_duration(t))
        for t, p, v, a in rows
    ]
    # Exactly at rest: a controller refuses an end that still moves, be it by rounding.
    points[-1].velocities = [0.0] * len(points[-1].positions)
    message = JointTrajectory(joint_names=list(joint_names), points=points)
    if sending.stamp_ns:
        message.header.stamp = convert.ns_to_stamp(sending.stamp_ns)
    return message


def _duration(time_s: float) -> Any:
    sec, nanosec = divmod(round(time_s * NS_PER_S), NS_PER_S)
    return Duration(sec=sec, nanosec=nanosec)
