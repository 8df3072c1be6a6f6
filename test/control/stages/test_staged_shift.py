"""Stages over whole shifts of the cycle simulator: who does well stays though all gets worse, who does badly goes."""

from dataclasses import replace

import pytest
from test_staged import Wish

from bench.loop.shop import Shop
from workcell_control.policy.stages.arms import Arm
from workcell_control.policy.stages.audits import PartAudit
from workcell_control.policy.stages.score import ValueScore
from workcell_control.policy.stages.stage import Stage, StageSettings
from workcell_control.policy.stages.staged import StagedPolicy

CYCLES = 140
SLOW = {"speed_scale": 0.3, "acceleration_scale": 0.2}


@pytest.fixture(scope="module")
def shop():
    return Shop()


def staged_shift(shop, candidate, stage, seed):
    """Runs a shift in which everything happens at once; returns the policy, and the cycles until it was taken off."""
    is_guarded = not isinstance(candidate, Wish)
    arms = Arm("candidate", candidate, is_guarded=is_guarded), Arm("reflex", shop.reflex())
    score = ValueScore(shop.prices)
    policy = StagedPolicy(*arms, shop.governance, score, StageSettings(), stage, lambda: 0)
    cycles = 0

    def numbered(cycle):
        return replace(cycle, serial=cycles)

    loop = shop.loop(shop.scenario("all at once"), seed, policy)
    loop._spoil = numbered
    while cycles < CYCLES and not policy.barred:
        cycles += 1
        outcome = loop.run_cycle().outcome
        policy.audit(PartAudit(cycles, outcome.escape > 0.0, outcome.false_reject > 0.0))
    return policy, cycles


def test_a_live_optimiser_is_not_taken_off_for_what_makes_everybody_worse(shop):
    policy, _ = staged_shift(shop, shop.optimiser(), Stage.LIVE, 1)
    assert policy.barred == ""
    assert policy.stage is Stage.LIVE
    assert policy.standing.champion_cycles >= CYCLES // 25, "it was compared"


def test_a_canary_that_is_slow_is_taken_off(shop):
    policy, cycles = staged_shift(shop, Wish(SLOW), Stage.CANARY, 1)
    assert policy.stage is Stage.SHADOW
    assert "worse than tolerated" in policy.barred
    assert cycles < CYCLES
