"""Quality of service as the bus uses it, and the rules for which offers satisfy which requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

# Values of the policies are those of rmw, so that they travel unchanged through the ROS API.
RELIABLE, BEST_EFFORT = 1, 2
TRANSIENT_LOCAL, VOLATILE = 1, 2
KEEP_LAST, KEEP_ALL = 1, 2
AUTOMATIC, MANUAL_BY_TOPIC = 1, 3
BEST_AVAILABLE_RELIABILITY, BEST_AVAILABLE_DURABILITY, BEST_AVAILABLE_LIVELINESS = 4, 4, 5


class PolicyKind(IntEnum):
    """Which policy of a profile; values of ``rmw_qos_policy_kind_t``."""

    INVALID = 1
    DURABILITY = 2
    DEADLINE = 4
    LIVELINESS = 8
    RELIABILITY = 16
    HISTORY = 32
    LIFESPAN = 64
    DEPTH = 128
    LIVELINESS_LEASE_DURATION = 256
    AVOID_ROS_NAMESPACE_CONVENTIONS = 512


@dataclass(frozen=True, slots=True)
class Qos:
    """Resolved policies of one endpoint. Durations are ns, ``None`` for infinite or unspecified."""

    reliability: int = RELIABLE
    durability: int = VOLATILE
    history: int = KEEP_LAST
    depth: int = 10
    deadline_ns: int | None = None
    lifespan_ns: int | None = None
    liveliness: int = AUTOMATIC
    lease_ns: int | None = None

    @property
    def queue_length(self) -> int | None:
        """Samples kept for a slow reader, ``None`` for all; a depth of zero means the system default of one."""
        return None if self.history == KEEP_ALL else max(1, self.depth)


def incompatible_policies(offered: Qos, requested: Qos) -> list[PolicyKind]:
    """Policies in which an offer does not satisfy a request (DDS 1.4, section 2.2.3)."""
    found = []
    if offered.reliability == BEST_EFFORT and requested.reliability == RELIABLE:
        found.append(PolicyKind.RELIABILITY)
    if offered.durability == VOLATILE and requested.durability == TRANSIENT_LOCAL:
        found.append(PolicyKind.DURABILITY)
    if _longer(offered.deadline_ns, requested.deadline_ns):
        found.append(PolicyKind.DEADLINE)
    if offered.liveliness < requested.liveliness or _longer(offered.lease_ns, requested.lease_ns):
        found.append(PolicyKind.LIVELINESS)
    return found


def _longer(offered_ns: int | None, requested_ns: int | None) -> bool:
    if requested_ns is None:
        return False
    return offered_ns is None or offered_ns > requested_ns


def resolve_reader(requested: Qos, offers: list[Qos]) -> Qos:
    """Replace "best available" policies of a subscription by the highest level that all present offers satisfy."""
    if requested.reliability == BEST_AVAILABLE_RELIABILITY:
        reliable = all(offer.reliability == RELIABLE for offer in offers)
        requested = replace(requested, reliability=RELIABLE if reliable else BEST_EFFORT)
    if requested.durability == BEST_AVAILABLE_DURABILITY:
        kept = all(offer.durability == TRANSIENT_LOCAL for offer in offers)
        requested = replace(requested, durability=TRANSIENT_LOCAL if kept and offers else VOLATILE)
    if requested.liveliness == BEST_AVAILABLE_LIVELINESS:
        manual = bool(offers) and all(offer.liveliness == MANUAL_BY_TOPIC for offer in offers)
        requested = replace(requested, liveliness=MANUAL_BY_TOPIC if manual else AUTOMATIC)
    return requested


def resolve_writer(offered: Qos) -> Qos:
    """Replace "best available" policies of a publisher by the highest levels, which satisfy every request."""
    if offered.reliability == BEST_AVAILABLE_RELIABILITY:
        offered = replace(offered, reliability=RELIABLE)
    if offered.durability == BEST_AVAILABLE_DURABILITY:
        offered = replace(offered, durability=TRANSIENT_LOCAL)
    if offered.liveliness == BEST_AVAILABLE_LIVELINESS:
        offered = replace(offered, liveliness=MANUAL_BY_TOPIC)
    return offered
