"""The policy node's parameters."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_control.policy.registry import POLICIES
from workcell_control.policy.stages.stage import Stage
from workcell_ros.schema import param


@dataclass(frozen=True)
class PolicyParameters:
    """Parameters of the policy node."""

    policy: str = param("reflex", "Which policy proposes", choices=tuple(POLICIES), read_only=True)
    policy_file: str = param("", "File of a policy that is the user's own", read_only=True)
    champion: str = param(
        "", "Who proposes until it is trusted; empty: reflex, or fixed", choices=("", *POLICIES), read_only=True
    )
    initial_stage: str = param(
        "",
        "Stage it starts in; empty: live for reflex and fixed, shadow for all others",
        choices=("", *(stage.name.lower() for stage in Stage)),
        read_only=True,
    )
    stage: float = param(0.0, "How far it is trusted: 0 shadow, 1 canary, 2 live", low=0.0, high=2.0)
    canary_every: int = param(4, "As a canary, one cycle of so many is the policy's", low=2, read_only=True)
    holdback_every: int = param(20, "Live, one cycle of so many is the champion's; 0 for none", low=0, read_only=True)
    learned_file: str = param("", "What a policy learned; empty keeps nothing", read_only=True)
    value_file: str = param("config/value.yaml", "What things earn and cost", read_only=True)
    optimiser_file: str = param("config/optimiser.yaml", "What the optimiser keeps to", read_only=True)
    seed: int = param(0, "Of the policy's random choices", low=0, read_only=True)
    governance_file: str = param("config/governance.yaml", "Says how often a change is taken", read_only=True)
    cup_radius_m: float = param(0.005, "Radius of the suction cup", unit="m", low=1e-4, high=0.2, read_only=True)
    cup_friction: float = param(0.5, "Friction between cup and part", unit="1", low=0.05, high=2.0, read_only=True)
    part_mass_kg: float = param(0.12, "Mass of a nominal part", unit="kg", low=1e-4, high=50.0, read_only=True)
    weigh_lever_m: float = param(0.5, "Shoulder to part at the camera pose", unit="m", low=0.01, read_only=True)
