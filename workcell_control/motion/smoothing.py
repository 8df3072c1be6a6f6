"""Bounded jerk from bounded acceleration: a moving average over time.

Averaging a trajectory over a window keeps every bound that holds on both sides of it: velocity and acceleration of the
average are averages of velocities and accelerations. Its jerk is the difference of the acceleration across the window
divided by the window's length, so that the window is chosen as long as the jerk bound asks, and the whole move takes
just that much longer, however many corners it has (Biagiotti and Melchiorri, "FIR filters for online trajectory
planning with time- and frequency-domain specifications", 2012). The average leaves the path by at most
acceleration * window^2 / 24 at each joint.
"""

from __future__ import annotations

import math

import numpy as np

from workcell_control.motion.arrays import FloatArray
from workcell_control.motion.trajectory import JointTrajectory

_SLACK = 1e-9


def smoothed(position: FloatArray, period_s: float, jerk: FloatArray) -> JointTrajectory:
    """A trajectory of bounded jerk along samples that begin and end at rest.

    Its acceleration is linear between samples, so that a controller that interpolates by quintics follows it exactly.

    Args:
        position: Samples at equal times, shape (k, n), k at least 2.
        period_s: Time between samples.
        jerk: Bound of each joint, [rad/s^3], shape (n,).
    """
    means = _means(position, period_s)
    count = _window(means, period_s, jerk)
    padded = np.zeros((len(means) + 2 * count + 1, means.shape[1]))
    padded[count + 1 : count + 1 + len(means)] = means
    sums = padded.cumsum(axis=0)
    acceleration = (sums[count:] - sums[:-count]) / count
    return _integrated(position[0], position[-1], acceleration, period_s)


def _means(position: FloatArray, period_s: float) -> FloatArray:
    """Second differences: weighted means of the acceleration, hence within its bounds."""
    steps = np.zeros((len(position) + 1, position.shape[1]))
    np.subtract(position[1:], position[:-1], out=steps[1:-1])
    return np.asarray((steps[1:] - steps[:-1]) / period_s**2)


def _window(means: FloatArray, period_s: float, jerk: FloatArray) -> int:
    """A number of samples to average over such that no joint's jerk exceeds its bound, one less would be too few.

    Found by halving: the longest, 2 a / j, always fits.
    """
    relative = means / (jerk * period_s)
    fits = max(1, math.ceil(2.0 * float(np.abs(relative).max())))
    # Standing still before and after.
    padded = np.zeros((len(means) + 2 * fits, means.shape[1]))
    padded[fits:-fits] = relative
    # What the first and the last sample alone ask for.
    too_few = max(0, math.ceil(float(np.abs(relative[[0, -1]]).max()) - _SLACK) - 1)
    while fits - too_few > 1:
        middle = (fits + too_few) // 2
        across = float(np.abs(padded[middle:] - padded[:-middle]).max())
        fits, too_few = (middle, too_few) if across <= middle + _SLACK else (fits, middle)
    return fits


def _integrated(start: FloatArray, goal: FloatArray, acceleration: FloatArray, period_s: float) -> JointTrajectory:
    """The motion from rest whose acceleration is linear between the given samples."""
    before, after = acceleration[:-1], acceleration[1:]
    zero = np.zeros((1, acceleration.shape[1]))
    velocity = np.concatenate([zero, np.cumsum(0.5 * period_s * (before + after), axis=0)])
    steps = period_s * velocity[:-1] + period_s**2 * (before / 3.0 + after / 6.0)
    position = start + np.concatenate([zero, np.cumsum(steps, axis=0)])
    # Rounding only: the average of a motion ends where the motion does.
    velocity[-1] = 0.0
    position[-1] = goal
    times = period_s * np.arange(len(acceleration), dtype=np.float64)
    return JointTrajectory(times, position, velocity, acceleration)
