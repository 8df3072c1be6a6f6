"""Learned limits in the wear scenario: warnings that come to nothing, and how long before the failure they come.

`python -m bench.wear [--seeds N] [--first SEED] [--lives N]`: per seed a joint wears out and is replaced, life after
life, at speeds that change from lot to lot. One and the same life, none of those learned from, is judged with limits
as shipped and with those learned from the outcomes of the lives before. Vibration, friction of wear and protective stop
are the world's own (`Drives`, `ProtectiveStop`); monitor and learning are the monitor's own (`HealthMonitor`). What is
simpler than in the whole cell is the motion: the first joint alone, in trapezoids of speed. `--bag DIR` compares with a
recorded cell.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bench.output import keep, show
from bench.wear_machine import CYCLE_S, Life, Machine, indicator_of
from workcell_sensors.health.monitor import HealthMonitor
from workcell_sensors.health.refine import CycleResult
from workcell_sensors.health.threshold import Threshold, load_thresholds
from workcell_sensors.reading import NS_PER_S
from workcell_sensors.tags import SourceRow, TagRow, TagTable, load_tags

TAG, SPEED = "arm/joint_1/vibration", "arm/joint_1/speed"
TABLE = TagTable(
    [TagRow(TAG, "mqtt", "v", "m/s^2", "m/s^2"), TagRow(SPEED, "opcua", "s", "rad/s", "rad/s")],
    [SourceRow("mqtt", "mqtt"), SourceRow("opcua", "opcua")],
)
ROWS = np.array([0, 1])
GOOD = np.zeros(2, dtype=np.uint8)
WINDOW_S = 10.0


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the warnings of one life were worth."""

    false_alarms: int
    """Warnings that ended without a failure, or began while the gear was healthy."""
    lead_cycles: int
    """Cycles before the failure from which on the gear's wear was warned of; 0 where no warning was in force."""
    cycles: int


def shipped(path: Path) -> Threshold:
    """Returns the limits of the first joint's vibration as the file has them."""
    return load_thresholds(path, load_tags(path.parent / "tags.yaml"))[TAG]


def live(machine: Machine, life: Life, threshold: Threshold, learns: bool) -> tuple[Verdict, Threshold]:
    """Runs a life to its failure; returns what the warnings were worth and the limits at its end."""
    return _Shift(threshold, learns).run(machine, life)


class _Shift:
    """One life under one monitor."""

    def __init__(self, threshold: Threshold, learns: bool, monitor: HealthMonitor | None = None) -> None:
        self.monitor = HealthMonitor(TABLE, {TAG: threshold}, WINDOW_S) if monitor is None else monitor
        self._learns = learns
        self._now_ns = 0
        self._warned_at = -1
        self._false_alarms = 0

    def run(self, machine: Machine, life: Life) -> tuple[Verdict, Threshold]:
        cycle = 0
        for cycle in range(life.cycles_max):
            scans, has_failed = machine.cycle(life, cycle)
            self._read(scans, cycle)
            if self._learns:
                self._learn(has_failed)
            if has_failed:
                break
        if 0 <= self._warned_at < life.wear_from_cycle:
            # It began while the gear was healthy: that it still stood when the gear began to wear is no foresight.
            self._false_alarms += 1
        lead = cycle - max(self._warned_at, life.wear_from_cycle) if self._warned_at >= 0 else 0
        return Verdict(self._false_alarms, lead, cycle + 1), self.monitor.thresholds[TAG]

    def _read(self, scans: Sequence[tuple[float, float, float]], cycle: int) -> None:
        begin_ns = self._now_ns
        ticks = 1
        for at_s, vibration, speed in scans:
            self._now_ns = begin_ns + round(at_s * NS_PER_S)
            self.monitor.take(ROWS, np.array([vibration, speed]), GOOD, self._now_ns)
            if at_s >= ticks:
                ticks += 1
                self.monitor.tick(self._now_ns)
                self._note(cycle)
        self._now_ns = begin_ns + round(CYCLE_S * NS_PER_S)

    def _note(self, cycle: int) -> None:
        is_warning = self.monitor.report([0])[0].level > 0
        if is_warning and self._warned_at < 0:
            self._warned_at = cycle
        elif not is_warning and self._warned_at >= 0:
            self._false_alarms += 1
            self._warned_at = -1

    def _learn(self, has_failed: bool) -> None:
        self.monitor.learn(CycleResult(self._now_ns, False, 0.0, protective_stop=has_failed))
        for change in self.monitor.proposals():
            self.monitor.set_limits(TAG, {change.limit: change.new})


