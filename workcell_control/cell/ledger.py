"""The part ledger: an append-only journal in which every part that entered ends in exactly one fate.

One line per entry: eight hex digits of CRC-32, a space, canonical JSON. An entry is handed to the operating
system before the cell goes on, so a killed process loses at most the line it was writing: a torn last line
is cut off when the journal is opened again. Damage anywhere else is not repaired but refused.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from workcell_control.cell.steps import FATES, Bin, Fate
from workcell_ros.canonical import canonical
from workcell_ros.errors import WorkcellError
from workcell_ros.whole_lines import append_whole

FSYNC_ENTRIES_MAX = 16
"""Entries after which the journal is forced to the disk; a power cut loses at most these."""


class LedgerError(WorkcellError):
    """The journal is damaged, or an entry contradicts those before it."""


@dataclass(frozen=True)
class PartEntry:
    """What the ledger knows of one part."""

    serial: str
    entered_ns: int
    picked_ns: int | None = None
    placing: Fate | None = None
    """The bin over which it was about to be let go."""
    ended_ns: int | None = None
    fate: Fate | None = None
    verdict: str = ""
    reason: str = ""

    @property
    def is_open(self) -> bool:
        """Whether the part is still in the cell."""
        return self.fate is None


class PartLedger:
    """Parts by serial, and the journal behind them.

    Args:
        path: The journal, made with its folder where missing; None keeps the ledger in memory alone.

    Raises:
        LedgerError: the journal is damaged before its last line, or cannot be opened.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._parts: dict[str, PartEntry] = {}
        self._unsynced = 0
        self._file = -1 if path is None else self._open(path)

    @property
    def parts(self) -> tuple[PartEntry, ...]:
        """Every part in the order in which it entered."""
        return tuple(self._parts.values())

    @property
    def open_parts(self) -> tuple[PartEntry, ...]:
        """Parts that have not ended."""
        return tuple(part for part in self._parts.values() if part.is_open)

    def counts(self) -> dict[Fate, int]:
        """Number of parts per fate, zeros included."""
        totals: dict[Fate, int] = dict.fromkeys(FATES, 0)
        for part in self._parts.values():
            if part.fate is not None:
                totals[part.fate] += 1
        return totals

    def next_serial(self) -> str:
        """A serial never used in this journal: c00001, c00002, ..."""
        return f"c{len(self._parts) + 1:05d}"

    def enter(self, serial: str, now_ns: int) -> None:
        """A part enters the cell.

        Raises:
            LedgerError: the serial is known already.
        """
        self._append({"event": "entered", "serial": serial, "t": now_ns})

    def pick(self, serial: str, now_ns: int) -> None:
        """The part is on the tool.

        Raises:
            LedgerError: the serial is unknown or has ended.
        """
        self._append({"event": "picked", "serial": serial, "t": now_ns})

    def place(self, serial: str, outfeed: Bin, now_ns: int) -> None:
        """The part is about to be let go over a bin.

        Raises:
            LedgerError: the serial is unknown or has ended.
        """
        self._append({"event": "placing", "serial": serial, "t": now_ns, "fate": outfeed})

    def end(self, serial: str, fate: Fate, now_ns: int, *, verdict: str = "", reason: str = "") -> None:
        """The part has ended.

        Raises:
            LedgerError: the serial is unknown or has ended, or `fate` is no fate.
        """
        entry = {"event": "ended", "serial": serial, "t": now_ns, "fate": fate, "verdict": verdict, "reason": reason}
        self._append(entry)

    def sync(self) -> None:
        """Force what was written to the disk."""
        if self._file >= 0 and self._unsynced:
            os.fsync(self._file)
            self._unsynced = 0

    def close(self) -> None:
        """Force to the disk and close; the ledger can still be read."""
        self.sync()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _append(self, entry: dict[str, Any]) -> None:
        """Writes an entry before it holds; one that the disk does not take (OSError) does not hold."""
        problem = self._problem(entry)
        if problem:
            raise LedgerError(f"part ledger: {problem}")
        if self._file >= 0:
            append_whole(self._file, encode_line(entry))
            self._unsynced += 1
        self._apply(entry)
        if self._unsynced >= FSYNC_ENTRIES_MAX:
            self.sync()

    def _problem(self, entry: dict[str, Any]) -> str:
        serial, event = entry["serial"], entry["event"]
        known = self._parts.get(serial)
        if event == "entered":
            return f"part {serial} has entered already" if known is not None else ""
        if known is None:
            return f"part {serial} never entered, but {event}"
        if not known.is_open:
            return f"part {serial} ended as {known.fate} already, but {event} again"
        if event in ("placing", "ended") and entry["fate"] not in FATES:
            return f"part {serial}: {entry['fate']!r} is no fate; valid: {', '.join(FATES)}"
        return ""

    def _apply(self, entry: dict[str, Any]) -> None:
        serial, now_ns = entry["serial"], entry["t"]
        if entry["event"] == "entered":
            self._parts[serial] = PartEntry(serial, now_ns)
            return
        known = self._parts[serial]
        match entry["event"]:
            case "picked":
                self._parts[serial] = replace(known, picked_ns=now_ns)
            case "placing":
                self._parts[serial] = replace(known, placing=entry["fate"])
            case "ended":
                verdict, reason = entry["verdict"], entry["reason"]
                self._parts[serial] = replace(
                    known, ended_ns=now_ns, fate=entry["fate"], verdict=verdict, reason=reason
                )

    def _open(self, path: Path) -> int:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            data = path.read_bytes() if path.exists() else b""
            self._replay(path, data)
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.ftruncate(file, data.rfind(b"\n") + 1)
        except OSError as error:
            raise LedgerError(f"part ledger {path}: {error.strerror}; give a file that can be written") from error
        return file

    def _replay(self, path: Path, data: bytes) -> None:
        # What follows the last newline was being written when the process died.
        lines = data.split(b"\n")[:-1]
        for number, line in enumerate(lines, start=1):
            entry = decode_line(line)
            problem = "checksum or form is wrong" if entry is None else self._problem(entry)
            if entry is None or problem:
                raise LedgerError(
                    f"part ledger {path}: line {number}: {problem}; move the file away to begin a new ledger"
                )
            self._apply(entry)


def encode_line(entry: dict[str, Any]) -> bytes:
    """One line of the journal, newline included."""
    text = canonical(entry).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def decode_line(line: bytes) -> dict[str, Any] | None:
    """The entry of one line without its newline, or None where it is damaged."""
    checksum, _, text = line.partition(b" ")
    if checksum != b"%08x" % zlib.crc32(text):
        return None
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    is_entry = isinstance(entry, dict) and {"event", "serial", "t"} <= entry.keys()
    return entry if is_entry else None
