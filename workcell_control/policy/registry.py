"""Which policies there are, and how each is made. Pure; what only one of them needs is imported when it is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from workcell_control.governance.rules import Governance
from workcell_control.policy.fixed import FixedPolicy
from workcell_control.policy.policy import Policy
from workcell_control.policy.reflex import ReflexPolicy, Tooling


@dataclass(frozen=True)
class PolicySettings:
    """What a policy may be made from."""

    governance: Governance
    """Envelopes, largest steps and shortest intervals of the governed parameters."""
    tooling: Tooling
    policy_file: str = ""
    """The user's own file, for policies that need one."""
    value_file: str = "config/value.yaml"
    """What things earn and cost."""
    optimiser_file: str = "config/optimiser.yaml"
    """What the optimiser keeps to."""
    seed: int = 0
    """Of the policy's random choices."""


def _fixed(settings: PolicySettings) -> Policy:
    return FixedPolicy()


def _reflex(settings: PolicySettings) -> Policy:
    rules = settings.governance.rules
    intervals_s = {node: {name: rule.min_interval_s for name, rule in rules[node].items()} for node in rules}
    return ReflexPolicy(settings.tooling, intervals_s)


def _onnx(settings: PolicySettings) -> Policy:
    from workcell_control.policy.onnx_policy import OnnxPolicy

    return OnnxPolicy(settings.policy_file, settings.governance)


def _optimiser(settings: PolicySettings) -> Policy:
    from workcell_control.policy.optimiser.guarded import GuardedOptimiser
    from workcell_control.policy.optimiser.options import load_options
    from workcell_control.policy.value import load_prices

    options, prices = load_options(settings.optimiser_file), load_prices(settings.value_file)
    return GuardedOptimiser(settings.tooling, settings.governance, prices, options)


POLICIES: dict[str, Callable[[PolicySettings], Policy]] = {
    "fixed": _fixed,
    "reflex": _reflex,
    "onnx": _onnx,
    "optimiser": _optimiser,
}
"""By the name that `policy:=` gives. A new policy is one row here."""

RELIABLE = ("fixed", "reflex")
"""Fixed parameters and stated rules, live from the start; all others start in the shadow of the reflex rules."""

GUARDED = ("optimiser",)
"""Run the reflex rules beneath themselves."""


def champion_of(policy: str) -> str:
    """Returns whose parameters stand in where a policy is not, or not yet, trusted."""
    return "fixed" if policy in RELIABLE else "reflex"
