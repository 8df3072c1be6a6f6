"""Times and bounds of the sequence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SequenceSettings:
    """Times and bounds of the sequence; those that the governor changes are read when a step begins."""

    grip_dwell_s: float = 0.2
    settle_s: float = 0.2
    grip_timeout_s: float = 2.0
    inspection_timeout_s: float = 3.0
    pick_attempts_max: int = 3
    pick_back_off_s: float = 2.0
    nest_look_s: float = 0.4
    """Time from the loss in which a part that fell back on the infeed shows; shorter than the next part's arrival."""
    motion_attempts_max: int = 4
    motion_retry_s: float = 0.5
    release_attempts_max: int = 3
    is_auto_reset: bool = True
    protective_stop_reset_s: float = 5.0
    protective_stop_resets_max: int = 3
