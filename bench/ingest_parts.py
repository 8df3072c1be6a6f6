"""What the ingest benchmarks of all protocols share: where they listen, the tag table, the pace of their devices."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

LOOPBACK = "127.0.0.1"
STALE_AFTER_S_MIN = 2.0
STALE_PERIODS = 20.0
"""So late that only what is lost becomes stale."""


def tag_table(source: str, addresses: Iterable[str], period_s: float) -> str:
    """Returns a tag table of counters.

    Args:
        source: the source row's keys, like "protocol: shdr, port: 7878".
        addresses: one per tag.
        period_s: of the server's updates.
    """
    stale_s = max(STALE_AFTER_S_MIN, STALE_PERIODS * period_s)
    rows = "".join(
        f'  - {{tag: "bench/{n}", source: bench, address: "{address}", unit: "1", si: "1",'
        f" period_s: {period_s:g}, stale_after_s: {stale_s:g}}}\n"
        for n, address in enumerate(addresses)
    )
    return f"sources:\n  bench: {{{source}}}\ntags:\n{rows}"


def keep_pace(period_s: float, step: Callable[[int], None]) -> None:
    """Calls `step(1)`, `step(2)` and so on, one per period, until it raises."""
    due_s = time.monotonic()
    count = 0
    while True:
        count += 1
        step(count)
        due_s = max(due_s + period_s, time.monotonic() - period_s)
        time.sleep(max(0.0, due_s - time.monotonic()))
