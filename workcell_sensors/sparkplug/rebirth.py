"""When to ask an edge node for its birth again: soon, but never in a storm."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_sensors.sparkplug.topic import EdgeNodeId

NS_PER_S = 1_000_000_000


@dataclass(frozen=True)
class RebirthLimits:
    """How often rebirths may be asked for.

    Attributes:
        first_s: pause after the first request to a node; it doubles with every request, until a node needs none for as
            long as the pause would be.
        pause_s_max: longest pause between two requests to one node.
        spacing_s: pause between requests to different nodes, so that a host's start does not make all speak at once.
    """

    first_s: float = 1.0
    pause_s_max: float = 300.0
    spacing_s: float = 0.02


@dataclass
class _Node:
    pending: bool
    due_ns: int
    """When to ask, while a request is pending."""
    free_ns: int
    """No further request before this."""
    pause_ns: int
    unanswered: int = 0
    """Requests since the last birth."""


class RebirthQueue:
    """Which nodes are to be asked, and when. At most one request per node waits."""

    def __init__(self, limits: RebirthLimits) -> None:
        self._limits = limits
        self._first_ns = round(limits.first_s * NS_PER_S)
        self._nodes: dict[EdgeNodeId, _Node] = {}
        self._free_ns = 0

    def want(self, node: EdgeNodeId, now_ns: int, delay_s: float = 0.0) -> None:
        """Notes that a node's birth is needed; repeated wishes are one."""
        due_ns = now_ns + round(delay_s * NS_PER_S)
        known = self._nodes.get(node)
        if known is None:
            self._nodes[node] = _Node(True, due_ns, now_ns, self._first_ns)
            return
        if not known.pending:
            if now_ns - known.free_ns >= known.pause_ns:
                known.pause_ns = self._first_ns
            known.pending = True
            known.due_ns = max(due_ns, known.free_ns)

    def cured(self, node: EdgeNodeId) -> None:
        """Notes that nothing is to be asked any more; the pause before the next request stays."""
        known = self._nodes.get(node)
        if known is not None:
            known.pending, known.unanswered = False, 0

    def due(self, now_ns: int) -> tuple[EdgeNodeId, ...]:
        """Returns the nodes to ask now; each is asked again after its pause unless it is cured."""
        asked = []
        for node, known in self._nodes.items():
            if not known.pending or now_ns < max(known.due_ns, self._free_ns):
                continue
            asked.append(node)
            known.unanswered += 1
            known.free_ns = known.due_ns = now_ns + known.pause_ns
            known.pause_ns = min(2 * known.pause_ns, round(self._limits.pause_s_max * NS_PER_S))
            self._free_ns = now_ns + round(self._limits.spacing_s * NS_PER_S)
        return tuple(asked)

    def unanswered(self) -> tuple[EdgeNodeId, ...]:
        """Returns the nodes that have been asked more than once in vain."""
        return tuple(node for node, known in self._nodes.items() if known.unanswered > 1)

    def next_due_ns(self) -> int | None:
        """Returns when to call `due` next; None while nothing waits."""
        waiting = [known.due_ns for known in self._nodes.values() if known.pending]
        return max(min(waiting), self._free_ns) if waiting else None
