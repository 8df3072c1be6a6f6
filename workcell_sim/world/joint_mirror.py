"""The joints of an arm that another controller moves, as a reference for the simulated one.

Joint states come with jitter and at their own rate, while suction feels accelerations. So position, velocity and
acceleration are those of the parabola that fits the states of a window best, taken at its middle (Savitzky and
Golay, "Smoothing and differentiation of data by simplified least squares procedures", 1964, for any spacing).
"""

from __future__ import annotations

from collections import deque

import numpy as np
import numpy.typing as npt

from workcell_sim.world.spline import Samples

FloatArray = npt.NDArray[np.float64]

WINDOW_S = 0.12
"""Length of the window; the reference lags by half of it."""
STILL_RAD = 1e-5
"""A joint that moves by less than this in a window rests."""
_STATES_MIN = 4
_STATES_MAX = 400


class JointMirror:
    """Hears joint states and gives references.

    Args:
        home_rad: where the arm is taken to be until it is heard, shape (n,).
    """

    def __init__(self, home_rad: FloatArray) -> None:
        self._last_rad = np.array(home_rad, dtype=np.float64)
        self._heard: deque[tuple[float, FloatArray]] = deque(maxlen=_STATES_MAX)

    def hear(self, time_s: float, position_rad: FloatArray) -> None:
        """Takes the joints' positions (n,) at a time; one that is not later than the last is left out."""
        if not self._heard or time_s > self._heard[-1][0]:
            self._heard.append((time_s, position_rad))

    def sample(self, time_s: float) -> Samples:
        """The reference at a time, a single row: (1, n) each; without states enough the joints rest where they were."""
        middle_s = time_s - WINDOW_S / 2
        while self._heard and self._heard[0][0] < time_s - WINDOW_S:
            self._last_rad = self._heard.popleft()[1]
        window = [state for state in self._heard if state[0] <= time_s]
        if len(window) < _STATES_MIN:
            return _resting(window[-1][1] if window else self._last_rad)
        times = np.array([heard_s for heard_s, _ in window]) - middle_s
        positions = np.array([position for _, position in window])
        if float(np.ptp(positions, axis=0).max()) < STILL_RAD:
            return _resting(positions[-1])
        basis = np.stack([np.ones_like(times), times, times**2 / 2.0], axis=1)
        fitted = np.linalg.lstsq(basis, positions, rcond=None)[0]
        return Samples(fitted[0:1], fitted[1:2], fitted[2:3])


def _resting(position_rad: FloatArray) -> Samples:
    still = np.zeros((1, position_rad.size))
    return Samples(position_rad[None], still, still)
