"""A proposal as messages: the change itself, and why."""

from __future__ import annotations

import json
from typing import Any

from rcl_interfaces.msg import ParameterEvent

from workcell_control.policy.policy import ExpectedGain, Proposal
from workcell_ros import convert


def proposal_message(stamp_ns: int, proposal: Proposal, namespace: str) -> Any:
    """Returns the ParameterEvent of a proposal; its stamp is its identity."""
    event = ParameterEvent(node=f"{namespace.rstrip('/')}/{proposal.node}")
    event.stamp = convert.ns_to_stamp(stamp_ns)
    event.changed_parameters = [convert.parameter_message(*item) for item in proposal.parameters.items()]
    return event


def explanation_message(stamp_ns: int, proposal: Proposal, is_shadow: bool = False) -> Any:
    """Returns the DiagnosticArray that explains a proposal, under the same stamp; in the shadow there is only this."""
    values: dict[str, object] = {
        "readings": json.dumps(proposal.readings, sort_keys=True),
        "model": proposal.model or proposal.rule,
        "urgency": proposal.urgency,
        "clipped": "; ".join(proposal.clipped),
        "shadow": is_shadow,
        **_gain_values(proposal.gain),
    }
    if is_shadow:
        values |= {"node": proposal.node, "parameters": json.dumps(proposal.parameters, sort_keys=True)}
    status = convert.make_status(f"policy: {proposal.rule}", convert.OK, proposal.reason, values)
    return convert.make_diagnostics(stamp_ns, [status])


def _gain_values(gain: ExpectedGain | None) -> dict[str, object]:
    """Returns an expected gain as key-value pairs; none where nothing foresees it."""
    if gain is None:
        return {}
    return {
        "expected_gain_mean": gain.mean,
        "expected_gain_low": gain.low,
        "expected_gain_high": gain.high,
        "expected_gain_unit": gain.unit,
    }
