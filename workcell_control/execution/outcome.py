"""Names why a trajectory ended early: from the controller's code and text, or from what was measured before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from workcell_control.motion.arrays import FloatArray

NAME_OF_CODE = {
    -1: "invalid goal",
    -2: "invalid joints",
    -3: "start time in the past",
    -4: "path tolerance violated",
    -5: "goal tolerance violated",
}
"""Error codes of control_msgs/action/FollowJointTrajectory."""
_STATUS = {5: "canceled by somebody else", 6: "aborted"}


class TrackingWatch:
    """Follows the largest deviation of each joint during a move.

    Args:
        joint_names: In the order of the errors.
        limit_rad: Deviation at which a move is given up, before the controller or the arm's own safety does.
    """

    def __init__(self, joint_names: Sequence[str], limit_rad: float) -> None:
        self._joint_names = tuple(joint_names)
        self._limit_rad = limit_rad
        self.error_max_rad: FloatArray = np.zeros(len(self._joint_names))

    def begin(self) -> None:
        """A new move."""
        self.error_max_rad = np.zeros(len(self._joint_names))

    def on_error(self, error_rad: Sequence[float]) -> str:
        """Errors of the joints as the controller told them; returns why to give up, empty where there is no reason."""
        self.error_max_rad = np.maximum(self.error_max_rad, np.abs(error_rad))
        worst = int(np.argmax(self.error_max_rad))
        if self.error_max_rad[worst] <= self._limit_rad:
            return ""
        return (
            f"{self._joint_names[worst]} deviates from its path by {self.error_max_rad[worst]:.3f} rad, "
            f"allowed are {self._limit_rad:g} rad"
        )

    def reason(self, status: int, code: int, text: str) -> str:
        """Why a goal ended with this status and error code; never empty."""
        name = NAME_OF_CODE.get(code, _STATUS.get(status, f"ended with status {status}"))
        said = f": {text}" if text else ""
        if code not in (-4, -5) or not len(self.error_max_rad):
            return name + said
        worst = int(np.argmax(self.error_max_rad))
        return f"{name}{said}; most deviated {self._joint_names[worst]}, by {self.error_max_rad[worst]:.3f} rad"
