"""A cell's folder belongs to one process at a time: two would mix up ledger, audit log and parameters."""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import IO

from workcell_ros.errors import ConfigError

_held: dict[Path, IO[str]] = {}


def check_free(folder: Path, part: str) -> None:
    """Checks that no other process runs a part of a cell in a folder; leaves nothing behind.

    Raises:
        ConfigError: one does.
    """
    lock = _lock_of(folder, part)
    if lock not in _held and lock.exists():
        with lock.open("a", encoding="utf-8") as file:
            _take(file, folder)


def hold(folder: Path, part: str) -> None:
    """Keeps a folder for a part of a cell until this process ends, however it does.

    Raises:
        ConfigError: another process has it, or it cannot be written.
    """
    lock = _lock_of(folder, part)
    if lock in _held:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = lock.open("a", encoding="utf-8")
    except OSError as error:
        problem = f"{folder}: {error.strerror}"
        raise ConfigError("launch arguments", "out_dir", problem, "a folder that can be made and written") from None
    _held[lock] = file
    try:
        _take(file, folder)
    except ConfigError:
        _held.pop(lock).close()
        raise


def _lock_of(folder: Path, part: str) -> Path:
    # Parts of one cell share its folder, each started once.
    return folder.absolute() / f".{part or 'cell'}.lock"


def _take(file: IO[str], folder: Path) -> None:
    try:
        # The kernel lets go of it with the process: a cell that was killed keeps nobody out.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        problem = f"a cell is running in {folder}"
        raise ConfigError("launch arguments", "out_dir", problem, "a folder of its own for each cell") from None
