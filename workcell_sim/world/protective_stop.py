"""The arm's protective stop: it always wins, and only a person or program resets it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


def _default_unexplained() -> FloatArray:
    limits = np.array([26.0, 26.0, 20.0, 8.0, 8.0, 8.0])
    limits.flags.writeable = False
    return limits


@dataclass(frozen=True, eq=False)
class ProtectiveStopConfig:
    """Limits that trip the stop. A robot of this make can be unlocked only some time after the stop.

    A cobot takes torque that its model does not explain for a collision (De Luca et al., "Collision detection and
    safe reaction with the DLR-III lightweight manipulator arm", 2006); a worn gear at speed looks the same.
    `unexplained_max_n_m` has shape (6,).
    """

    # The drives saturate at their rated effort, so the stop comes just below it.
    torque_share_max: float = 0.98
    unexplained_max_n_m: FloatArray = field(default_factory=_default_unexplained)
    tracking_error_max_rad: float = 0.15
    unlock_after_s: float = 2.0


@dataclass(frozen=True)
class Trip:
    """Why a stop is called for, and whether the arm was pushed off its path, so that it cannot brake along it."""

    reason: str
    is_off_path: bool


@dataclass
class ProtectiveStopState:
    """Whether the stop is in force, why and since when."""

    is_stopped: bool = False
    reason: str = ""
    since_s: float = 0.0


class ProtectiveStop:
    """Watches torque, its unexplained part, and tracking; latches."""

    def __init__(self, config: ProtectiveStopConfig, effort_max_n_m: FloatArray, joints: tuple[str, ...]) -> None:
        self._config = config
        self._effort_max = effort_max_n_m * config.torque_share_max
        self._joints = joints
        self.state = ProtectiveStopState()

    def check(self, torque_n_m: FloatArray, unexplained_n_m: FloatArray, tracking_error_rad: FloatArray) -> Trip | None:
        """Whether torques (k, 6), their unexplained part (6,) or tracking errors (6,) call for a stop."""
        share = np.abs(torque_n_m) / self._effort_max
        if share.max() > 1.0:
            return Trip(f"torque limit of {self._joints[int(np.argmax(share.max(axis=0)))]} exceeded", True)
        excess = (np.abs(unexplained_n_m) - self._config.unexplained_max_n_m).tolist()
        # Of six numbers Python finds the largest sooner than NumPy.
        if max(excess) > 0.0:
            return Trip(f"collision suspected: unexplained torque of {self._joints[int(np.argmax(excess))]}", False)
        if max(tracking_error_rad.tolist()) > self._config.tracking_error_max_rad:
            return Trip(f"{self._joints[int(np.argmax(tracking_error_rad))]} deviates from its path", True)
        return None

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