def by_seed(seed: int, lives: int, threshold: Threshold) -> tuple[Verdict, Verdict, Threshold]:
    """Returns the verdicts on a life before and after learning from others, and the learned limits."""
    machine = Machine(seed)
    judged = machine.life(1000)
    before, _ = live(machine, judged, threshold, learns=False)
    teacher = HealthMonitor(TABLE, {TAG: threshold}, WINDOW_S)
    for number in range(lives):
        # Time goes on from life to life, and the evidence with it; the gear is a new one.
        _Shift(threshold, True, teacher).run(machine, machine.life(number))
        teacher = _begin_anew(teacher, threshold)
    learned = teacher.thresholds[TAG]
    after, _ = live(machine, judged, learned, learns=False)
    return before, after, learned


def _begin_anew(monitor: HealthMonitor, threshold: Threshold) -> HealthMonitor:
    """The monitor as it is after a restart: what it learned is kept, windows and levels are not."""
    fresh = HealthMonitor(TABLE, {TAG: threshold}, WINDOW_S)
    fresh.restore(monitor.snapshot())
    return fresh


def main() -> None:
    """Judges all seeds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--lives", type=int, default=2, help="lives that are learned from")
    parser.add_argument("--thresholds", type=Path, default=Path("config/thresholds.yaml"))
    parser.add_argument("--bag", type=Path, help="recorded run of a whole cell to compare the machine with")
    options = parser.parse_args()
    if options.bag is not None:
        _compare(options.bag)
    threshold = shipped(options.thresholds)
    found = [by_seed(seed, options.lives, threshold) for seed in range(options.first, options.first + options.seeds)]
    before, after = [item[0] for item in found], [item[1] for item in found]
    rows = [_row("limits as shipped", before), _row(f"learned from {options.lives} lives", after)]
    fewer = sum(b.false_alarms > a.false_alarms for b, a in zip(before, after, strict=True))
    earlier = sum(a.lead_cycles > b.lead_cycles for b, a in zip(before, after, strict=True))
    title = f"wear, {options.seeds} seeds: warnings that came to nothing, and lead time before the failure"
    show(title, ["limits", "false alarms per shift of 8 h", "lead, mean [min]", "lead, least [min]"], rows)
    print(f"fewer false alarms in {fewer}, longer lead in {earlier} of {options.seeds} seeds")
    for point, given in enumerate(threshold.warn_limits):
        limits = [item[2].warn_limits[point] for item in found]
        print(f"{threshold.warn_name_of(point)}: {given:.2f} -> {min(limits):.2f}..{max(limits):.2f} m/s^2")
    figures = {
        name: [dataclasses.asdict(item) for item in each] for name, each in (("before", before), ("after", after))
    }
    keep("wear", {"first": options.first, "seeds": options.seeds, "lives": options.lives, **figures})


def _row(name: str, verdicts: Sequence[Verdict]) -> list[object]:
    hours = sum(item.cycles for item in verdicts) * CYCLE_S / 3600.0
    leads_min = [item.lead_cycles * CYCLE_S / 60.0 for item in verdicts]
    return [name, 8.0 * sum(item.false_alarms for item in verdicts) / hours, statistics.mean(leads_min), min(leads_min)]


def _compare(bag: Path) -> None:
    """Shows what the first joint's vibration gains per unit of speed, healthy and worn, here and in a whole cell."""
    from bench.wear_bag import recorded_indicators

    rows: list[list[object]] = []
    for wear, recorded in recorded_indicators(bag):
        own = indicator_of(wear)
        rows.append([wear, recorded, own, own / recorded])
    show("vibration per speed of joint 1", ["wear", "whole cell", "this machine", "ratio"], rows)


if __name__ == "__main__":
    main()
