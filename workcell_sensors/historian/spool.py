"""Records between the topics and the store: in order, bounded, on disk until they are written."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from workcell_sensors.historian.records import Batch, Numbers, Record, decode_record, encode_record, split
from workcell_sensors.historian.schema import Row, Table
from workcell_sensors.journal import Journal

RECORD_BYTES_MAX = 512 << 10
"""Below what a journal of the least size takes in one record."""
RECOVERY_PORTION = 256


@dataclass(frozen=True)
class Loss:
    """Rows of one table that were given up, and the times they were of."""

    rows: int
    first_ns: int
    last_ns: int

    def joined(self, other: Loss) -> Loss:
        """Returns both as one."""
        return Loss(self.rows + other.rows, min(self.first_ns, other.first_ns), max(self.last_ns, other.last_ns))


@dataclass(frozen=True)
class _Held:
    sequence: int  # in the journal; 0 where it could not be put there
    record: Record
    bytes: int


class Spool:
    """Holds at most `bytes_max` of encoded records; then the oldest give way and are counted by table.

    Args:
        journal: where records wait on disk too, so that a kill loses none; None: in memory only.
        bytes_max: bound of what waits; the journal's own should be above it.
        last_number: no record in the store is numbered higher.
    """

    def __init__(self, journal: Journal | None, bytes_max: int, last_number: int) -> None:
        self._journal = journal
        self._bytes_max = bytes_max
        self._held: deque[_Held] = deque()
        self._recovered_last = 0
        self._in_flight_last = 0
        self._given_up_in_flight: list[Record] = []
        self.bytes = 0
        self.rows = 0
        self.garbled = 0
        """Recovered records that could not be read."""
        self.journal_problem = ""
        """Why records wait in memory only; empty while the journal works."""
        self.losses: dict[str, Loss] = {}
        """What was given up since `take_losses`, by table."""
        if journal is not None:
            self._recover(journal)
        self._numbers = Numbers(max(last_number, self._recovered_last))

    def add(self, table: Table, rows: Sequence[Row], now_ns: int) -> None:
        """Takes rows of one table.

        Raises:
            ValueError: a row does not fit the table.
        """
        for portion in split(table, rows):
            self._add(table, portion, now_ns)

    def next_batch(self, rows_max: int) -> Batch | None:
        """Returns the oldest records, at least one and together about `rows_max` rows; they stay until `written`."""
        chosen: list[Record] = []
        rows = 0
        for held in self._held:
            if chosen and rows + len(held.record.rows) > rows_max:
                break
            chosen.append(held.record)
            rows += len(held.record.rows)
        self._in_flight_last = chosen[-1].number if chosen else 0
        return Batch(tuple(chosen)) if chosen else None

    def failed(self) -> None:
        """Says that the last batch could not be written."""
        self._in_flight_last = 0
        for record in self._given_up_in_flight:
            self._lose(record)
        self._given_up_in_flight.clear()

    def written(self, batch: Batch) -> None:
        """Lets go of what the store has; what of it had to give way meanwhile is not lost."""
        self._in_flight_last = 0
        self._given_up_in_flight.clear()
        sequence = 0
        while self._held and self._held[0].record.number <= batch.last:
            sequence = max(sequence, self._pop().sequence)
        self._acknowledge(sequence)

    def number_above(self, last_number: int) -> None:
        """Numbers what was added since the start anew where the store holds higher numbers: the clock went back."""
        if not any(self._recovered_last < held.record.number <= last_number for held in self._held):
            return
        self._numbers = Numbers(last_number)
        waiting = [held for held in self._held if held.record.number > self._recovered_last]
        kept = [held for held in self._held if held.record.number <= self._recovered_last]
        self._held.clear()
        self.bytes = self.rows = 0
        for held in kept:
            self._hold(held.record, encode_record(held.record))
        for held in waiting:
            record = held.record
            self._hold(fresh := Record(self._numbers.next(0), record.table, record.rows), encode_record(fresh))
        self._acknowledge(max(held.sequence for held in (*kept, *waiting)))

    def take_losses(self) -> dict[str, Loss]:
        """Returns what was given up since the last call."""
        losses, self.losses = self.losses, {}
        return losses

    def close(self) -> None:
        """Closes the journal; what waits there is found again."""
        if self._journal is not None:
            self._journal.close()

    def _add(self, table: Table, rows: tuple[Row, ...], now_ns: int) -> None:
        record = Record(self._numbers.next(now_ns), table.name, rows)
        payload = encode_record(record)
        if len(payload) <= RECORD_BYTES_MAX:
            self._hold(record, payload)
        elif len(rows) > 1:
            half = len(rows) // 2
            self._add(table, rows[:half], now_ns)
            self._add(table, rows[half:], now_ns)
        else:
            self._lose(record)

    def _hold(self, record: Record, payload: bytes) -> None:
        self._held.append(_Held(self._journaled(payload), record, len(payload)))
        self.bytes += len(payload)
        self.rows += len(record.rows)
        sequence = 0
        while self.bytes > self._bytes_max and len(self._held) > 1:
            given_up = self._pop()
            sequence = given_up.sequence
            if given_up.record.number <= self._in_flight_last:
                self._given_up_in_flight.append(given_up.record)
            else:
                self._lose(given_up.record)
        self._acknowledge(sequence)

    def _journaled(self, payload: bytes) -> int:
        if self._journal is None:
            return 0
        try:
            sequence = self._journal.append(payload)
        except OSError as error:
            # A full disk must not stop what still fits in memory.
            self.journal_problem = f"records wait in memory only: {error}"
            return 0
        self.journal_problem = ""
        return sequence

    def _acknowledge(self, sequence: int) -> None:
        if self._journal is None or sequence == 0:
            return
        try:
            self._journal.acknowledge(sequence)
        except OSError as error:
            # The store tells what it has already written, so records that come back are no harm.
            self.journal_problem = f"records wait in memory only: {error}"

    def _pop(self) -> _Held:
        held = self._held.popleft()
        self.bytes -= held.bytes
        self.rows -= len(held.record.rows)
        return held

    def _lose(self, record: Record) -> None:
        stamps = [int(row[0]) for row in record.rows]
        loss = Loss(len(stamps), min(stamps), max(stamps))
        before = self.losses.get(record.table)
        self.losses[record.table] = loss if before is None else before.joined(loss)

    def _recover(self, journal: Journal) -> None:
        sequence = journal.acknowledged
        while entries := journal.read(sequence, RECOVERY_PORTION):
            sequence = entries[-1].seq
            for entry in entries:
                self._recall(entry.seq, entry.payload)

    def _recall(self, sequence: int, payload: bytes) -> None:
        try:
            record = decode_record(payload)
        except ValueError:
            self.garbled += 1
            return
        self._held.append(_Held(sequence, record, len(payload)))
        self.bytes += len(payload)
        self.rows += len(record.rows)
        self._recovered_last = max(self._recovered_last, record.number)


def loss_rows(losses: dict[str, Loss], reason: str) -> Iterable[Row]:
    """Returns losses as rows of the table `gaps`."""
    return [(loss.first_ns, loss.last_ns, name, loss.rows, reason) for name, loss in sorted(losses.items())]
