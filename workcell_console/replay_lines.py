"""Where a replay decided otherwise, in lines for people: one for each time and node. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from workcell_console.replay import Decision, Difference

NS_PER_S = 1_000_000_000


def difference_lines(found: Sequence[Difference], start_ns: int) -> Iterator[str]:
    """Yields a line for each time and node with a difference: a proposal and what became of it are one thing.

    Args:
        found: In order of time.
        start_ns: Beginning of the shift.
    """
    groups: dict[tuple[int, str], list[Difference]] = {}
    for item in found:
        decision = item.recorded or item.replayed
        assert decision is not None
        groups.setdefault((decision.stamp_ns, decision.node), []).append(item)
    for (stamp_ns, node), items in groups.items():
        recorded = [item.recorded for item in items if item.recorded is not None]
        replayed = [item.replayed for item in items if item.replayed is not None]
        then, now = _values(recorded), _values(replayed)
        alike = _alike(then, now)
        names = [name for name in {**then, **now} if name not in alike]
        rest = f"; the same {', '.join(alike)}" if alike else ""
        said = f"recorded {_told(recorded, names)}; now {_told(replayed, names)}{rest}"
        yield f"at {(stamp_ns - start_ns) / NS_PER_S:.1f} s, {node}: {said}"


def _values(decisions: Sequence[Decision]) -> dict[str, float]:
    return {name: value for decision in decisions for name, value in decision.parameters}


def _alike(one: Mapping[str, float], other: Mapping[str, float]) -> list[str]:
    """Returns the parameters that both have with the same value, unless nothing else is in either."""
    alike = [name for name, value in one.items() if other.get(name) == value]
    return [] if len(alike) == len(one) == len(other) else alike


def _told(decisions: Sequence[Decision], names: Sequence[str]) -> str:
    if not decisions:
        return "nothing"
    values = _values(decisions)
    outcomes = list(dict.fromkeys(decision.outcome for decision in decisions if decision.outcome))
    return ", ".join([f"{name} {values[name]:.6g}" if name in values else f"no {name}" for name in names] + outcomes)
