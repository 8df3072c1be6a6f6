"""Key performance indicators of the cell by their ISO 22400-2:2014 names, and the record of each cycle.

    availability  = APT / PBT      actual production time over planned busy time
    effectiveness = PRI * PQ / APT planned run time per item times produced quantity over production time
    quality ratio = GQ / PQ        good over produced quantity
    OEE           = availability * effectiveness * quality ratio

Planned busy time runs from the first start. Waiting for parts (starved), holds, stops and recoveries are part
of it but not of the production time. Good parts are accepted parts; where an end-of-line audit tells the
truth, those that should not have been accepted (escapes) are taken off again.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from workcell_control.cell.steps import FATES, Fate, State

NS_PER_S = 1_000_000_000
PRODUCING = frozenset({State.APPROACH, State.PICK, State.TRANSFER, State.SETTLE, State.INSPECT, State.PLACE})
DOWN = frozenset({State.HOLD, State.STOPPED, State.RECOVER})
POWER_GAP_MAX_S = 5.0
"""Power readings further apart than this are not joined: nobody knows what was between."""
VERDICT_NUMBER: Mapping[str, float] = {"accept": 0.0, "rework": 1.0, "reject": 2.0}
NO_VERDICT_NUMBER = 3.0


@dataclass(frozen=True)
class Metric:
    """One figure with its unit ("1" where it has none)."""

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class CycleRecord:
    """What one finished part cost."""

    serial: str
    start_ns: int
    end_ns: int
    fate: Fate
    verdict: str
    cycle_time_s: float
    """Time spent working on it, recovery included; waiting for parts, holds and stops are not."""
    energy_j: float
    vacuum_min_pa: float
    """Lowest vacuum while it was held; NaN where it never was."""
    acceleration_max_m_s2: float
    tracking_error_max_rad: float
    pick_attempts: int

    def metrics(self) -> tuple[Metric, ...]:
        """The record as named figures."""
        digits = "".join(c for c in self.serial if c.isdigit())
        return (
            Metric("cycle_time", self.cycle_time_s, "s"),
            Metric("drop", 1.0 if self.fate == "floor" else 0.0, "1"),
            Metric("verdict", VERDICT_NUMBER.get(self.verdict, NO_VERDICT_NUMBER), "1"),
            Metric("energy", self.energy_j, "J"),
            Metric("vacuum_min", self.vacuum_min_pa, "Pa"),
            Metric("acceleration_max", self.acceleration_max_m_s2, "m/s^2"),
            Metric("serial", float(digits or 0), "1"),
            Metric("pick_attempts", float(self.pick_attempts), "1"),
            Metric("tracking_error_max", self.tracking_error_max_rad, "rad"),
        )


@dataclass(frozen=True)
class ShiftFigures:
    """Cumulative figures since the first start."""

    produced_quantity: int
    good_quantity: int
    rework_quantity: int
    scrap_quantity: int
    drops: int
    escapes: int
    false_rejects: int
    availability: float
    effectiveness: float
    quality_ratio: float
    oee: float
    energy_per_good_part_j: float
    """Infinite before the first good part."""
    good_parts_per_hour: float
    busy_time_s: float
    starved_time_s: float
    down_time_s: float

    def metrics(self) -> tuple[Metric, ...]:
        """The figures with the names and units of `cell/kpi`."""
        return tuple(Metric(name, float(getattr(self, field)), unit) for name, field, unit in _SHIFT_METRICS)


_SHIFT_METRICS = (
    ("produced_quantity", "produced_quantity", "1"),
    ("good_quantity", "good_quantity", "1"),
    ("rework_quantity", "rework_quantity", "1"),
    ("scrap_quantity", "scrap_quantity", "1"),
    ("drops", "drops", "1"),
    ("escapes", "escapes", "1"),
    ("false_rejects", "false_rejects", "1"),
    ("availability", "availability", "1"),
    ("effectiveness", "effectiveness", "1"),
    ("quality_ratio", "quality_ratio", "1"),
    ("oee", "oee", "1"),
    ("energy_per_good_part", "energy_per_good_part_j", "J"),
    ("good_parts_per_hour", "good_parts_per_hour", "1/h"),
    ("busy_time", "busy_time_s", "s"),
    ("starved_time", "starved_time_s", "s"),
    ("down_time", "down_time_s", "s"),
)


@dataclass
class _Cycle:
    """What has come together for the part in work."""

    start_ns: int = 0
    energy_start_j: float = 0.0
    time_ns: int = 0
    vacuum_min_pa: float = math.inf
    acceleration_max: float = 0.0
    tracking_error_max: float = 0.0


class KpiTracker:
    """Follows the cell's states, power and parts, and sums them up.

    Args:
        planned_run_time_per_item_s: ISO 22400-2 PRI, what one part should take.
    """

    def __init__(self, planned_run_time_per_item_s: float) -> None:
        if planned_run_time_per_item_s <= 0.0:
            raise ValueError(f"planned run time per item {planned_run_time_per_item_s} s: expected more than 0")
        self._planned_s = planned_run_time_per_item_s
        self._state: State | None = None
        self._since_ns = 0
        self._busy_ns = 0
        self._starved_ns = 0
        self._down_ns = 0
        self._fates: dict[Fate, int] = dict.fromkeys(FATES, 0)
        self._escapes = 0
        self._false_rejects = 0
        self._energy_j = 0.0
        self._power: tuple[int, float] | None = None
        self._cycle = _Cycle()
        self._audited: set[str] = set()

    def begin(self, state: State, now_ns: int) -> None:
        """Start the planned busy time; a second call changes nothing."""
        if self._state is None:
            self._state, self._since_ns = state, now_ns
            self._cycle = _Cycle(now_ns, self._energy_j)

    def resume(self, fates: Mapping[Fate, int], first_ns: int, last_ns: int, now_ns: int) -> None:
        """Go on with a shift that a former process began.

        What it knew of its times is lost: from the first part to the last counts as production, from then
        until now as down.
        """
        self._fates.update(fates)
        self._busy_ns += max(0, last_ns - first_ns)
        self._down_ns += max(0, now_ns - last_ns)

    def on_state(self, state: State, now_ns: int) -> None:
        """The cell's state from now on."""
        if self._state is None:
            return
        spent_ns = max(0, now_ns - self._since_ns)
        if self._state in PRODUCING:
            self._busy_ns += spent_ns
        elif self._state in DOWN:
            self._down_ns += spent_ns
        else:
            self._starved_ns += spent_ns
        if self._state in PRODUCING or self._state is State.RECOVER:
            self._cycle.time_ns += spent_ns
        self._state, self._since_ns = state, now_ns

    def on_power(self, power_w: float, stamp_ns: int) -> None:
        """A trustworthy power reading; energy is its integral (trapezoids)."""
        if self._power is not None:
            last_ns, last_w = self._power
            gap_s = (stamp_ns - last_ns) / NS_PER_S
            if gap_s <= 0.0:
                return
            if self._state is not None and gap_s <= POWER_GAP_MAX_S:
                self._energy_j += 0.5 * (last_w + power_w) * gap_s
        self._power = (stamp_ns, power_w)

    def on_vacuum_held(self, vacuum_pa: float) -> None:
        """A vacuum reading while a part is held."""
        self._cycle.vacuum_min_pa = min(self._cycle.vacuum_min_pa, vacuum_pa)

    def on_move_held(self, acceleration_max_m_s2: float) -> None:
        """A move with a held part was sent."""
        self._cycle.acceleration_max = max(self._cycle.acceleration_max, acceleration_max_m_s2)

    def on_tracking_error(self, error_rad: float) -> None:
        """The largest joint error that the controller reports."""
        self._cycle.tracking_error_max = max(self._cycle.tracking_error_max, error_rad)

    def on_audit(self, serial: str, outfeed: str, is_defective: bool) -> None:
        """The end-of-line audit's truth on one part that left by `outfeed`; each serial counts once.

        An escape is a defective part among the accepted ones, a false reject a good part among those sent
        to rework or reject.
        """
        if serial in self._audited:
            return
        self._audited.add(serial)
        if outfeed == "accept" and is_defective:
            self._escapes += 1
        elif outfeed in ("rework", "reject") and not is_defective:
            self._false_rejects += 1

    def on_part_ended(self, serial: str, fate: Fate, verdict: str, pick_attempts: int, now_ns: int) -> CycleRecord:
        """A part has ended; returns its record and begins the next."""
        if self._state is not None:
            self.on_state(self._state, now_ns)
        self._fates[fate] += 1
        cycle = self._cycle
        record = CycleRecord(
            serial=serial,
            start_ns=cycle.start_ns,
            end_ns=now_ns,
            fate=fate,
            verdict=verdict,
            cycle_time_s=cycle.time_ns / NS_PER_S,
            energy_j=self._energy_j - cycle.energy_start_j,
            vacuum_min_pa=cycle.vacuum_min_pa if math.isfinite(cycle.vacuum_min_pa) else math.nan,
            acceleration_max_m_s2=cycle.acceleration_max,
            tracking_error_max_rad=cycle.tracking_error_max,
            pick_attempts=pick_attempts,
        )
        self._cycle = _Cycle(now_ns, self._energy_j)
        return record

    def shift(self, now_ns: int) -> ShiftFigures:
        """The figures from the first start until now."""
        if self._state is not None:
            self.on_state(self._state, now_ns)
        fates = self._fates
        produced = fates["accept"] + fates["rework"] + fates["reject"] + fates["floor"]
        good = max(0, fates["accept"] - self._escapes)
        busy_s, down_s, starved_s = (t / NS_PER_S for t in (self._busy_ns, self._down_ns, self._starved_ns))
        planned_s = busy_s + down_s + starved_s
        availability = _share(busy_s, planned_s)
        effectiveness = _share(self._planned_s * produced, busy_s)
        quality = _share(good, produced)
        return ShiftFigures(
            produced_quantity=produced,
            good_quantity=good,
            rework_quantity=fates["rework"],
            scrap_quantity=fates["reject"] + fates["floor"],
            drops=fates["floor"],
            escapes=self._escapes,
            false_rejects=self._false_rejects,
            availability=availability,
            effectiveness=effectiveness,
            quality_ratio=quality,
            oee=availability * effectiveness * quality,
            energy_per_good_part_j=self._energy_j / good if good else math.inf,
            good_parts_per_hour=_share(good * 3600.0, planned_s),
            busy_time_s=busy_s,
            starved_time_s=starved_s,
            down_time_s=down_s,
        )


def _share(part: float, whole: float) -> float:
    return part / whole if whole > 0.0 else 0.0
