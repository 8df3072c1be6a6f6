"""What a cycle is worth in EUR, and what an hour of such cycles is.

The contribution margin of one part: what its fate earns or costs, less energy at the tariff and the gears' wear. An
hour's value is the margin of its cycles over their time, waiting for parts included: a faster arm is worth nothing
where no part waits, a gentler one nothing where each part earns more than the gears it costs. What a cell costs
standing still is left out: no parameter changes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

from workcell_control.policy.policy import Cycle
from workcell_ros.config import load_numbers

S_PER_H = 3600.0
J_PER_KWH = 3.6e6
SHARES = ("good", "scrap", "rework", "drop", "escape")
"""The fates of a part; each part has one."""
TOLERANCE = 1e-6


@dataclass(frozen=True)
class Prices:
    """What things earn and cost, all in EUR and none negative; `config/value.yaml` holds a shop's own."""

    good_part_eur: float
    """Earned by a good part that is accepted."""
    scrap_eur: float
    """Cost of a part in the reject bin: its material."""
    rework_eur: float
    """Cost of a part in the rework bin: a person looks at it."""
    drop_eur: float
    """Cost of a lost part: its material, and somebody clears it away."""
    escape_eur: float
    """Cost of a defective part that was accepted, found at the customer's."""
    false_reject_eur: float
    """Cost of a good part that was not accepted, on top of the bin's."""
    gears_eur: float
    """Cost of wearing the arm's gears from new to worn out."""
    tariff_eur_per_kwh: float
    """Price of energy where no reading tells it."""

    def __post_init__(self) -> None:
        """Raises ValueError where a price is negative or not finite."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not 0.0 <= value < math.inf:
                raise ValueError(f"{entry.name} = {value}: expected a finite number, at least 0")


@dataclass(frozen=True)
class CycleOutcome:
    """What a cycle brought. Shares are 0 or 1 for a cycle that was seen, probabilities for one that is foreseen."""

    cycle_time_s: float
    waiting_s: float = 0.0
    """For parts, and in stops."""
    good: float = 0.0
    """Accepted, and good."""
    scrap: float = 0.0
    rework: float = 0.0
    drop: float = 0.0
    escape: float = 0.0
    """Accepted, though defective."""
    false_reject: float = 0.0
    """Good, though in the bins for rework or scrap; one of `scrap` and `rework` counts the part as well."""
    energy_j: float = 0.0
    wear: float = 0.0
    """Share of the gears' life that it took."""

    def __post_init__(self) -> None:
        """Raises ValueError where the fates do not add up to one part, or a time is not positive."""
        total = sum(getattr(self, name) for name in SHARES)
        if abs(total - 1.0) > TOLERANCE:
            raise ValueError(f"{' + '.join(SHARES)} = {total}: expected 1, a part has one fate")
        if not self.cycle_time_s > 0.0 or not self.waiting_s >= 0.0:
            raise ValueError(f"a cycle of {self.cycle_time_s} s and {self.waiting_s} s waiting: expected more than 0 s")


@dataclass(frozen=True)
class CycleValue:
    """What a cycle was worth, cause by cause in EUR (costs are negative), and how long it took."""

    parts_eur: float
    """Good parts less scrap, rework and false rejects."""
    drops_eur: float
    escapes_eur: float
    energy_eur: float
    wear_eur: float
    time_s: float

    @property
    def total_eur(self) -> float:
        """The cycle's contribution margin."""
        return self.parts_eur + self.drops_eur + self.escapes_eur + self.energy_eur + self.wear_eur

    @property
    def per_hour_eur(self) -> float:
        """What an hour of such cycles is worth."""
        return S_PER_H * self.total_eur / self.time_s


def value_of(outcome: CycleOutcome, prices: Prices, tariff_eur_per_kwh: float | None = None) -> CycleValue:
    """Returns what a cycle was, or will be, worth.

    >>> prices = Prices(0.1, 0.05, 0.2, 1.0, 4.0, 0.1, 400.0, 0.28)
    >>> value = value_of(CycleOutcome(4.0, good=1.0, energy_j=1000.0, wear=2e-6), prices)
    >>> round(value.total_eur, 5), round(value.per_hour_eur, 2)
    (0.09912, 89.21)
    """
    tariff = prices.tariff_eur_per_kwh if tariff_eur_per_kwh is None else tariff_eur_per_kwh
    costs = (
        prices.scrap_eur * outcome.scrap
        + prices.rework_eur * outcome.rework
        + prices.false_reject_eur * outcome.false_reject
    )
    return CycleValue(
        parts_eur=prices.good_part_eur * outcome.good - costs,
        drops_eur=-prices.drop_eur * outcome.drop,
        escapes_eur=-prices.escape_eur * outcome.escape,
        energy_eur=-tariff * outcome.energy_j / J_PER_KWH,
        wear_eur=-prices.gears_eur * outcome.wear,
        time_s=outcome.cycle_time_s + outcome.waiting_s,
    )


def per_hour_eur(values: Iterable[CycleValue]) -> float:
    """Returns the value of an hour of production: all margins over all time; NaN for no cycles."""
    total_eur = time_s = 0.0
    for value in values:
        total_eur += value.total_eur
        time_s += value.time_s
    return S_PER_H * total_eur / time_s if time_s > 0.0 else math.nan


def outcome_of(
    cycle: Cycle, *, is_defective: bool | None = None, waiting_s: float = 0.0, wear: float = 0.0
) -> CycleOutcome:
    """Returns a finished cycle as an outcome.

    Args:
        cycle: what the cell published of it.
        is_defective: what the end-of-line audit found; None where nobody looked, and the verdict is believed.
        waiting_s: time before it in which the cell waited or stood.
        wear: share of the gears' life that it took.
    """
    is_accepted = cycle.verdict == "accept" and not cycle.is_dropped
    is_rejected = cycle.verdict == "reject" and not cycle.is_dropped
    is_escape = is_accepted and is_defective is True
    return CycleOutcome(
        cycle_time_s=cycle.cycle_time_s,
        waiting_s=waiting_s,
        good=float(is_accepted and not is_escape),
        scrap=float(is_rejected),
        # Unsure and uninspected parts go to rework as well.
        rework=float(not (is_accepted or is_rejected or cycle.is_dropped)),
        drop=float(cycle.is_dropped),
        escape=float(is_escape),
        false_reject=float(is_defective is False and not is_accepted and not cycle.is_dropped),
        energy_j=cycle.energy_j,
        wear=wear,
    )


def load_prices(path: str | Path) -> Prices:
    """Reads `value.yaml`.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    return load_numbers(path, Prices, lambda number: 0.0 <= number < math.inf, "a finite number of EUR, at least 0")
