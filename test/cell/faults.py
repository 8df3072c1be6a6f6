"""Shifts in which nodes and field devices are stalled or killed one after the other, and what came of each fault."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from witness import Witness

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.cell.ledger import PartEntry, PartLedger
from workcell_sim.world.scenario import DEVICES

FIRST_AT_S = 24.0
SPACING_S = 20.0
FAULT_S = 5.0
TAIL_S = 6.0


@dataclass(frozen=True)
class Fault:
    """One fault of a shift."""

    action: str
    target: str
    at_s: float

    @property
    def kind(self) -> str:
        """Its kind in a scenario file."""
        return f"{'device' if self.target in DEVICES else 'node'}_{self.action}"

    @property
    def end_s(self) -> float:
        """When the target may live again."""
        return self.at_s + FAULT_S

    @property
    def next_s(self) -> float:
        """When the next fault begins."""
        return self.at_s + SPACING_S

    def entry(self) -> dict[str, Any]:
        """The fault as a scenario file has it."""
        aimed_at = "device" if self.target in DEVICES else "node"
        return {"kind": self.kind, "at_s": self.at_s, "hold_s": FAULT_S, aimed_at: self.target}


@dataclass(frozen=True)
class Shift:
    """A shift that went to its end, and everything it left."""

    folder: Path
    results: dict[str, Any]
    witness: Witness
    parts: tuple[PartEntry, ...]

    def good_parts(self, from_s: float, to_s: float) -> int:
        """Number of good parts that came to the accept bin in a time, by the audit at the end of the line."""
        start_ns = self.witness.start_ns
        stamps = [item["stamp_ns"] for item in self.results["parcels"] if item["bin"] == "accept" and item["is_good"]]
        return sum(from_s <= (stamp_ns - start_ns) / 1e9 <= to_s for stamp_ns in stamps)


def plan(*targets: str) -> tuple[Fault, ...]:
    """Every target stalled and then killed, one target after the other, evenly spaced."""
    pairs = [(action, target) for target in targets for action in ("stall", "kill")]
    return tuple(Fault(*pair, FIRST_AT_S + index * SPACING_S) for index, pair in enumerate(pairs))


def run(folder: Path, faults: tuple[Fault, ...], **arguments: str) -> Shift:
    """Runs a shift with these faults on virtual time."""
    scenario = folder / "faults.yaml"
    events = [fault.entry() for fault in faults]
    scenario.write_text(yaml.safe_dump({"duration_s": 3600.0, "events": events}), encoding="utf-8")
    witness = Witness()
    given = {"twin": "false", "policy": "fixed", "log_level": "error", **arguments}
    options = ShiftOptions(folder / "run", str(scenario), faults[-1].next_s + TAIL_S, seed=11, arguments=given)
    results = run_shift(options, witness.attend)
    ledger = PartLedger(options.out_dir / "ledger.journal")
    try:
        return Shift(options.out_dir, results, witness, ledger.parts)
    finally:
        ledger.close()
