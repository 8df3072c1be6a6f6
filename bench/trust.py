"""How soon a policy that earns less is taken off, and how seldom one that does not.

`python -m bench.trust [--seeds N] [--cycles N]`: cycles of two policies under one `StagedPolicy`, with values, verdicts
and times as the cell has them: every sixth part is defective and so earns less whoever made it, and takes longer;
cycles wait for parts now and then; conditions drift. The end of the line tells of a part some cycles later, or not at
all.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.output import keep, show
from workcell_control.governance.rules import Governance, load_governance
from workcell_control.policy.policy import Cycle, Observation, Proposal
from workcell_control.policy.stages.arms import Arm
from workcell_control.policy.stages.audits import PartAudit
from workcell_control.policy.stages.score import ValueScore
from workcell_control.policy.stages.stage import Stage, StageSettings
from workcell_control.policy.stages.staged import StagedPolicy
from workcell_control.policy.value import Prices, load_prices

CONFIG = Path(__file__).parents[1] / "config"
DEFECTIVE_SHARE = 0.17
FALSE_REJECT_SHARE = 0.01
CYCLE_TIME_S, WAIT_MEAN_S, DETOUR_S = 3.2, 0.12, 0.25
"""A cycle's time, the mean of what it waits for a part, and what the way to the bins takes more."""
DRIFT_SHARE, DRIFT_CYCLES = 0.2, 100.0
"""Cycles become longer and shorter again by so much, for both."""
AUDIT_LAG_CYCLES = 6
SOUND = Cycle(False, "accept", CYCLE_TIME_S, 47e3, 3.0, 1, 1e-3, 900.0)


@dataclass(frozen=True)
class Case:
    """Two policies, one of which may earn less."""

    name: str
    slower: float = 0.0
    """By which share of its time a candidate's cycle is longer."""
    false_rejects_more: float = 0.0
    begins: int = 0
    is_drifting: bool = False


CASES = (
    Case("no worse"),
    Case("no worse, conditions drift", is_drifting=True),
    Case("as much worse as is tolerated", slower=0.02),
    Case("a tenth longer cycles", slower=0.1),
    Case("a third longer cycles", slower=0.33),
    Case("a third longer cycles from cycle 300 on", slower=0.33, begins=300),
    Case("a tenth longer cycles, conditions drift", slower=0.1, is_drifting=True),
    Case("rejects 15 % of the sound parts more", false_rejects_more=0.15),
)


class Silent:
    """A policy that leaves all as it is."""

    def propose(self, _observation: Observation) -> list[Proposal]:
        """Returns nothing."""
        return []

    def learn(self, cycle: Cycle) -> None:
        """Learns nothing."""

    def hear(self, node: str, parameters: object, outcome: str, now_ns: int) -> None:
        """Passes it over."""


def made(case: Case, cycle: int, is_worse: bool, rng: np.random.Generator) -> tuple[Cycle, PartAudit]:
    """Returns a cycle, and what the end of the line will find of its part."""
    is_defective = rng.random() < DEFECTIVE_SHARE
    false_rejects = FALSE_REJECT_SHARE + case.false_rejects_more * is_worse
    is_false_reject = not is_defective and rng.random() < false_rejects
    time_s = CYCLE_TIME_S * (1.0 + case.slower * is_worse)
    if case.is_drifting:
        time_s *= 1.0 + DRIFT_SHARE * math.sin(cycle / DRIFT_CYCLES)
    time_s += rng.exponential(WAIT_MEAN_S) + DETOUR_S * (is_defective or is_false_reject)
    verdict = "accept" if not (is_defective or is_false_reject) else "rework" if rng.random() < 0.5 else "reject"
    seen = dataclasses.replace(
        SOUND, verdict=verdict, cycle_time_s=time_s, energy_j=900.0 + rng.normal(0.0, 20.0), serial=cycle + 1
    )
    return seen, PartAudit(cycle + 1, False, is_false_reject, is_defective)


def taken_off_after(
    case: Case, stage: Stage, is_audited: bool, seed: int, cycles: int, governance: Governance, prices: Prices
) -> int | None:
    """Returns the cycles until the candidate is taken off, counted from where it became worse; None where it is not."""
    rng = np.random.default_rng(seed)
    arms = Arm("candidate", Silent()), Arm("champion", Silent())
    policy = StagedPolicy(*arms, governance, ValueScore(prices), StageSettings(), stage, lambda: 0)
    waiting: list[PartAudit] = []
    for cycle in range(cycles):
        is_worse = policy.runs == "candidate" and cycle >= case.begins
        seen, audit = made(case, cycle, is_worse, rng)
        policy.learn(seen)
        waiting.append(audit)
        if is_audited and len(waiting) > AUDIT_LAG_CYCLES:
            policy.audit(waiting.pop(0))
        if policy.barred:
            return cycle + 1 - case.begins
    return None


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--cycles", type=int, default=1000)
    parser.add_argument("--cases", nargs="*", choices=[case.name for case in CASES], help="default all")
    options = parser.parse_args()
    governance, prices = load_governance(CONFIG / "governance.yaml"), load_prices(CONFIG / "value.yaml")
    rows: list[list[object]] = []
    for case in CASES:
        for stage in (Stage.CANARY, Stage.LIVE) if not options.cases or case.name in options.cases else ():
            for is_audited in (True, False):
                found = [
                    taken_off_after(case, stage, is_audited, seed, options.cycles, governance, prices)
                    for seed in range(options.seeds)
                ]
                off = [cycles for cycles in found if cycles is not None]
                median, late = np.percentile(off, (50.0, 90.0)) if off else (math.nan, math.nan)
                audited = "yes" if is_audited else "no"
                rows.append([case.name, stage.name.lower(), audited, len(off) / len(found), float(median), float(late)])
                print(rows[-1], flush=True)
    columns = ["case", "stage", "end of the line tells", "taken off", "cycles until then, median", "90 %"]
    show(f"taken off within {options.cycles} cycles, {options.seeds} seeds", columns, rows)
    keep("trust", {"seeds": options.seeds, "cycles": options.cycles, "rows": rows})


if __name__ == "__main__":
    main()
