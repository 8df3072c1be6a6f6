"""Comparison of QoS profiles with the reasons that rmw gives, and translation for the bus."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from workcell_sim.embedded._kernel.qos import (
    AUTOMATIC,
    BEST_EFFORT,
    KEEP_LAST,
    MANUAL_BY_TOPIC,
    RELIABLE,
    TRANSIENT_LOCAL,
    VOLATILE,
    Qos,
)

_UNDECIDED = ("system_default", "unknown")
_INFINITE_NS = 2**63 - 1
_BEST_AVAILABLE_NS = _INFINITE_NS - 1


class QoSCompatibility(IntEnum):
    """Verdict on two profiles."""

    OK = 0
    WARNING = 1
    ERROR = 2


def check(publisher: Any, subscription: Any) -> tuple[QoSCompatibility, str]:
    """Verdict and reasons for a publisher's and a subscription's profile."""
    errors = _errors(publisher, subscription)
    if errors:
        return QoSCompatibility.ERROR, "".join(f"ERROR: {error};" for error in errors)
    warnings = _warnings(publisher, subscription)
    if warnings:
        return QoSCompatibility.WARNING, "".join(f"WARNING: {warning};" for warning in warnings)
    return QoSCompatibility.OK, ""


def _errors(publisher: Any, subscription: Any) -> list[str]:
    found = []
    if publisher.reliability == BEST_EFFORT and subscription.reliability == RELIABLE:
        found.append("Best effort publisher and reliable subscription")
    if publisher.durability == VOLATILE and subscription.durability == TRANSIENT_LOCAL:
        found.append("Volatile publisher and transient local subscription")
    offered, requested = publisher.deadline.nanoseconds, subscription.deadline.nanoseconds
    if not offered and requested:
        found.append("Subscription has a deadline, but publisher does not")
    elif offered and requested and requested < offered:
        found.append("Subscription deadline is less than publisher deadline")
    if publisher.liveliness == AUTOMATIC and subscription.liveliness == MANUAL_BY_TOPIC:
        found.append("Publisher's liveliness is automatic and subscription's is manual by topic")
    offered = publisher.liveliness_lease_duration.nanoseconds
    requested = subscription.liveliness_lease_duration.nanoseconds
    if not offered and requested:
        found.append("Subscription has a liveliness lease duration, but publisher does not")
    elif offered and requested and requested < offered:
        found.append("Subscription liveliness lease duration is less than publisher")
    return found


def _warnings(publisher: Any, subscription: Any) -> list[str]:
    checks = (
        (
            publisher.reliability,
            subscription.reliability,
            RELIABLE,
            BEST_EFFORT,
            "Publisher reliability is {0} and subscription reliability is {1}",
            "Reliable subscription, but publisher is {0}",
            "Best effort publisher, but subscription is {1}",
        ),
        (
            publisher.durability,
            subscription.durability,
            TRANSIENT_LOCAL,
            VOLATILE,
            "Publisher durabilty is {0} and subscription durability is {1}",
            "Transient local subscription, but publisher is {0}",
            "Volatile publisher, but subscription is {1}",
        ),
        (
            publisher.liveliness,
            subscription.liveliness,
            MANUAL_BY_TOPIC,
            AUTOMATIC,
            "Publisher liveliness is {0} and subscription liveliness is {1}",
            "Subscription's liveliness is manual by topic, but publisher's is {0}",
            "Publisher's liveliness is automatic, but subscription's is {1}",
        ),
    )
    found = []
    for offered, requested, strictest, weakest, both, publisher_undecided, subscription_undecided in checks:
        names = offered.name.lower(), requested.name.lower()
        offered_undecided, requested_undecided = names[0] in _UNDECIDED, names[1] in _UNDECIDED
        if offered_undecided and requested_undecided:
            found.append(both.format(*names))
        elif offered_undecided and requested == strictest:
            found.append(publisher_undecided.format(*names))
        elif offered == weakest and requested_undecided:
            found.append(subscription_undecided.format(*names))
    return found


def to_bus(profile: Any) -> Qos:
    """The policies of a profile as the bus uses them; system defaults become what the bus does by default."""
    return Qos(
        reliability=profile.reliability or RELIABLE,
        durability=profile.durability or VOLATILE,
        history=profile.history or KEEP_LAST,
        depth=profile.depth,
        deadline_ns=_finite(profile.deadline.nanoseconds),
        lifespan_ns=_finite(profile.lifespan.nanoseconds),
        liveliness=profile.liveliness or AUTOMATIC,
        lease_ns=_finite(profile.liveliness_lease_duration.nanoseconds),
    )


def _finite(duration_ns: int) -> int | None:
    return None if duration_ns in (0, _INFINITE_NS, _BEST_AVAILABLE_NS) else duration_ns


def from_bus(qos: Qos) -> Any:
    """The profile that graph queries report for an endpoint."""
    from rclpy.duration import Duration, Infinite
    from rclpy.qos import QoSProfile

    def duration(value_ns: int | None) -> Duration:
        return Infinite if value_ns is None else Duration(nanoseconds=value_ns)

    return QoSProfile(
        history=qos.history,
        depth=max(1, qos.depth),
        reliability=qos.reliability,
        durability=qos.durability,
        deadline=duration(qos.deadline_ns),
        lifespan=duration(qos.lifespan_ns),
        liveliness=qos.liveliness,
        liveliness_lease_duration=duration(qos.lease_ns),
    )
