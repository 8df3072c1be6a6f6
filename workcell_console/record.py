"""What happened in a shift so far: one picture for the page, the terminal and the report. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NS_PER_S = 1_000_000_000
PROPOSALS_KEPT = 200
CYCLES_KEPT = 5000
SERIES_PERIOD_S = 1.0
SERIES_KEPT = 7200
PLOTTED = (
    "gripper/vacuum",
    "cell/power",
    "cell/ambient_light",
    "cell/tariff",
    "arm/joint_2/temperature",
    "arm/joint_2/vibration",
)
"""Readings whose course is kept for the page and the report."""
QUALITIES = ("GOOD", "UNCERTAIN", "BAD", "STALE")
LEVELS = ("OK", "WARN", "ERROR", "STALE")


@dataclass
class ProposalRow:
    """One proposed change and what became of it."""

    stamp_ns: int
    node: str
    parameters: dict[str, Any]
    rule: str = ""
    reason: str = ""
    urgency: str = ""
    outcome: str = "proposed"
    verdict_reason: str = ""
    actor: str = ""
    forecast: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Parcel:
    """A part that left the cell, as the audit station at the end of the line sees it."""

    serial: str
    bin: str
    is_good: bool
    stamp_ns: int


class ShiftRecord:
    """Collects what the nodes publish; every collection in it is bounded."""

    def __init__(self, start_ns: int) -> None:
        self.start_ns = start_ns
        self.now_ns = start_ns
        self.state = "starting"
        self.state_reason = ""
        self.robot_state = ""
        self.readings: dict[str, tuple[float, int]] = {}
        self.statuses: dict[str, dict[str, Any]] = {}
        self.shift: dict[str, float] = {}
        self.cycles: deque[dict[str, float]] = deque(maxlen=CYCLES_KEPT)
        self.parcels: dict[str, Parcel] = {}
        self.proposals: dict[int, ProposalRow] = {}
        self.parameters: dict[str, dict[str, float]] = {}
        self.forecast: dict[str, float] = {}
        self.defects: list[dict[str, Any]] = []
        self.series: dict[str, deque[tuple[float, float]]] = {}
        self.holds: deque[dict[str, Any]] = deque(maxlen=500)
        self._cycle_window_ns = -1

    @property
    def elapsed_s(self) -> float:
        """Shift time so far."""
        return (self.now_ns - self.start_ns) / NS_PER_S

    def note_time(self, now_ns: int) -> None:
        """Moves the record's clock."""
        self.now_ns = max(self.now_ns, now_ns)

    def note_state(self, text: str) -> None:
        """Takes in `cell/state`: a word, and after `;reason=` why."""
        word, _, reason = text.partition(";reason=")
        if word == "hold" and self.state != "hold":
            self.holds.append({"at_s": self.elapsed_s, "reason": reason})
        self.state, self.state_reason = word, reason

    def note_reading(self, tag: str, value: float, quality: int) -> None:
        """Takes in one reading."""
        self.readings[tag] = (value, quality)
        if tag in PLOTTED and quality <= 1:
            self._plot(tag, value)

    def note_parameter(self, node: str, name: str, value: float) -> None:
        """Takes in a governed parameter's value in force."""
        self.parameters.setdefault(node, {})[name] = value
        self._plot(f"{node}.{name}", value, every=True)

    def note_status(self, name: str, level: int, message: str, values: Mapping[str, str]) -> None:
        """Takes in one diagnostic status."""
        row = {"level": LEVELS[min(level, 3)], "message": message, "values": dict(values), "at_s": self.elapsed_s}
        self.statuses[name] = row

    def note_metric(self, source: str, name: str, value: float, window_stop_ns: int) -> None:
        """Takes in one metric of `cell/kpi`."""
        if source == "shift":
            self.shift[name] = value
            if name == "good_parts_per_hour":
                self._plot("good_parts_per_hour", value)
            return
        if window_stop_ns != self._cycle_window_ns:
            self._cycle_window_ns = window_stop_ns
            self.cycles.append({"at_s": (window_stop_ns - self.start_ns) / NS_PER_S})
        self.cycles[-1][name] = value

    def note_parcel(self, parcel: Parcel) -> None:
        """Takes in where a part went and what it truly was."""
        self.parcels[parcel.serial] = parcel

    def note_proposal(self, row: ProposalRow) -> None:
        """Takes in a proposal; its reason may have come before."""
        known = self.proposals.get(row.stamp_ns)
        if known is None:
            self._keep(row)
        else:
            known.node, known.parameters = row.node, row.parameters

    def note_explanation(self, stamp_ns: int, rule: str, reason: str, urgency: str) -> None:
        """Takes in why something is proposed."""
        row = self._row(stamp_ns)
        row.rule, row.reason, row.urgency = rule, reason, urgency

    def note_verdict(self, stamp_ns: int, values: Mapping[str, Any]) -> None:
        """Takes in what the governor made of a proposal."""
        row = self._row(stamp_ns)
        row.node = str(values["node"]) or row.node
        row.parameters = dict(values["parameters"]) or row.parameters
        row.outcome, row.verdict_reason = str(values["outcome"]), str(values["reason"])
        row.actor = str(values["actor"])

    def note_forecast(self, stamp_ns: int, values: Mapping[str, float]) -> None:
        """Takes in a forecast of the twin: the regular one (stamp 0) or one for a proposal."""
        self.forecast = dict(values)
        if stamp_ns:
            self._row(stamp_ns).forecast = dict(values)

    def summary(self) -> dict[str, float]:
        """Returns the shift's figures, escapes and false rejects by the audit station's truth."""
        parcels = list(self.parcels.values())
        by_bin = {name: [item for item in parcels if item.bin == name] for name in ("accept", "rework", "reject")}
        good = sum(item.is_good for item in by_bin["accept"])
        hours = max(self.elapsed_s, 1e-9) / 3600.0
        false_rejects = sum(item.is_good for item in (*by_bin["rework"], *by_bin["reject"]))
        return {
            "elapsed_s": self.elapsed_s,
            "parts": float(len(parcels)),
            "accepted": float(len(by_bin["accept"])),
            "reworked": float(len(by_bin["rework"])),
            "rejected": float(len(by_bin["reject"])),
            "good_parts": float(good),
            "good_parts_per_hour": good / hours,
            "drops": float(sum(item.bin == "floor" for item in parcels)),
            "escapes": float(len(by_bin["accept"]) - good),
            "false_rejects": float(false_rejects),
            "energy_per_good_part_j": self.shift.get("energy_per_good_part", float("nan")),
            "oee": self.shift.get("oee", float("nan")),
        }

    def picture(self) -> dict[str, Any]:
        """Returns everything the page shows, as JSON-ready values."""
        return {
            "now_s": self.now_ns / NS_PER_S,
            "elapsed_s": self.elapsed_s,
            "state": self.state,
            "state_reason": self.state_reason,
            "robot_state": self.robot_state,
            "readings": {
                tag: {"value": value, "quality": QUALITIES[min(max(quality, 0), 3)]}
                for tag, (value, quality) in sorted(self.readings.items())
            },
            "statuses": dict(sorted(self.statuses.items())),
            "kpi": self.shift,
            "summary": self.summary(),
            "parameters": self.parameters,
            "forecast": self.forecast,
            "defects": self.defects,
            # Stamps are beyond what a browser's numbers hold exactly, so they go as text.
            "proposals": [
                {**asdict(row), "stamp_ns": str(row.stamp_ns)} for row in list(self.proposals.values())[-40:][::-1]
            ],
            "series": {name: list(points)[-300:] for name, points in self.series.items()},
        }

    def results(self) -> dict[str, Any]:
        """Returns what the report needs, as JSON-ready values."""
        return {
            "summary": self.summary(),
            "kpi": self.shift,
            "cycles": list(self.cycles),
            "series": {name: list(points) for name, points in self.series.items()},
            "proposals": [asdict(row) for row in self.proposals.values()],
            "holds": list(self.holds),
            "parcels": [asdict(item) for item in self.parcels.values()],
        }

    def _row(self, stamp_ns: int) -> ProposalRow:
        row = self.proposals.get(stamp_ns)
        if row is None:
            row = ProposalRow(stamp_ns, "", {})
            self._keep(row)
        return row

    def _keep(self, row: ProposalRow) -> None:
        self.proposals[row.stamp_ns] = row
        while len(self.proposals) > PROPOSALS_KEPT:
            # What waits for a person stays in sight however much else was proposed since.
            oldest = next(
                (stamp for stamp, item in self.proposals.items() if item.outcome != "pending"),
                next(iter(self.proposals)),
            )
            del self.proposals[oldest]

    def _plot(self, name: str, value: float, every: bool = False) -> None:
        points = self.series.setdefault(name, deque(maxlen=SERIES_KEPT))
        if every or not points or self.elapsed_s - points[-1][0] >= SERIES_PERIOD_S:
            points.append((round(self.elapsed_s, 3), value))
