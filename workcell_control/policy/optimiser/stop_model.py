"""How likely the arm's own supervision stops it: a worn gear's friction is taken for a collision.

An arm takes torque that its model does not explain for a collision (De Luca et al., "Collision detection and safe
reaction with the DLR-III lightweight manipulator arm", 2006). What a worn gear adds is such torque, and shows as a
deviation from the path: friction over the servo's stiffness. The largest deviation that a cycle tells is more than
that (the servo lags behind acceleration) and scatters (it is sampled), but neither the lag nor the scatter stops the
arm. So the model finds the friction's own deviation from many cycles, and sets it against the limit with what is
unsure of both. The limit is known from the arm's data but for a few per cent: what it bore and did not bear tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from workcell_control.policy.optimiser.belief import GridBelief
from workcell_control.policy.optimiser.regression import ForgetfulRegression, Prior
from workcell_control.policy.optimiser.setting import COLUMN

FloatArray = npt.NDArray[np.float64]

FRICTION_PRIOR = Prior(mean=(1.0,), std=(0.15,), noise=0.04, forgetting=0.97)
"""In [mrad], over what wear and speed let expect of it."""
COULOMB_MRAD, VISCOUS_MRAD = 0.35, 2.95
"""Deviation that a worn-out gear's friction leads to at standstill, and on top at full speed."""
LAG_MRAD = 0.57
"""Of the servo at full acceleration. Largest deviations of this arm's cycles are met to 0.03 mrad."""
LAG_LEFT_MRAD = (0.43, 0.5)
"""What is left of it as the peak speed is reached: at most so much, by full acceleration and by full jerk."""
LOADED_SHARE = 0.55
"""Of the lag that is left, what comes of moves with a part."""
PART_REACH_M_S2 = 7.0
"""Acceleration of a part that full acceleration of the joints leads to."""
JERK_SPEED = 0.12
"""Speed scale that is won while full jerk takes full acceleration down to 0."""
REACHED_SPEED = 1.27
"""Speed scale that the longest move gets to at full acceleration, if it may; it goes with the root of that."""
FRICTION_STD = 0.006
"""Of a cycle's friction, relative: what the wear is known to from one cycle to the next."""
LOG_LIMIT_GRID = np.linspace(-0.12, 0.12, 49)
OUTCOME_FLOOR = 0.005
"""Share of stops that have other reasons."""
LIMIT_FORGETTING = 0.98
STD_FLOOR_MRAD = 1e-3


@dataclass(frozen=True)
class Friction:
    """Deviation by friction alone in [mrad], mean and standard deviation, shape (n,) each."""

    mean_mrad: FloatArray
    std_mrad: FloatArray


class StopModel:
    """Follows the friction of the worst gear, and what the arm bears of it.

    Args:
        limit_rad: deviation by friction alone at which the arm stops.
        limit_std: of that figure, relative.
    """

    def __init__(self, limit_rad: float, limit_std: float) -> None:
        self._limits_mrad: FloatArray = 1e3 * limit_rad * np.exp(LOG_LIMIT_GRID)
        self._limit = GridBelief(-0.5 * (LOG_LIMIT_GRID / limit_std) ** 2, LIMIT_FORGETTING, OUTCOME_FLOOR)
        self._factor = ForgetfulRegression(FRICTION_PRIOR)

    def probability(self, settings: FloatArray, wear: float) -> FloatArray:
        """Probability of a stop in a cycle for settings (n, 8) and a wear 0..1, shape (n,)."""
        stops: FloatArray = self._stops(self._friction(settings, wear)) @ self._limit.weights
        return stops

    def learn(self, setting: FloatArray, wear: float, deviation_rad: float, *, is_stopped: bool) -> None:
        """Takes in the largest deviation of a cycle, and whether the arm stopped."""
        row = setting[None]
        if not is_stopped:
            lag_mrad, friction_mrad = _largest(row, wear)
            self._factor.learn(friction_mrad, 1e3 * deviation_rad - float(lag_mrad[0]))
        stops = self._stops(self._friction(row, wear))[0]
        self._limit.learn(stops if is_stopped else 1.0 - stops)

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, as JSON values."""
        return {"factor": self._factor.snapshot()} | self._limit.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it is of another model.
        """
        self._limit.restore(state)
        self._factor.restore(state["factor"])

    def _friction(self, settings: FloatArray, wear: float) -> Friction:
        friction = _friction_mrad(_peak_speed(settings), wear)
        found = self._factor.predict(friction[:, None])
        return Friction(found.mean, np.hypot(found.model_std, FRICTION_STD * friction))

    def _stops(self, friction: Friction) -> FloatArray:
        """Probability of a stop for each setting and limit of the grid, shape (n, grid)."""
        std_mrad = np.maximum(friction.std_mrad, STD_FLOOR_MRAD)[:, None]
        probability: FloatArray = ndtr((friction.mean_mrad[:, None] - self._limits_mrad) / std_mrad)
        return probability


def _peak_speed(settings: FloatArray) -> FloatArray:
    """Speed scale that the longest move gets to, (n,)."""
    reached = REACHED_SPEED * np.sqrt(settings[:, COLUMN["acceleration_scale"]])
    return np.minimum(settings[:, COLUMN["speed_scale"]], reached)


def _largest(settings: FloatArray, wear: float) -> tuple[FloatArray, FloatArray]:
    """Lag and friction in [mrad] where both together are largest: accelerating, or at the peak speed, (n,) each."""
    acceleration, jerk = settings[:, COLUMN["acceleration_scale"]], settings[:, COLUMN["jerk_scale"]]
    peak = _peak_speed(settings)
    # The full acceleration ends before the peak speed, the earlier the less jerk there is.
    speed = np.maximum(peak - JERK_SPEED * acceleration**2 / jerk, 0.0)
    loaded = np.minimum(acceleration, settings[:, COLUMN["part_acceleration_max_m_s2"]] / PART_REACH_M_S2)
    mixed = (1.0 - LOADED_SHARE) * acceleration + LOADED_SHARE * loaded
    left = 1.0 / np.hypot(1.0 / (LAG_LEFT_MRAD[0] * mixed), 1.0 / (LAG_LEFT_MRAD[1] * jerk))
    lags = np.stack([LAG_MRAD * acceleration, left])
    frictions = _friction_mrad(np.stack([speed, peak]), wear)
    at = (lags + frictions).argmax(axis=0)[None]
    return np.take_along_axis(lags, at, axis=0)[0], np.take_along_axis(frictions, at, axis=0)[0]


def _friction_mrad(speed: FloatArray, wear: float) -> FloatArray:
    return wear * (COULOMB_MRAD + VISCOUS_MRAD * speed)
