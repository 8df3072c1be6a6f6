"""The append-only, hash-chained audit log.

Each line is one JSON object. Its `hash` is the SHA-256 of the previous line's hash and of the line's own
content in canonical form (sorted keys, no spaces), so that no line can be changed, removed or put in
between without every later hash being wrong. Removing lines at the end is seen by comparing with the last
hash that was shown elsewhere (the report prints it).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workcell_ros.canonical import canonical
from workcell_ros.errors import WorkcellError
from workcell_ros.whole_lines import append_whole

GENESIS = "0" * 64


class AuditError(WorkcellError):
    """The audit log cannot be trusted; the text names file, line and reason."""


@dataclass(frozen=True)
class AuditSummary:
    """What a verified log holds."""

    rows: int
    last_hash: str
    outcomes: dict[str, int]
    """Number of rows by outcome."""


def row_hash(previous: str, content: Mapping[str, Any]) -> str:
    """Returns the hash that chains `content` (a row without its `hash`) to the previous row."""
    return hashlib.sha256(f"{previous}{canonical(content)}".encode()).hexdigest()


class AuditLog:
    """Appends rows to an audit file, continuing the chain that is there.

    A last line without an end was being written when the process died: it never took effect as a row, so it
    is cut off, and that is itself recorded.

    Raises:
        AuditError: the existing file is broken; nothing is appended to a log that cannot be trusted.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        torn_bytes = _cut_torn_line(self._path)
        summary = verify(self._path) if self._path.exists() else AuditSummary(0, GENESIS, {})
        self._last_hash = summary.last_hash
        self._sequence = summary.rows
        self._file = self._path.open("ab", buffering=0)
        self.torn_bytes = torn_bytes

    @property
    def last_hash(self) -> str:
        """Hash of the newest row."""
        return self._last_hash

    def append(self, now_ns: int, content: Mapping[str, Any]) -> str:
        """Writes one row, flushed to the disk before it returns, and returns its hash.

        Raises:
            OSError: the disk does not take it; the log is as before.
        """
        row = {"sequence": self._sequence, "stamp_ns": now_ns, **content}
        digest = row_hash(self._last_hash, row)
        append_whole(self._file.fileno(), f"{canonical({**row, 'hash': digest})}\n".encode())
        os.fsync(self._file.fileno())
        self._last_hash = digest
        self._sequence += 1
        return digest

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


def _cut_torn_line(path: Path) -> int:
    """Cuts an unfinished last line off a log and returns its length in bytes."""
    if not path.exists():
        return 0
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
    return len(data) - whole


def read(path: str | Path) -> Iterator[dict[str, Any]]:
    """Yields the rows of a log, checking the chain as it goes.

    Raises:
        AuditError: names file, line and what is wrong.
    """
    previous = GENESIS
    try:
        text = Path(path).read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise AuditError(f"{path}: cannot be read ({error}); name an audit.jsonl of a run") from None
    # Split at line feeds alone: whatever else Python takes for the end of a line was not written here.
    lines = text.removesuffix("\n").split("\n") if text else []
    for number, line in enumerate(lines, start=1):
        row = _parse(path, number, line)
        content = {key: value for key, value in row.items() if key != "hash"}
        if content.get("sequence") != number - 1:
            raise AuditError(f"{path}: line {number}: sequence is {content.get('sequence')}, expected {number - 1}")
        if row.get("hash") != row_hash(previous, content):
            raise AuditError(f"{path}: line {number}: hash does not match; this or an earlier line was altered")
        previous = row["hash"]
        yield row


def verify(path: str | Path) -> AuditSummary:
    """Checks a whole log.

    Raises:
        AuditError: names file, line and what is wrong.
    """
    rows = 0
    last_hash = GENESIS
    outcomes: dict[str, int] = {}
    for row in read(path):
        rows += 1
        last_hash = row["hash"]
        outcome = str(row.get("outcome", ""))
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    return AuditSummary(rows, last_hash, outcomes)


def _parse(path: str | Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
        if not isinstance(row, dict):
            raise AuditError(f"{path}: line {number}: is not an object; the line was altered")
        # What means the same is not the same: no byte may change unseen.
        if line != canonical(row):
            raise AuditError(f"{path}: line {number}: is written otherwise than by the log; the line was altered")
    except ValueError as error:
        raise AuditError(f"{path}: line {number}: is not JSON ({error}); the line was cut or altered") from None
    return row
