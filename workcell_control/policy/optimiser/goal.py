"""What an hour under a setting is expected to be worth, from what its outcomes are foreseen to be."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from workcell_control.policy.optimiser.context import Context
from workcell_control.policy.optimiser.options import Options
from workcell_control.policy.optimiser.outcomes import Foreseen
from workcell_control.policy.value import J_PER_KWH, S_PER_H, Prices

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Worth:
    """Value of an hour in EUR, mean and standard deviation by what the models do not know, each of shape (n,)."""

    mean_eur: FloatArray
    std_eur: FloatArray


def worth_of(foreseen: Foreseen, context: Context, prices: Prices, options: Options) -> Worth:
    """Expected contribution margin over expected time, parts waited for and accidents included (`policy.value`)."""
    accept, reject = context.accept_share, context.reject_share
    rework = max(1.0 - accept - reject, 0.0)
    trusted_eur = accept * prices.good_part_eur - reject * prices.scrap_eur - rework * prices.rework_eur
    # A part that nobody could judge is looked at by a person; the good ones among them were rejected for nothing.
    unsure_eur = -prices.rework_eur - accept * prices.false_reject_eur
    carried_eur = (1.0 - foreseen.unsure) * trusted_eur + foreseen.unsure * unsure_eur
    tariff = prices.tariff_eur_per_kwh if context.tariff_eur_per_kwh is None else context.tariff_eur_per_kwh
    costs_eur = tariff * foreseen.energy_j / J_PER_KWH + prices.gears_eur * foreseen.wear
    eur = (1.0 - foreseen.toll) * carried_eur - foreseen.toll * prices.drop_eur - costs_eur
    waiting_s = _waiting_s(context.feed_interval_s - foreseen.time_s, context.feed_std_s)
    accidents_s = foreseen.toll * options.lost_part_s + foreseen.excess * options.stop_s
    time_s = foreseen.time_s + waiting_s + accidents_s
    per_hour = S_PER_H * eur / time_s
    # Where parts are waited for, a cycle that takes a little longer than thought costs nothing.
    std_s = foreseen.time_std_s * np.clip(1.0 - waiting_s / WAITING_FULL_S, 0.0, 1.0)
    return Worth(per_hour, np.abs(per_hour) * std_s / time_s)


def _waiting_s(ahead_s: FloatArray, std_s: float) -> FloatArray:
    """Mean wait of a cell that is ahead of its feed by so much a cycle; parts come irregularly, so near 0 it waits too.

    A softened max(ahead, 0), the softer the less is known of the feed: a logistic with the feed's deviation.
    """
    softness_s = math.hypot(IRREGULAR_S, LOGISTIC_SCALE * std_s)
    return softness_s * np.logaddexp(0.0, ahead_s / softness_s)


IRREGULAR_S = 0.03
LOGISTIC_SCALE = math.sqrt(3.0) / math.pi
"""Scale of a logistic distribution over its standard deviation."""
WAITING_FULL_S = 0.3
