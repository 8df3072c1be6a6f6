"""Incidents on disk: a bag each, the oldest removed when there are too many."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from workcell_console.bag import BagError, BagWriter, Topic
from workcell_console.black_box.recorder import Incident

PREFIX: Final = "incident_"
SUMMARY: Final = "incident.json"
SLUG_CHARACTERS_MAX: Final = 40
_NUMBERED: Final = re.compile(rf"{PREFIX}(\d+)(_|$)")


@dataclass(frozen=True)
class Written:
    """What became of an incident."""

    path: Path
    message_count: int
    removed: tuple[Path, ...]
    """Older incidents that had to go."""


class IncidentStore:
    """A folder of incidents; touches nothing else in it.

    Args:
        folder: Where; made with the first incident.
        bags_max: How many are kept, at least 1.
        storage_id: ``mcap`` or ``sqlite3``.
    """

    def __init__(self, folder: Path, bags_max: int, storage_id: str = "mcap") -> None:
        self._folder = folder
        self._bags_max = bags_max
        self._storage_id = storage_id

    def bags(self) -> list[Path]:
        """Returns the incidents that are there, oldest first."""
        if not self._folder.is_dir():
            return []
        found = [path for path in self._folder.iterdir() if path.is_dir() and _NUMBERED.match(path.name)]
        return sorted(found, key=_number)

    def write(self, incident: Incident, topics: Iterable[Topic]) -> Written:
        """Writes a bag, a summary beside its storage file, and makes room.

        Raises:
            BagError: The folder cannot be written; what was there before is still there.
        """
        before = self.bags()
        number = _number(before[-1]) + 1 if before else 1
        path = self._folder / f"{PREFIX}{number:04d}_{_slug(incident.triggers[0].reason)}"
        wanted = {entry.topic for entry in incident.entries}
        try:
            with BagWriter(path, self._storage_id) as bag:
                for topic in topics:
                    if topic.name in wanted:
                        bag.add_topic(topic)
                for entry in incident.entries:
                    bag.write(*entry)
            (path / SUMMARY).write_text(json.dumps(summary(incident), indent=1), encoding="utf-8")
            removed = tuple(before[: max(len(before) + 1 - self._bags_max, 0)])
            for old in removed:
                shutil.rmtree(old)
        except OSError as error:
            raise BagError(
                path, f"cannot be written ({error.strerror})", "free the disk or set black_box_dir"
            ) from None
        return Written(path, len(incident.entries), removed)


def summary(incident: Incident) -> dict[str, object]:
    """Returns what is said of an incident beside its bag, JSON-ready."""
    return {
        "triggers": [asdict(trigger) for trigger in incident.triggers],
        "messages": len(incident.entries),
        "before_s": round(incident.pre_s, 3),
        "dropped_before": incident.dropped_before,
        "dropped_after": incident.dropped_after,
    }


def _number(path: Path) -> int:
    match = _NUMBERED.match(path.name)
    return int(match.group(1)) if match else 0


def _slug(reason: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", reason.lower()).strip("_")[:SLUG_CHARACTERS_MAX].strip("_") or "request"
