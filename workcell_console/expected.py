"""Bags that are kept with the decisions expected of them: a regression suite of what was once seen. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict
from pathlib import Path

from workcell_console.bag import BagReader, BagWriter, Topic
from workcell_console.bag.errors import BagError
from workcell_console.replay import Decision

EXPECTED = "expected.json"
BAG = "bag"


def keep_excerpt(bag: Path, folder: Path, endings: Collection[str]) -> Path:
    """Copies what of a bag a replay needs, compressed, to `folder`/bag, and returns that; one that is there stays.

    Args:
        bag: Directory or file of the bag.
        folder: Where the bag and its expected decisions are kept.
        endings: Relative names of the topics to keep.

    Raises:
        BagError: The bag cannot be read, or the copy not be written.
    """
    out = folder / BAG
    if out.exists():
        return out
    wanted = tuple(f"/{name}" for name in endings)
    with BagReader(bag) as reader:
        topics = [topic for topic in reader.topics if topic.name.endswith(wanted)]
        with BagWriter(out, "mcap", compress=True) as writer:
            for topic in topics:
                writer.add_topic(Topic(topic.name, topic.type, topic.definition, topic.type_hash, topic.qos))
            for item in reader.messages([topic.name for topic in topics]):
                writer.write(item.topic, item.stamp_ns, item.data)
    return out


def write_expected(folder: Path, decisions: Sequence[Decision]) -> None:
    """Writes what is expected of the bag in `folder`, one decision a line, so that a change shows as one."""
    lines = [json.dumps(asdict(decision), sort_keys=True) for decision in decisions]
    (folder / EXPECTED).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


def read_expected(folder: Path) -> list[Decision]:
    """Returns what is expected of the bag in `folder`.

    Raises:
        BagError: The file is missing or is not what `write_expected` writes.
    """
    path = folder / EXPECTED
    remedy = f"write it anew with `workcell replay {folder / BAG} --expect {folder}`"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return [
            Decision(**{**row, "parameters": tuple((name, value) for name, value in row["parameters"])}) for row in rows
        ]
    except OSError as error:
        raise BagError(path, f"cannot be read ({error.strerror})", remedy) from None
    except (ValueError, TypeError, KeyError) as error:
        raise BagError(path, f"holds no decisions ({error})", remedy) from None
