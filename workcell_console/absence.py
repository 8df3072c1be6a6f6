"""When a recorded node was away: killed and started again, or stalled. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NS_PER_S = 1_000_000_000
STALL_NS = 2_500_000_000
"""A node that says nothing for so long, though it beats every second, was stalled."""
LEAD_NS = NS_PER_S // 2
"""Time that a node is given to be there before it is brought up."""
JUST_AFTER_NS = 1_000
"""What a node last said before it was away belongs to its life."""


@dataclass(frozen=True)
class Voice:
    """Something that a node said: a heartbeat, a decision, or that it is being configured."""

    stamp_ns: int
    is_new_life: bool = False
    """Whether only a node that has just started says so."""
    is_configuring: bool = False


@dataclass(frozen=True)
class Absence:
    """A time in which a node was not there."""

    node: str
    begin_ns: int
    end_ns: int
    is_restart: bool
    """Whether it died and was started again; else it stood still and went on as it was."""


def absences(node: str, voices: Sequence[Voice]) -> list[Absence]:
    """Returns when a node was away, by what it said in order of time.

    It died between the last thing it said and the first that only a new one says, before it was configured again.
    """
    found: list[Absence] = []
    last: Voice | None = None
    born_ns: int | None = None
    was_configured = False
    for voice in voices:
        if voice.is_new_life and not voice.is_configuring:
            born_ns = voice.stamp_ns if born_ns is None else born_ns
            continue
        if voice.is_configuring:
            if was_configured and last is not None:
                begin_ns = last.stamp_ns + JUST_AFTER_NS
                end_ns = min(born_ns or voice.stamp_ns, voice.stamp_ns - LEAD_NS)
                found.append(Absence(node, begin_ns, max(end_ns, begin_ns), is_restart=True))
            was_configured, born_ns = True, None
        elif last is not None and voice.stamp_ns - last.stamp_ns > STALL_NS:
            found.append(Absence(node, last.stamp_ns + JUST_AFTER_NS, voice.stamp_ns, is_restart=False))
        last = voice
    return found
