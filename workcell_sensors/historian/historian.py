"""The historian's core: takes rows, writes them in batches, waits out an outage of the store. Pure."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeAlias

from workcell_sensors.historian.records import Batch
from workcell_sensors.historian.schema import GAPS, Row, Table
from workcell_sensors.historian.spool import Spool, loss_rows
from workcell_sensors.historian.store import Store, StoreDownError
from workcell_sensors.reading import NS_PER_S
from workcell_sensors.sources.backoff import Backoff

Submit: TypeAlias = Callable[[Callable[[], int]], "Future[int]"]
"""Runs a function elsewhere (a worker thread), one after the other."""

FIRST_PAUSE_S = 0.5
ABANDONED_S_MAX = 10.0
"""In which a write ends that was abandoned; one that was connecting ends with its timeout for that."""
NO_ANSWER = "the store does not answer"
MAINTAIN_PERIOD_S = 300.0


@dataclass(frozen=True)
class HistorianConfig:
    """When to write.

    Attributes:
        flush_s: how long rows may wait before they are written.
        batch_rows_max: rows that are written at once; so many waiting are written without waiting for `flush_s`.
        backoff_s_max: longest pause between two attempts while the store is away.
        answer_s_max: longest wait for the store to answer; then it is taken for away.
    """

    flush_s: float = 5.0
    batch_rows_max: int = 50_000
    backoff_s_max: float = 30.0
    answer_s_max: float = 90.0


@dataclass(frozen=True)
class HistorianStatus:
    """How it stands."""

    problem: str
    """Why the store cannot be written; empty while it can."""
    waiting_rows: int
    waiting_bytes: int
    written_rows: int
    dropped_rows: int
    outages: int


class Historian:
    """Spool in, store out. `tick` is to be called often; it never waits."""

    def __init__(
        self, spool: Spool, store: Store, submit: Submit, config: HistorianConfig, now_ns: int, rng: random.Random
    ) -> None:
        self._spool = spool
        self._store = store
        self._submit = submit
        self._config = config
        self._backoff = Backoff(FIRST_PAUSE_S, config.backoff_s_max, rng)
        self._running: tuple[Future[int], Batch | None] | None = None
        self._is_known = False
        self._due_ns = now_ns + round(config.flush_s * NS_PER_S)
        self._maintain_ns = now_ns + round(MAINTAIN_PERIOD_S * NS_PER_S)
        self._retry_ns = now_ns
        self._abandon_ns = now_ns
        self._problem = ""
        self._written_rows = 0
        self._dropped_rows = 0
        self._outages = 0

    @property
    def status(self) -> HistorianStatus:
        """How it stands now."""
        lost = sum(loss.rows for loss in self._spool.losses.values())
        return HistorianStatus(
            self._problem,
            self._spool.rows,
            self._spool.bytes,
            self._written_rows,
            self._dropped_rows + lost,
            self._outages,
        )

    def add(self, table: Table, rows: Sequence[Row], now_ns: int) -> None:
        """Takes rows of one table.

        Raises:
            ValueError: a row does not fit the table.
        """
        if rows:
            self._spool.add(table, rows, now_ns)

    def tick(self, now_ns: int) -> None:
        """Takes the last write's end in and begins the next where it is due."""
        if self._running is not None:
            if not self._running[0].done():
                if now_ns >= self._abandon_ns:
                    self._abandon_ns = now_ns + round(ABANDONED_S_MAX * NS_PER_S)
                    self._abandon()
                return
            self._end(now_ns)
        if now_ns < self._retry_ns:
            return
        if not self._is_known:
            self._begin(now_ns, self._store.last_number, None)
            return
        is_due = now_ns >= self._due_ns or self._spool.rows >= self._config.batch_rows_max
        if is_due and self._write_next(now_ns):
            return
        if now_ns >= self._maintain_ns:
            self._maintain_ns = now_ns + round(MAINTAIN_PERIOD_S * NS_PER_S)
            self._begin(now_ns, lambda: self._maintained(now_ns), None)

    def drain(self, now_ns: int, left_s: Callable[[], float] = lambda: math.inf) -> None:
        """Writes all that waits, and waits for it; what a store that is away or hangs leaves stays in the journal.

        Args:
            now_ns: present time.
            left_s: gives how long may still be waited for a store that does not answer.
        """
        self._retry_ns = now_ns
        while self._running is not None or not self._is_known or self._spool.rows or self._spool.losses:
            self._due_ns = now_ns
            self.tick(now_ns)
            if self._running is None:
                return
            if not self._has_ended(self._running[0], left_s()):
                self._abandon()
                if not self._has_ended(self._running[0], ABANDONED_S_MAX):
                    return
            self._end(now_ns)
            if self._problem:
                return

    @staticmethod
    def _has_ended(future: Future[int], wait_s: float) -> bool:
        """Waits for a write; returns whether it has ended, well or not."""
        done, _ = wait([future], None if math.isinf(wait_s) else max(wait_s, 0.0))
        return bool(done)

    def _abandon(self) -> None:
        self._outages += not self._problem
        self._problem = NO_ANSWER
        self._store.abandon()

    def _write_next(self, now_ns: int) -> bool:
        """Begins to write what waits; returns whether anything does."""
        losses = self._spool.take_losses()
        if losses:
            self._dropped_rows += sum(loss.rows for loss in losses.values())
            reason = "the store was away for longer than the journal could hold"
            self._spool.add(GAPS, list(loss_rows(losses, reason)), now_ns)
        batch = self._spool.next_batch(self._config.batch_rows_max)
        if batch is None or batch.rows == self._spool.rows:
            self._due_ns = now_ns + round(self._config.flush_s * NS_PER_S)
        if batch is None:
            return False
        self._begin(now_ns, lambda: self._put(batch), batch)
        return True

    def _begin(self, now_ns: int, work: Callable[[], int], batch: Batch | None) -> None:
        self._abandon_ns = now_ns + round(self._config.answer_s_max * NS_PER_S)
        self._running = (self._submit(work), batch)

    def _put(self, batch: Batch) -> int:
        self._store.write(batch)
        return batch.last

    def _maintained(self, now_ns: int) -> int:
        self._store.maintain(now_ns)
        return 0

    def _end(self, now_ns: int) -> None:
        assert self._running is not None
        (future, batch), self._running = self._running, None
        try:
            number = future.result()
        except StoreDownError as error:
            self._spool.failed()
            self._outages += not self._problem
            self._problem = str(error)
            self._retry_ns = now_ns + round(self._backoff.next_s() * NS_PER_S)
            return
        self._problem = ""
        self._backoff.reset()
        if batch is not None:
            self._written_rows += batch.rows
            self._spool.written(batch)
        elif not self._is_known:
            self._is_known = True
            self._spool.number_above(number)
