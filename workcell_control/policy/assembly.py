"""A policy in its stages, made from the node's parameters. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from workcell_control.governance.rules import Governance
from workcell_control.policy.learned_file import LearnedFile, config_hash
from workcell_control.policy.policy import FOLLOWED
from workcell_control.policy.policy_parameters import PolicyParameters
from workcell_control.policy.reflex import Tooling
from workcell_control.policy.registry import GUARDED, POLICIES, RELIABLE, PolicySettings, champion_of
from workcell_control.policy.stages.arms import Arm
from workcell_control.policy.stages.score import ValueScore
from workcell_control.policy.stages.stage import Stage, StageSettings
from workcell_control.policy.stages.staged import StagedPolicy
from workcell_control.policy.value import load_prices


def make_policy(values: PolicyParameters, governance: Governance, clock_ns: Callable[[], int]) -> StagedPolicy:
    """Returns the policy and its champion, the policy in the shadow; `clock_ns` tells how long it takes for an answer.

    Raises:
        WorkcellError: a file cannot be used; names it and the remedy.
    """
    settings = PolicySettings(
        governance,
        _tooling(values),
        policy_file=values.policy_file,
        value_file=values.value_file,
        optimiser_file=values.optimiser_file,
        seed=values.seed,
    )
    champion = values.champion or champion_of(values.policy)
    return StagedPolicy(
        Arm(values.policy, POLICIES[values.policy](settings), is_guarded=values.policy in GUARDED),
        Arm(champion, POLICIES[champion](settings)),
        governance,
        ValueScore(load_prices(values.value_file)),
        StageSettings(canary_every=values.canary_every, holdback_every=values.holdback_every),
        Stage.SHADOW,
        clock_ns,
    )


def start_stage(values: PolicyParameters, has_lost_memory: bool) -> Stage:
    """Returns the stage to start in: who cannot be given back what it learned is a beginner, whatever it was before."""
    if has_lost_memory:
        return Stage.SHADOW
    if values.initial_stage:
        return Stage[values.initial_stage.upper()]
    return Stage.LIVE if values.policy in RELIABLE else Stage.SHADOW


def learned_file(values: PolicyParameters, governance: Governance) -> LearnedFile | None:
    """Returns where the policy keeps what it learned; None for nowhere.

    What was learned with other envelopes, tooling or prices is of another cell.
    """
    if not values.learned_file:
        return None
    envelopes = {
        node: {name: (rule.low, rule.high) for name, rule in governance.rules.get(node, {}).items()}
        for node in FOLLOWED
    }
    settings = {
        "envelopes": envelopes,
        "tooling": asdict(_tooling(values)),
        "prices": asdict(load_prices(values.value_file)),
    }
    return LearnedFile(values.learned_file, values.policy, config_hash(settings))


def run_of(values: PolicyParameters) -> str:
    """Returns what names this run beside what it learned: its folder."""
    return str(Path(values.learned_file).absolute().parent) if values.learned_file else ""


def _tooling(values: PolicyParameters) -> Tooling:
    return Tooling(values.cup_radius_m, values.part_mass_kg, values.weigh_lever_m, values.cup_friction)
