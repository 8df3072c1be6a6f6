"""Finds the storage files of a bag, and what its ``metadata.yaml`` says where there is one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from workcell_console.bag.errors import BagError
from workcell_console.bag.metadata import ROOT_KEY, VERSION

SUFFIXES: Final = (".mcap", ".db3")
METADATA_FILE: Final = "metadata.yaml"
REINDEX: Final = "delete metadata.yaml to have the files indexed again"


@dataclass(frozen=True)
class BagIndex:
    """A bag's storage files in order.

    Attributes:
        files: Storage files.
        compression: ``file`` or ``message`` where rosbag2 compressed the bag, else empty.
        type_hashes: Type hashes by topic, as far as the metadata have them.
    """

    files: tuple[Path, ...]
    compression: str = ""
    type_hashes: dict[str, str] = field(default_factory=dict)


def find_files(path: Path) -> BagIndex:
    """Returns what there is to read of a bag.

    Args:
        path: A bag's directory, or one storage file.

    Raises:
        BagError: There is no bag, or its metadata cannot be used.
    """
    if not path.exists():
        raise BagError(path, "does not exist", "name a bag's directory, an .mcap or a .db3 file")
    if path.is_file():
        if path.suffix not in SUFFIXES:
            raise BagError(path, "is no storage file", "name a bag's directory, an .mcap or a .db3 file")
        return BagIndex((path,))
    metadata = path / METADATA_FILE
    return _from_metadata(path, metadata) if metadata.exists() else _from_directory(path)


def _from_directory(path: Path) -> BagIndex:
    files = [item for item in path.iterdir() if item.suffix in SUFFIXES]
    if not files:
        raise BagError(path, "holds no metadata.yaml, no .mcap and no .db3 file", "name the directory of a bag")
    return BagIndex(tuple(sorted(files, key=_by_number)))


def _by_number(path: Path) -> tuple[int, str]:
    """Orders bag_2 before bag_10."""
    match = re.search(r"_(\d+)$", path.stem)
    return (int(match[1]) if match else 0, path.name)


def _from_metadata(path: Path, metadata: Path) -> BagIndex:
    information = _parse(metadata)
    try:
        version = int(information["version"])
        names = [Path(str(name)).name for name in information["relative_file_paths"]]
        compression = str(information.get("compression_mode") or "").lower()
        hashes = {
            str(item["topic_metadata"]["name"]): str(item["topic_metadata"].get("type_description_hash", ""))
            for item in information["topics_with_message_count"]
        }
    except (KeyError, TypeError, ValueError) as error:
        raise BagError(metadata, f"lacks or spoils {error}", REINDEX) from None
    if version > VERSION:
        raise BagError(
            metadata, f"version {version} is newer than {VERSION}", "convert the bag with 'ros2 bag convert'"
        )
    files = tuple(path / name for name in names)
    for file in files:
        if not file.is_file():
            raise BagError(file, "is listed in metadata.yaml but missing", f"restore it, or {REINDEX}")
    return BagIndex(files, "" if compression == "none" else compression, hashes)


def _parse(metadata: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(metadata.read_text(encoding="utf-8"))
    except OSError as error:
        raise BagError(metadata, f"cannot be read ({error.strerror})", "check its permissions") from None
    except UnicodeDecodeError as error:
        raise BagError(metadata, f"is no UTF-8 text at byte {error.start}", REINDEX) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark is not None else 1
        raise BagError(metadata, f"line {line}: {error.problem}", f"correct it, or {REINDEX}") from None
    except yaml.YAMLError as error:
        raise BagError(metadata, " ".join(str(error).split()), f"correct it, or {REINDEX}") from None
    information = content.get(ROOT_KEY) if isinstance(content, dict) else None
    if not isinstance(information, dict):
        raise BagError(metadata, f"has no {ROOT_KEY}", f"correct it, or {REINDEX}")
    return information
