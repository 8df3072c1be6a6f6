"""How the cell leaves a stop of the arm: by itself a bounded number of times, then only with a person."""

from __future__ import annotations


class ProtectiveStop:
    """Counts the cell's own releases since the last good part or reset by a person."""

    def __init__(self) -> None:
        self._reason = ""
        self._releases = 0
        self.needs_person = False

    @property
    def reason(self) -> str:
        """Why the arm is stopped; empty where it is not."""
        return self._reason

    def begin(self, reason: str, *, needs_person: bool = False) -> None:
        """The arm reports a stop; one that needs a person is never left by the cell itself."""
        self._reason = reason
        self.needs_person = needs_person

    def end(self) -> None:
        """The arm reports that it is ready."""
        self._reason = ""

    def forgive(self) -> None:
        """Forget past releases: a part was finished, or a person has looked."""
        self._releases = 0

    def may_release(self, is_auto: bool, releases_max: int) -> bool:
        """Whether the cell may ask for release by itself; says so in the reason where it may not."""
        if is_auto and not self.needs_person and self._releases < releases_max:
            return True
        if "a person must" not in self._reason:
            self._reason += "; a person must look and reset"
        return False

    def note_release(self) -> None:
        """A release was asked for by the cell itself."""
        self._releases += 1
