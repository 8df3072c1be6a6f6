"""A cycle's worth, for comparing whoever ran it."""

from __future__ import annotations

from workcell_control.policy.policy import Cycle
from workcell_control.policy.stages.value_watch import CycleScore
from workcell_control.policy.value import Prices, outcome_of, value_of

TARIFF_TAG = "cell/tariff"


class ValueScore:
    """Scores cycles by their contribution margin; the verdict is believed, since nobody looks again at once."""

    def __init__(self, prices: Prices) -> None:
        self._prices = prices

    def __call__(self, cycle: Cycle) -> CycleScore:
        """Returns the cycle's value in EUR and whether the part was lost."""
        value = value_of(outcome_of(cycle), self._prices, cycle.readings.get(TARIFF_TAG))
        return CycleScore(value.total_eur, value.time_s, cycle.is_dropped)
