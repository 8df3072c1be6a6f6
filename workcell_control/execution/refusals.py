"""A trajectory controller exists from when it is configured, and refuses goals until it is active: ask again."""

from __future__ import annotations

NS_PER_S = 1_000_000_000
RETRY_S = 0.2
PATIENCE_S = 2.0


class Refusals:
    """Says when a refused trajectory is to be sent again, and when it was refused for too long."""

    def __init__(self) -> None:
        self._since_ns: int | None = None
        self._again_ns: int | None = None

    def forget(self) -> None:
        """A trajectory was accepted, or nothing is to be sent any more."""
        self._since_ns = self._again_ns = None

    def is_patient(self, now_ns: int) -> bool:
        """A trajectory was refused: whether to send it again after a while."""
        if self._since_ns is None:
            self._since_ns = now_ns
        if now_ns - self._since_ns >= PATIENCE_S * NS_PER_S:
            self.forget()
            return False
        self._again_ns = now_ns + round(RETRY_S * NS_PER_S)
        return True

    def is_due(self, now_ns: int) -> bool:
        """Whether to send again now; true once per refusal."""
        if self._again_ns is None or now_ns < self._again_ns:
            return False
        self._again_ns = None
        return True
