"""Fewer samples of a trajectory: only as many as a controller's quintics need to follow it."""

from __future__ import annotations

import numpy as np

from workcell_control.motion.arrays import BoolArray, FloatArray, IndexArray
from workcell_control.motion.limits import JointLimits
from workcell_control.motion.trajectory import JointTrajectory, quintic_tail

SPACING_MAX_S = 0.04
"""Longest time between samples that are kept."""
_JERK_CHANGE = 0.03
"""A sample at which the jerk changes by more than this share of its limit is kept."""
ACCELERATION_ERROR = 5e-4
"""Share of its limit by which an acceleration differs from that of all samples at most."""
VELOCITY_ERROR = 2e-5
"""The same of velocities."""
_CHECKED_SHARE = 0.6
"""Of this error that is allowed in the middle of an interval."""
_WORTH_IT = 0.8
_SLACK = 1e-7


def thinned(trajectory: JointTrajectory, limits: JointLimits) -> JointTrajectory:
    """The samples of a trajectory that quintics need to follow it within its limits.

    Wherever quintics through the kept samples would leave the accelerations of all, or exceed a limit that all keep,
    all samples of that interval stay.

    Args:
        trajectory: Samples whose acceleration is linear in between.
        limits: Of the joints.
    """
    count = len(trajectory.time_s)
    if count < 4:
        return trajectory
    jerk = np.diff(trajectory.acceleration, axis=0) / (np.diff(trajectory.time_s)[:, None] * limits.jerk)
    is_corner = np.abs(np.diff(jerk, axis=0)).max(axis=1) > _JERK_CHANGE
    kept = _spaced(np.flatnonzero(is_corner) + 1, trajectory.time_s)
    if len(kept) > _WORTH_IT * count:
        return trajectory
    few = _of(trajectory, kept)
    bad = np.flatnonzero(_differs(few, trajectory, kept, limits))
    if not len(bad):
        return few
    again = np.concatenate([kept, *(np.arange(kept[i] + 1, kept[i + 1]) for i in bad)])
    return _of(trajectory, np.sort(again))


def _spaced(corners: IndexArray, time_s: FloatArray) -> IndexArray:
    """Corners, both ends, and samples between those that are further apart."""
    ends = np.concatenate([[0], corners, [len(time_s) - 1]])
    gaps = np.diff(ends)
    parts = np.maximum(np.ceil(np.diff(time_s[ends]) / SPACING_MAX_S - 1e-9).astype(int), 1)
    parts = np.minimum(parts, gaps)
    pieces = np.repeat(np.arange(len(gaps)), parts)
    within = np.arange(len(pieces)) - np.repeat(np.cumsum(parts) - parts, parts)
    return np.append(ends[pieces] + gaps[pieces] * within // parts[pieces], len(time_s) - 1)


def _of(trajectory: JointTrajectory, kept: IndexArray) -> JointTrajectory:
    rows = (getattr(trajectory, name)[kept] for name in ("time_s", "position", "velocity", "acceleration"))
    return JointTrajectory(*rows)


def _differs(few: JointTrajectory, every: JointTrajectory, kept: IndexArray, limits: JointLimits) -> BoolArray:
    """Of each interval that is left, whether the quintic in it is not as it should be.

    Its acceleration differs most from what was meant near the middle; its jerk is a parabola.
    """
    span = np.diff(few.time_s)[:, None]
    v0, v1 = few.velocity[:-1] * span, few.velocity[1:] * span
    a0, a1 = few.acceleration[:-1] * span**2, few.acceleration[1:] * span**2
    c3, c4, c5 = quintic_tail(np.diff(few.position, axis=0), v0, v1, a0, a1)
    middle_s = 0.5 * (few.time_s[:-1] + few.time_s[1:])
    after = np.searchsorted(every.time_s, middle_s)
    share = ((middle_s - every.time_s[after - 1]) / (every.time_s[after] - every.time_s[after - 1]))[:, None]
    meant = (1.0 - share) * every.acceleration[after - 1] + share * every.acceleration[after]
    middle = (a0 + 3.0 * c3 + 3.0 * c4 + 2.5 * c5) / span**2
    is_off = np.abs(middle - meant) > _CHECKED_SHARE * ACCELERATION_ERROR * limits.acceleration
    allowed = (1.0 + _SLACK) / 6.0 * limits.jerk * span**3
    is_off |= np.abs(c3) > allowed
    is_off |= np.abs(c3 + 4.0 * c4 + 10.0 * c5) > allowed
    # Where the parabola turns, if that is within the interval.
    turn = -0.2 * c4 / np.where(c5 == 0.0, np.inf, c5)
    is_off |= (turn > 0.0) & (turn < 1.0) & (np.abs(c3 + 2.0 * c4 * turn) > allowed)
    return np.asarray(is_off.any(axis=1) & (np.diff(kept) > 1))
