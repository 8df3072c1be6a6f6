"""Notices inputs that went quiet, and when all have been back long enough."""

from __future__ import annotations

from collections.abc import Mapping

NS_PER_S = 1_000_000_000


class QuietWatch:
    """Each input has a timeout; after a silence all must speak for `restore_after_s` again.

    An input that never spoke is not missed: while the cell is being brought up nothing moves yet.
    """

    def __init__(self, timeouts_s: Mapping[str, float], restore_after_s: float) -> None:
        self._timeout_ns = {name: round(timeout_s * NS_PER_S) for name, timeout_s in timeouts_s.items()}
        self._restore_after_ns = round(restore_after_s * NS_PER_S)
        self._heard_ns: dict[str, int] = {}
        self._last_quiet_ns: int | None = None
        self.reason = ""
        """Which inputs are, or last were, quiet."""

    def heard(self, name: str, now_ns: int) -> None:
        """Notes that an input spoke."""
        self._heard_ns[name] = now_ns

    def check(self, now_ns: int) -> str:
        """Returns which inputs are quiet, in words; empty where all speak and have done so long enough."""
        quiet = [name for name, heard_ns in self._heard_ns.items() if now_ns - heard_ns > self._timeout_ns[name]]
        if quiet:
            self._last_quiet_ns = now_ns
            self.reason = f"{' and '.join(quiet)} quiet"
            return self.reason
        if self._last_quiet_ns is None or now_ns - self._last_quiet_ns >= self._restore_after_ns:
            self._last_quiet_ns = None
            return ""
        return self.reason
