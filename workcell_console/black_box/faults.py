"""Which of what the cell says is a reason to keep what led to it. Pure."""

from __future__ import annotations

from typing import Final

NORMAL: Final = "normal"
HALTED: Final = ("hold", "stopped")
ERROR: Final = 2
"""Level of a diagnostic status."""
MONITOR: Final = "monitor: "


class FaultWatch:
    """Tells a fault when it begins, once. What holds already when the watch begins is not the beginning of it."""

    def __init__(self) -> None:
        self._robot_state = ""
        self._cell_state = ""
        self._levels: dict[str, int] = {}

    def note_robot_state(self, text: str) -> str:
        """Takes in the robot's state, `word;reason=...`; returns the fault that begins with it, or nothing.

        Protective stop, emergency stop and whatever else a driver tells are all faults.
        """
        word, _, reason = text.partition(";reason=")
        before, self._robot_state = self._robot_state, word
        return _told(f"robot {word}", reason) if before == NORMAL and word != NORMAL else ""

    def note_cell_state(self, text: str) -> str:
        """Takes in the cell's state, `word;reason=...`; returns the fault that begins with it, or nothing."""
        word, _, reason = text.partition(";reason=")
        before, self._cell_state = self._cell_state, word
        begins = bool(before) and before not in HALTED and word in HALTED
        worsens = before == "hold" and word == "stopped"
        return _told(f"cell {word}", reason) if begins or worsens else ""

    def note_status(self, name: str, level: int, message: str) -> str:
        """Takes in a diagnostic status; returns the fault that begins with it, or nothing."""
        if not name.startswith(MONITOR):
            return ""
        before = self._levels.get(name)
        self._levels[name] = level
        begins = before is not None and before != ERROR and level == ERROR
        return _told(f"alarm {name.removeprefix(MONITOR)}", message) if begins else ""


def _told(what: str, reason: str) -> str:
    what = what.replace("_", " ")
    return f"{what}: {reason}" if reason else what
