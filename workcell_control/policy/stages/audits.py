"""Brings together who ran a part's cycle and what the end of the line found of the part, whichever is known first."""

from __future__ import annotations

from dataclasses import dataclass

from workcell_control.policy.stages.value_watch import CycleScore

WAITING_MAX = 256
"""Parts of which only one side is known; beyond, the oldest are given up: they were never audited, or had no cycle."""


@dataclass(frozen=True)
class PartAudit:
    """What the audit at the end of the line found of a part."""

    serial: int
    is_escape: bool
    """Accepted, though defective."""
    is_false_reject: bool
    """Not accepted, though good."""
    is_defective: bool = False

    @property
    def is_sound(self) -> bool:
        """Whether nothing was wrong with the part, whatever the verdict."""
        return not (self.is_defective or self.is_escape)


def serial_of(part: str) -> int:
    """Returns the serial that the cell gave the part: the line numbers parts from 0, the cell counts them from 1.

    >>> serial_of("p00012")
    13
    """
    return int("".join(letter for letter in part if letter.isdigit()) or -1) + 1


def audit_of(part: str, outfeed: str, is_defective: bool) -> PartAudit:
    """Returns what the audit of a part tells that left by an outfeed: accept, rework, reject or floor.

    >>> audit_of("p00012", "accept", is_defective=True)
    PartAudit(serial=13, is_escape=True, is_false_reject=False, is_defective=True)
    """
    return PartAudit(
        serial=serial_of(part),
        is_escape=outfeed == "accept" and is_defective,
        is_false_reject=outfeed in ("rework", "reject") and not is_defective,
        is_defective=is_defective,
    )


@dataclass(frozen=True)
class AuditedCycle:
    """A part whose cycle and audit are both known."""

    is_candidate: bool
    """Whether the candidate's set was in force."""
    audit: PartAudit
    score: CycleScore | None = None
    """What the cycle was worth; None where nobody scored it."""


class AuditBook:
    """Parts of which one side is known and the other is awaited."""

    def __init__(self) -> None:
        self._ran: dict[int, tuple[bool, CycleScore | None]] = {}
        self._audits: dict[int, PartAudit] = {}

    def note_cycle(self, serial: int, is_candidate: bool, score: CycleScore | None = None) -> AuditedCycle | None:
        """Takes in whose cycle a part was made in, and its worth; returns the whole once it is known."""
        audit = self._audits.pop(serial, None)
        if audit is not None:
            return AuditedCycle(is_candidate, audit, score)
        self._ran[serial] = is_candidate, score
        self._forget()
        return None

    def note_audit(self, audit: PartAudit) -> AuditedCycle | None:
        """Takes in what a part is; returns the whole once it is known."""
        ran = self._ran.pop(audit.serial, None)
        if ran is not None:
            is_candidate, score = ran
            return AuditedCycle(is_candidate, audit, score)
        self._audits[audit.serial] = audit
        self._forget()
        return None

    def _forget(self) -> None:
        if len(self._ran) > WAITING_MAX:
            del self._ran[next(iter(self._ran))]
        if len(self._audits) > WAITING_MAX:
            del self._audits[next(iter(self._audits))]
