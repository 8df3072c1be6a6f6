"""Recorded cycles as a regression needs them: context, parameters in force and tried, what came of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from workcell_control.governance.rules import Governance
from workcell_control.policy.policy import Cycle
from workcell_control.policy.value import Prices, outcome_of, value_of

FloatArray = npt.NDArray[np.float64]
Parameters = Mapping[str, float]
"""By `node.parameter`."""

NODES: Final = ("cell", "inspection")
"""Whose governed parameters are actions: what the robot does. Monitors' limits only act through them."""
NS_PER_S: Final = 1_000_000_000
GRIP: Final = "cell.grip_vacuum_pa"
CONTEXT: Final = ("vacuum_ratio", "light", "tariff", "temperature", "complaint")
"""What is known of a cycle before it begins, from the one before: the vacuum reached over what was asked, by the
readings' tags the light, the tariff and the shoulder's temperature; and 1 if the monitor complained of the arm in one
of the `COMPLAINT_CYCLES` before, else 0."""
COMPLAINT_CYCLES: Final = 20
"""A slower arm complains less, and is no sounder for that."""
TAGS: Final = ("cell/ambient_light", "cell/tariff", "arm/joint_2/temperature")


@dataclass(frozen=True)
class LoggedCycle:
    """One recorded cycle.

    Attributes:
        bag: Which bag it is of.
        stop_ns: When it ended.
        context: As `CONTEXT` lists it; NaN where it is not known.
        recorded: Parameters that were in force.
        tried: Those that the other policy would have had in force.
        is_steady: Whether one set was in force all the time: only then it tells what that set does.
        eur: Its contribution margin.
        time_s: From the end of the cycle before to its own, waiting included.
        is_defective: Whether its part was, by the end-of-line audit; None where that said nothing.
    """

    bag: int
    stop_ns: int
    context: tuple[float, ...]
    recorded: Parameters
    tried: Parameters
    is_steady: bool
    eur: float
    time_s: float
    is_defective: bool | None = None

    def differing(self) -> list[str]:
        """Returns the parameters that the other policy would have had otherwise."""
        return [name for name, value in self.tried.items() if value != self.recorded.get(name, value)]


@dataclass(frozen=True)
class RawCycle:
    """A cycle as a bag has it; `is_defective` is the end-of-line audit's word, None without one."""

    stop_ns: int
    cycle: Cycle
    is_defective: bool | None
    tried: Mapping[str, Parameters]
    """By node and parameter, as the replay had it when the cycle ended."""
    has_complaint: bool = False
    """Whether the monitor complained of the arm in it."""


def logged_cycles(bag: int, start_ns: int, raw: Sequence[RawCycle], prices: Prices) -> list[LoggedCycle]:
    """Returns a bag's cycles, in order, the first counted from `start_ns`."""
    logged: list[LoggedCycle] = []
    context, before_ns = (*(float("nan"),) * (len(CONTEXT) - 1), 0.0), start_ns
    complained = -COMPLAINT_CYCLES - 1
    for index, item in enumerate(raw):
        cycle = item.cycle
        time_s = max((item.stop_ns - before_ns) / NS_PER_S, cycle.cycle_time_s)
        outcome = outcome_of(cycle, is_defective=item.is_defective, waiting_s=time_s - cycle.cycle_time_s)
        value = value_of(outcome, prices, cycle.readings.get("cell/tariff"))
        recorded = _flat(cycle.parameters)
        tried = {name: value for name, value in _flat(item.tried).items() if name in recorded}
        logged.append(
            LoggedCycle(
                bag,
                item.stop_ns,
                context,
                recorded,
                tried,
                cycle.is_steady,
                value.total_eur,
                time_s,
                item.is_defective,
            )
        )
        complained = index if item.has_complaint else complained
        context = (*_context(cycle, recorded), float(index - complained < COMPLAINT_CYCLES))
        before_ns = item.stop_ns
    return logged


def envelopes(governance: Governance) -> dict[str, tuple[float, float]]:
    """Returns low and high of every action by `node.parameter`."""
    rules = governance.rules
    return {
        f"{node}.{name}": (rule.low, rule.high) for node in NODES if node in rules for name, rule in rules[node].items()
    }


def actions(cycles: Sequence[LoggedCycle], names: Sequence[str], tried: bool) -> FloatArray:
    """Returns shape (cycles, names): the parameters in force, or those tried."""
    sets = [cycle.tried if tried else cycle.recorded for cycle in cycles]
    fallback = [cycle.recorded for cycle in cycles]
    rows = [[own.get(name, other[name]) for name in names] for own, other in zip(sets, fallback, strict=True)]
    return np.array(rows, dtype=float).reshape(len(cycles), len(names))


def contexts(cycles: Sequence[LoggedCycle]) -> FloatArray:
    """Returns shape (cycles, `CONTEXT`), what is not known set to the mean of what is."""
    table = np.array([cycle.context for cycle in cycles], dtype=float).reshape(len(cycles), len(CONTEXT))
    known = np.isfinite(table)
    counts = known.sum(axis=0)
    means = np.where(known, table, 0.0).sum(axis=0) / np.maximum(counts, 1)
    return np.where(known, table, means)


def defects(cycles: Sequence[LoggedCycle]) -> FloatArray:
    """Returns shape (cycles, 1): 1 for a defective part, 0 for a good one, and what is usual where nobody knows."""
    known = [float(cycle.is_defective) for cycle in cycles if cycle.is_defective is not None]
    usual = sum(known) / len(known) if known else 0.0
    rows = [usual if cycle.is_defective is None else float(cycle.is_defective) for cycle in cycles]
    return np.array(rows).reshape(len(cycles), 1)


def _flat(parameters: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {f"{node}.{name}": value for node, own in parameters.items() if node in NODES for name, value in own.items()}


def _context(cycle: Cycle, recorded: Parameters) -> tuple[float, ...]:
    asked_pa = recorded.get(GRIP, 0.0)
    ratio = cycle.vacuum_min_pa / asked_pa if asked_pa > 0.0 else float("nan")
    return (ratio, *(cycle.readings.get(tag, float("nan")) for tag in TAGS))
