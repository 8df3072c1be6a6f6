"""Event types of publishers and subscriptions under the names of rcl."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from workcell_sim.embedded._kernel.status import EventEnd, EventKind

from .errors import UnsupportedEventTypeError


class PublisherEventType(IntEnum):
    """Events of publishers (``rcl_publisher_event_type_t``)."""

    RCL_PUBLISHER_OFFERED_DEADLINE_MISSED = 0
    RCL_PUBLISHER_LIVELINESS_LOST = 1
    RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS = 2
    RCL_PUBLISHER_INCOMPATIBLE_TYPE = 3
    RCL_PUBLISHER_MATCHED = 4


class SubscriptionEventType(IntEnum):
    """Events of subscriptions (``rcl_subscription_event_type_t``)."""

    RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED = 0
    RCL_SUBSCRIPTION_LIVELINESS_CHANGED = 1
    RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS = 2
    RCL_SUBSCRIPTION_MESSAGE_LOST = 3
    RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE = 4
    RCL_SUBSCRIPTION_MATCHED = 5


_KINDS: dict[IntEnum, EventKind] = {
    PublisherEventType.RCL_PUBLISHER_OFFERED_DEADLINE_MISSED: EventKind.OFFERED_DEADLINE_MISSED,
    PublisherEventType.RCL_PUBLISHER_LIVELINESS_LOST: EventKind.LIVELINESS_LOST,
    PublisherEventType.RCL_PUBLISHER_OFFERED_INCOMPATIBLE_QOS: EventKind.OFFERED_INCOMPATIBLE_QOS,
    PublisherEventType.RCL_PUBLISHER_INCOMPATIBLE_TYPE: EventKind.PUBLISHER_INCOMPATIBLE_TYPE,
    PublisherEventType.RCL_PUBLISHER_MATCHED: EventKind.PUBLICATION_MATCHED,
}
_SUBSCRIPTION_KINDS: dict[IntEnum, EventKind] = {
    SubscriptionEventType.RCL_SUBSCRIPTION_REQUESTED_DEADLINE_MISSED: EventKind.REQUESTED_DEADLINE_MISSED,
    SubscriptionEventType.RCL_SUBSCRIPTION_LIVELINESS_CHANGED: EventKind.LIVELINESS_CHANGED,
    SubscriptionEventType.RCL_SUBSCRIPTION_REQUESTED_INCOMPATIBLE_QOS: EventKind.REQUESTED_INCOMPATIBLE_QOS,
    SubscriptionEventType.RCL_SUBSCRIPTION_MESSAGE_LOST: EventKind.MESSAGE_LOST,
    SubscriptionEventType.RCL_SUBSCRIPTION_INCOMPATIBLE_TYPE: EventKind.SUBSCRIPTION_INCOMPATIBLE_TYPE,
    SubscriptionEventType.RCL_SUBSCRIPTION_MATCHED: EventKind.SUBSCRIPTION_MATCHED,
}


class EventHandle(EventEnd):
    """What stands behind an event handler.

    Raises:
        UnsupportedEventTypeError: the type is none of a publisher's or subscription's.
    """

    def __init__(self, endpoint: Any, event_type: IntEnum) -> None:
        if isinstance(event_type, PublisherEventType):
            kind = _KINDS[event_type]
        elif isinstance(event_type, SubscriptionEventType):
            kind = _SUBSCRIPTION_KINDS[event_type]
        else:
            raise UnsupportedEventTypeError(f"no such event type: {event_type!r}")
        super().__init__(endpoint, kind)
