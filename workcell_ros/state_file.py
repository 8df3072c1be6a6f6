"""A node's state on disk, so that one that died goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class StateFile:
    """One JSON file, replaced as a whole by every write; it holds a digest, so that no change of it goes unseen.

    Args:
        path: the file; its folder is made.
        key: what the state belongs to (seed, scenario...); a file of another key is not read.
    """

    def __init__(self, path: str | Path, key: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._key = dict(key)
        self.path.parent.mkdir(parents=True, exist_ok=True)

    def write(self, snapshot: Mapping[str, Any]) -> None:
        """Replaces the state; a crash leaves the old or the new one, never a part."""
        beside = self.path.with_suffix(self.path.suffix + ".new")
        data = {"key": self._key, "digest": _digest(snapshot), "snapshot": snapshot}
        beside.write_text(json.dumps(data), encoding="utf-8")
        os.replace(beside, self.path)

    def read(self) -> tuple[dict[str, Any] | None, str]:
        """The last snapshot of this key, or None and why there is none."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None, "no earlier state"
        except (OSError, ValueError) as error:
            return None, f"{self.path} cannot be read ({error})"
        if not isinstance(data, dict) or data.get("key") != self._key:
            return None, f"{self.path} is of another run"
        snapshot = data.get("snapshot")
        if not isinstance(snapshot, dict) or data.get("digest") != _digest(snapshot):
            return None, f"{self.path} is damaged: its digest does not match"
        return snapshot, ""


def _digest(snapshot: Mapping[str, Any]) -> str:
    # Of the text as it is kept: its order counts, and a figure that is not there yet may be no number.
    return hashlib.sha256(json.dumps(snapshot).encode()).hexdigest()
