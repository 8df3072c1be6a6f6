"""A planned trajectory as the message that a trajectory controller takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from builtin_interfaces.msg import Duration
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from workcell_control.execution.follower import NS_PER_S, Sending
from workcell_ros import convert


def trajectory_message(sending: Sending, joint_names: Sequence[str]) -> Any:
    """All samples of a trajectory; without the first where the controller begins where its own reference is.

    Times in a message are whole nanoseconds: each sample is moved on to that time, lest the difference become a jerk
    between samples that are near to each other.
    """
    trajectory = sending.trajectory
    rows = slice(0 if sending.begins_exactly else 1, None)
    time_ns = np.round(trajectory.time_s[rows] * NS_PER_S)
    later_s = (time_ns / NS_PER_S - trajectory.time_s[rows])[:, None]
    velocity, acceleration = trajectory.velocity[rows], trajectory.acceleration[rows]
    points = [
        JointTrajectoryPoint(positions=p, velocities=v, accelerations=a, time_from_start=_duration(t))
        for t, p, v, a in zip(
            time_ns.astype(np.int64).tolist(),
            (trajectory.position[rows] + later_s * velocity).tolist(),
            (velocity + later_s * acceleration).tolist(),
            acceleration.tolist(),
            strict=True,
        )
    ]
    # Exactly at rest: a controller refuses an end that still moves, be it by rounding.
    points[-1].velocities = [0.0] * len(points[-1].positions)
    message = JointTrajectory(joint_names=list(joint_names), points=points)
    if sending.stamp_ns:
        message.header.stamp = convert.ns_to_stamp(sending.stamp_ns)
    return message


def _duration(time_ns: int) -> Any:
    sec, nanosec = divmod(time_ns, NS_PER_S)
    return Duration(sec=sec, nanosec=nanosec)
