"""The arm's protective stop: it always wins, and only a person or program resets it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class ProtectiveStopConfig:
    """Limits that trip the stop. A robot of this make can be unlocked only some time after the stop."""

    torque_share_max: float = 1.0
    tracking_error_max_rad: float = 0.15
    unlock_after_s: float = 2.0


@dataclass
class ProtectiveStopState:
    """Whether the stop is in force, why and since when."""

    is_stopped: bool = False
    reason: str = ""
    since_s: float = 0.0


class ProtectiveStop:
    """Watches torque and tracking; latches."""

    def __init__(self, config: ProtectiveStopConfig, effort_max_n_m: FloatArray, joints: tuple[str, ...]) -> None:
        self._config = config
        self._effort_max = effort_max_n_m * config.torque_share_max
        self._joints = joints
        self.state = ProtectiveStopState()

    def reason_to_stop(self, torque_n_m: FloatArray, tracking_error_rad: FloatArray) -> str:
        """Why torques (k, 6) or tracking errors (6,) call for a stop; "" if they do not."""
        share = np.abs(torque_n_m) / self._effort_max
        if share.max() > 1.0:
            return f"torque limit of {self._joints[int(np.argmax(share.max(axis=0)))]} exceeded"
        if tracking_error_rad.max() > self._config.tracking_error_max_rad:
            return f"{self._joints[int(np.argmax(tracking_error_rad))]} deviates from its path"
        return ""

    def trip(self, reason: str, time_s: float) -> bool:
        """Enters the stop; False if it is in force already."""
        if self.state.is_stopped:
            return False
        self.state = ProtectiveStopState(True, reason, time_s)
        return True

    def reset(self, time_s: float) -> tuple[bool, str]:
        """Leaves the stop if enough time has passed; tells whether, and why not."""
        if not self.state.is_stopped:
            return True, "the arm is not in a protective stop"
        wait_s = self.state.since_s + self._config.unlock_after_s - time_s
        if wait_s > 0.0:
            return False, f"cannot unlock a protective stop until {wait_s:.1f} s from now; inspect the cause"
        self.state = ProtectiveStopState()
        return True, "protective stop released"

    @property
    def robot_state(self) -> str:
        """`normal`, or `protective_stop;reason=...`."""
        return f"protective_stop;reason={self.state.reason}" if self.state.is_stopped else "normal"
