"""Tells from the field readings that the tool has lost its part."""

from __future__ import annotations

NS_PER_S = 1_000_000_000


class DropDetector:
    """Tells from vacuum and grip readings that a held part is gone.

    Only readings taken after the part was gripped count, and of those the vacuum must once have been above
    the threshold, or `grace_s` have passed: a slow device still reports what was before the grip. The vacuum
    decides: what the gripper itself reports is believed with the next vacuum that does not speak against it,
    so that a wrong report alone never makes the cell let go of a part.
    """

    def __init__(self, hold_vacuum_pa: float, grace_s: float = 0.5) -> None:
        self._hold_vacuum_pa = hold_vacuum_pa
        self._grace_ns = int(grace_s * NS_PER_S)
        self._armed_ns: int | None = None
        self._was_seen_held = False
        self._was_grip_lost = False
        self._reported_ns: int | None = None
        self._held_ns = 0
        self.lost_ns = 0
        """Best guess of when the last lost part was lost: between the readings that show it held and gone."""

    def arm(self, now_ns: int) -> None:
        """A part is held from now on."""
        if self._armed_ns is None:
            self._armed_ns = self._held_ns = now_ns
            self._was_seen_held = False
            self._reported_ns = None

    def disarm(self) -> None:
        """Nothing is held any more."""
        self._armed_ns = None

    def on_vacuum(self, vacuum_pa: float, stamp_ns: int) -> str:
        """A trustworthy vacuum reading; returns why the part is lost, or nothing."""
        if self._armed_ns is None or stamp_ns < self._armed_ns:
            return ""
        if vacuum_pa >= self._hold_vacuum_pa:
            self._was_seen_held = True
            self._held_ns = stamp_ns
            self._reported_ns = None
            return ""
        self.lost_ns = (self._held_ns + stamp_ns) // 2
        if self._reported_ns is not None and stamp_ns >= self._reported_ns:
            return "the gripper reports its grip lost"
        if not self._was_seen_held and stamp_ns < self._armed_ns + self._grace_ns:
            return ""
        return f"vacuum {vacuum_pa / 1e3:.1f} kPa is below {self._hold_vacuum_pa / 1e3:.1f} kPa"

    def on_grip_lost(self, is_lost: bool, stamp_ns: int) -> None:
        """A trustworthy reading of the gripper's own signal.

        Only a change from held to lost counts: the signal may still stand from the part before.
        """
        has_risen = is_lost and not self._was_grip_lost
        self._was_grip_lost = is_lost
        if has_risen and self._armed_ns is not None and stamp_ns >= self._armed_ns:
            self._reported_ns = stamp_ns
