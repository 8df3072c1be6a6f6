"""What happened in a shift so far: one picture for the page, the terminal and the report. Pure."""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NS_PER_S = 1_000_000_000
PROPOSALS_KEPT = 200
CYCLES_KEPT = 5000
PARCELS_KEPT = 5000
NAMES_MAX = 5000
"""Tags, and names of statuses: anybody may publish new ones without end."""
SERIES_PERIOD_S = 1.0
SERIES_KEPT = 7200
PICTURE_WINDOW_S = 600.0
PICTURE_POINTS = 300
HOLDS_SHOWN = 8
PLOTTED = (
    "gripper/vacuum",
    "cell/power",
    "cell/ambient_light",
    "cell/tariff",
    "arm/joint_2/temperature",
    "arm/joint_2/vibration",
)
"""Readings whose course is kept for the page and the report."""
INCIDENTS_KEPT = 500
HEARTBEAT = ": node"
"""End of a status name that is repeated every second while its node lives."""
HEARTBEAT_TIMEOUT_S = 2.5
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
    model: str = ""
    gain: str = ""
    """What the model expects it to bring, in words; empty where nothing foresees it."""
    clipped: str = ""
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
        self.moves: deque[dict[str, float]] = deque(maxlen=CYCLES_KEPT)
        self.parcels: dict[str, Parcel] = {}
        """The newest, by serial."""
        self._tally: Counter[tuple[str, bool]] = Counter()
        self.proposals: dict[int, ProposalRow] = {}
        self.parameters: dict[str, dict[str, float]] = {}
        self.forecast: dict[str, float] = {}
        self.defects: list[dict[str, Any]] = []
        self.series: dict[str, deque[tuple[float, float]]] = {}
        self.camera_ns = 0
        """Stamp of the newest annotated image."""
        self.holds: deque[dict[str, Any]] = deque(maxlen=500)
        self.incidents: deque[dict[str, Any]] = deque(maxlen=INCIDENTS_KEPT)
        self._window_ns: dict[str, int] = {}
        self._looked_s = 0.0

    @property
    def elapsed_s(self) -> float:
        """Shift time so far."""
        return (self.now_ns - self.start_ns) / NS_PER_S

    def note_time(self, now_ns: int) -> None:
        """Moves the record's clock: what is noted next happened now."""
        self.now_ns = max(self.now_ns, now_ns)

    def look_for_silence(self) -> None:
        """Shows a node as stale whose heartbeat had stopped by the look before.

        What has come since may still wait to be taken in: this process, too, may have stood still.
        """
        looked_s, self._looked_s = self._looked_s, self.elapsed_s
        for name, row in self.statuses.items():
            silence_s = looked_s - row["at_s"]
            if name.endswith(HEARTBEAT) and silence_s > HEARTBEAT_TIMEOUT_S and row["level"] != "STALE":
                row["level"], row["message"] = "STALE", f"no heartbeat for more than {HEARTBEAT_TIMEOUT_S:g} s"
                self._note_incident(name, row)

    def note_shift_start(self, start_ns: int) -> None:
        """Takes in since when the cell's own figures count: a console that died meanwhile began later."""
        earlier_s = (self.start_ns - start_ns) / NS_PER_S
        if earlier_s <= 0.0:
            return
        self.start_ns = start_ns
        self._looked_s += earlier_s
        for row in self.statuses.values():
            row["at_s"] += earlier_s

    def note_state(self, text: str) -> None:
        """Takes in `cell/state`: a word, and after `;reason=` why."""
        word, _, reason = text.partition(";reason=")
        if word == "hold" and self.state != "hold":
            self.holds.append({"at_s": self.elapsed_s, "reason": reason})
        self.state, self.state_reason = word, reason

    def note_reading(self, tag: str, value: float, quality: int) -> None:
        """Takes in one reading."""
        if tag in self.readings or len(self.readings) < NAMES_MAX:
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
        before = self.statuses.get(name)
        if before is None and len(self.statuses) >= NAMES_MAX:
            return
        self.statuses[name] = row
        if row["level"] != "OK" and (before is None or before["level"] != row["level"]):
            self._note_incident(name, row)

    def note_metric(self, source: str, name: str, value: float, window_stop_ns: int) -> None:
        """Takes in one metric of `cell/kpi`."""
        if source == "shift":
            self.shift[name] = value
            if name == "good_parts_per_hour":
                self._plot("good_parts_per_hour", value)
            return
        rows = self.moves if source == "move" else self.cycles
        if window_stop_ns != self._window_ns.get(source):
            self._window_ns[source] = window_stop_ns
            rows.append({"at_s": (window_stop_ns - self.start_ns) / NS_PER_S})
        rows[-1][name] = value

    def note_parcel(self, parcel: Parcel) -> None:
        """Takes in where a part went and what it truly was."""
        before = self.parcels.get(parcel.serial)
        if before is not None:
            self._tally[before.bin, before.is_good] -= 1
        self.parcels[parcel.serial] = parcel
        self._tally[parcel.bin, parcel.is_good] += 1
        if len(self.parcels) > PARCELS_KEPT:
            del self.parcels[next(iter(self.parcels))]

    def note_proposal(self, row: ProposalRow) -> None:
        """Takes in a proposal; its reason may have come before."""
        known = self.proposals.get(row.stamp_ns)
        if known is None:
            self._keep(row)
        else:
            known.node, known.parameters = row.node, row.parameters

    def note_explanation(self, stamp_ns: int, rule: str, reason: str, values: Mapping[str, str]) -> None:
        """Takes in why something is proposed; what is proposed in the shadow is told by its explanation alone."""
        row = self._row(stamp_ns)
        row.rule, row.reason, row.urgency = rule, reason, values.get("urgency", "")
        row.model, row.clipped = values.get("model", ""), values.get("clipped", "")
        row.gain = _gain_text(values)
        if values.get("shadow") == "true":
            row.node, row.parameters, row.outcome = values["node"], json.loads(values["parameters"]), "shadow"

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
        tally = self._tally
        by_bin = {name: tally[name, True] + tally[name, False] for name in ("accept", "rework", "reject", "floor")}
        good = tally["accept", True]
        hours = max(self.elapsed_s, 1e-9) / 3600.0
        return {
            "elapsed_s": self.elapsed_s,
            "parts": float(tally.total()),
            "accepted": float(by_bin["accept"]),
            "reworked": float(by_bin["rework"]),
            "rejected": float(by_bin["reject"]),
            "good_parts": float(good),
            "good_parts_per_hour": good / hours,
            "drops": float(by_bin["floor"]),
            "escapes": float(tally["accept", False]),
            "false_rejects": float(tally["rework", True] + tally["reject", True]),
            "energy_per_good_part_j": self.shift.get("energy_per_good_part", float("nan")),
            "oee": self.shift.get("oee", float("nan")),
        }

    def pending(self) -> list[dict[str, Any]]:
        """Returns what waits for a person."""
        rows = [row for row in self.proposals.values() if row.outcome == "pending"]
        return [{"node": row.node, "parameters": row.parameters} for row in rows]

    def live(self) -> dict[str, Any]:
        """Returns what the terminal shows, as JSON-ready values."""
        return {
            "state": self.state,
            "reason": self.state_reason,
            "parameters": self.parameters,
            "pending": self.pending(),
            **self.summary(),
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
            "series": {name: _thinned(points, self.elapsed_s) for name, points in self.series.items()},
            "holds": list(self.holds)[-HOLDS_SHOWN:][::-1],
            "camera_stamp": str(self.camera_ns),
        }

    def results(self) -> dict[str, Any]:
        """Returns what the report needs, as JSON-ready values."""
        return {
            "summary": self.summary(),
            "kpi": self.shift,
            "cycles": list(self.cycles),
            "moves": list(self.moves),
            "series": {name: list(points) for name, points in self.series.items()},
            "proposals": [asdict(row) for row in self.proposals.values()],
            "holds": list(self.holds),
            "incidents": list(self.incidents),
            "parcels": [asdict(item) for item in self.parcels.values()],
        }

    def _note_incident(self, name: str, row: Mapping[str, Any]) -> None:
        self.incidents.append({"at_s": self.elapsed_s, "name": name, "level": row["level"], "message": row["message"]})

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


def _thinned(points: deque[tuple[float, float]], now_s: float) -> list[tuple[float, float]]:
    """Returns the points of the page's window, thinned, and the one before: it may still hold."""
    first = next((index for index, point in enumerate(points) if point[0] >= now_s - PICTURE_WINDOW_S), len(points))
    shown = list(points)[max(first - 1, 0) :]
    stride = -(-len(shown) // PICTURE_POINTS)
    # Counted from the newest, so that it is always among them.
    return shown[::-stride][::-1]


def _gain_text(values: Mapping[str, str]) -> str:
    """Returns an expected gain with its interval in words."""
    if "expected_gain_mean" not in values:
        return ""
    mean, low, high = (float(values[f"expected_gain_{end}"]) for end in ("mean", "low", "high"))
    return f"{mean:+.3g} ({low:+.3g} to {high:+.3g}) {values['expected_gain_unit']}"
