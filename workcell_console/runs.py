"""Where runs keep their files: `out/<name>`, and `out/latest` for the newest."""

from __future__ import annotations

import os
from pathlib import Path

from workcell_ros.errors import ConfigError, WorkcellError

OUT = Path("out")
LATEST = "latest"


def prepare(folder: Path) -> Path:
    """Makes a run's folder and points `out/latest` at it.

    Raises:
        ConfigError: the folder holds another run's files or cannot be made.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError("command line", "--out", f"{folder} exists and is not empty", "a new or empty folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError("command line", "--out", f"{folder}: {error.strerror}", "a folder that can be made") from None
    _point_latest(folder)
    return folder


def unused_name(stem: str) -> Path:
    """Returns the first of out/stem-001, out/stem-002 ... that is not there."""
    number = 1
    while (path := OUT / f"{stem}-{number:03d}").exists():
        number += 1
    return path


def latest_run() -> Path:
    """Returns the folder of the newest run.

    Raises:
        WorkcellError: there is none.
    """
    link = OUT / LATEST
    if not link.exists():
        raise WorkcellError(f"{link}: no run here yet; start one with `workcell run`")
    return link.resolve()


def _point_latest(folder: Path) -> None:
    if folder.resolve().parent != OUT.resolve():
        return
    fresh = OUT / f".{LATEST}.{os.getpid()}"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(folder.name)
    fresh.replace(OUT / LATEST)
