"""How likely a part is lost, from the sizing rule of cup makers and what lost and kept parts say about it.

A cup that pulls with F holds a part of mass m against a lateral acceleration of mu (F / m - g) (VDI 2740). Friction and
pull scatter from part to part; what the rule leaves out (impacts, a soft lip, a wrong friction) is one factor on that
acceleration, whose distribution every cycle sharpens: a part that was lost although it should have held lowers it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from workcell_control.motion.grip import GRAVITY_M_S2
from workcell_control.policy.optimiser.belief import GridBelief

FloatArray = npt.NDArray[np.float64]

LOG_FACTOR_GRID = np.linspace(-0.9, 0.3, 61)
PROBABILITY_MIN = 1e-9
CAPACITY_FLOOR_M_S2 = 0.05
OUTCOME_FLOOR = 0.02
"""Share of outcomes that have other reasons: no single part, nor a sensor that lies, is believed altogether."""


@dataclass(frozen=True)
class LotPrior:
    """Parts come in lots, and nothing announces a heavier one.

    Attributes:
        parts: of a lot, on average.
        mass_kg, mass_ratio: lots' masses are log-normal about this, two of three within this factor.
    """

    parts: float
    mass_kg: float
    mass_ratio: float


@dataclass(frozen=True)
class HoldPrior:
    """The tooling, and how well its figures are known.

    Attributes:
        cup_area_m2: of the cup's lip.
        friction: between cup and part, and `friction_spread` its deviation from part to part, relative.
        mass_spread: of the weighing and from part to part, relative.
        log_factor, log_factor_std: of the factor on the acceleration that the rule allows.
        forgetting: share of what lost and kept parts said that is left after each cycle.
        lots: what parts that were not weighed yet may be like.
    """

    cup_area_m2: float
    friction: float
    friction_spread: float = 0.07
    mass_spread: float = 0.025
    log_factor: float = 0.0
    log_factor_std: float = 0.08
    forgetting: float = 0.995
    lots: LotPrior | None = None


@dataclass(frozen=True)
class LossForeseen:
    """What is to be expected of settings, each of shape (n,).

    Attributes:
        probability: of losing the next part, if it weighs what was weighed.
        toll: lost parts a cycle in the long run, which a setting's worth is to bear.
    """

    probability: FloatArray
    toll: FloatArray


class HoldModel:
    """Probability that a part is lost on its way."""

    def __init__(self, prior: HoldPrior) -> None:
        self._prior = prior
        z = (LOG_FACTOR_GRID - prior.log_factor) / prior.log_factor_std
        self._factor = GridBelief(-0.5 * z**2, prior.forgetting, OUTCOME_FLOOR)

    def foresee(
        self,
        vacuum_pa: FloatArray,
        vacuum_std_pa: FloatArray | float,
        mass_kg: float,
        acceleration_m_s2: FloatArray,
    ) -> LossForeseen:
        """What becomes of parts, for n settings.

        The toll is less than the probability where little is known: a factor under which parts would be lost one after
        the other is found out by the first of them, and remembered for some cycles. It is more by the first parts of
        lots that are heavier than the setting bears.

        Args:
            vacuum_pa, vacuum_std_pa: while the part is carried.
            mass_kg: of the part.
            acceleration_m_s2: largest lateral acceleration that it sees, vibration included.
        """
        given = self._loss_given(vacuum_pa, vacuum_std_pa, mass_kg, acceleration_m_s2)
        weights = self._factor.weights
        expected = given[:, int(np.searchsorted(np.cumsum(weights), 0.5))]
        once = np.maximum(expected, 1.0 - self._prior.forgetting)[:, None]
        toll = np.minimum(given, once) @ weights + self._lost_of_lots(vacuum_pa, acceleration_m_s2)
        return LossForeseen(np.clip(given @ weights, PROBABILITY_MIN, 1.0), np.clip(toll, PROBABILITY_MIN, 1.0))

    def learn(self, vacuum_pa: float, mass_kg: float, acceleration_m_s2: float, *, is_lost: bool) -> None:
        """Takes in what became of a part of known vacuum, mass and largest acceleration."""
        if not all(map(math.isfinite, (vacuum_pa, mass_kg, acceleration_m_s2))) or vacuum_pa <= 0.0:
            return
        given = self._loss_given(np.array([vacuum_pa]), 0.0, mass_kg, np.array([acceleration_m_s2]))[0]
        self._factor.learn(given if is_lost else 1.0 - given)

    def snapshot(self) -> dict[str, Any]:
        """All that was learned, as JSON values."""
        return self._factor.snapshot()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Takes a snapshot back.

        Raises:
            ValueError: it is of another model.
        """
        self._factor.restore(state)

    def _lost_of_lots(self, vacuum_pa: FloatArray, acceleration_m_s2: FloatArray) -> FloatArray:
        """Share of parts that are the first of a lot too heavy for a setting, (n,): the sizing rule gives the mass."""
        prior, lots = self._prior, self._prior.lots
        if lots is None:
            return np.zeros_like(acceleration_m_s2)
        pull_n = np.maximum(vacuum_pa, 1.0) * prior.cup_area_m2
        largest_kg = pull_n / (GRAVITY_M_S2 + acceleration_m_s2 / prior.friction)
        heavier: FloatArray = ndtr(-np.log(largest_kg / lots.mass_kg) / math.log(lots.mass_ratio))
        return heavier / lots.parts

    def _loss_given(
        self, vacuum_pa: FloatArray, vacuum_std_pa: FloatArray | float, mass_kg: float, acceleration_m_s2: FloatArray
    ) -> FloatArray:
        """Probability of loss for each row and factor of the grid, shape (n, grid)."""
        prior = self._prior
        pull = vacuum_pa * prior.cup_area_m2 / mass_kg
        capacity = np.maximum(prior.friction * (pull - GRAVITY_M_S2), CAPACITY_FLOOR_M_S2)
        relative_vacuum = vacuum_std_pa / np.maximum(vacuum_pa, 1.0)
        from_pull = prior.friction * pull * np.hypot(relative_vacuum, prior.mass_spread)
        std = np.hypot(prior.friction_spread * capacity, from_pull)
        factor = np.exp(LOG_FACTOR_GRID)
        spare = capacity[:, None] * factor - acceleration_m_s2[:, None]
        probability: FloatArray = ndtr(-spare / (std[:, None] * factor))
        return probability
