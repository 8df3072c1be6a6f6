"""Puts recorded inputs in the order in which the policy heard them. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from typing import Any

from workcell_control.policy.heard import KEYS

SHIFT_MAX_NS = 2_000_000_000
"""A message was not heard longer before or after it was recorded."""

Input = tuple[int, str, Any]
"""Stamp, relative topic and message."""
Placed = tuple[tuple[int, int], str, Any]
"""Time and place in the order of hearing, relative topic and message."""
UNTOLD = -1
"""Place before all that was heard at the same time."""


def retimed(inputs: Sequence[Input], heard: Iterable[tuple[int, str, str]]) -> list[Input]:
    """Returns the inputs, each at the time at which it was heard, where that is known, else when it was recorded.

    Args:
        inputs: in the order in which they were recorded.
        heard: time, topic and key of messages in the order in which they were heard.
    """
    places: dict[tuple[str, str], deque[tuple[int, int]]] = defaultdict(deque)
    for place, (now_ns, topic, key) in enumerate(heard):
        places[topic, key].append((now_ns, place))
    placed: list[Placed] = []
    last = (0, UNTOLD)
    for item in inputs:
        when = _heard_at(item, places)
        if when is None:
            # Recorded after all of that was, so it may be what it led to, as a forecast is.
            when = max((item[0], UNTOLD), last)
        last = max(last, when)
        placed.append((when, item[1], item[2]))
    placed.sort(key=lambda item: item[0])
    return [(now_ns, topic, message) for (now_ns, _), topic, message in placed]


def _heard_at(item: Input, places: dict[tuple[str, str], deque[tuple[int, int]]]) -> tuple[int, int] | None:
    stamp_ns, topic, message = item
    queue = places.get((topic, KEYS[topic](message))) if topic in KEYS else None
    while queue:
        now_ns, place = queue.popleft()
        if abs(now_ns - stamp_ns) <= SHIFT_MAX_NS:
            return now_ns, place
    return None
