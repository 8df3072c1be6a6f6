"""Versioned, hashed models on disk.

A store is a folder with one folder per model; each taught version is `v0001.npz` beside `v0001.json`, which holds the
file's SHA-256 and what else is worth knowing, and `v0001.md`, the report of its validation where there is one. The
newest version counts; older ones stay for the record.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workcell_perception.errors import GoldenError

FORMAT = 1
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class StoredModel:
    """A model as it was saved: its arrays and what its manifest says."""

    arrays: Arrays
    manifest: Mapping[str, Any]
    version: int


class ModelStore:
    """A folder of models."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def names(self) -> tuple[str, ...]:
        """Models with at least one version, in order."""
        if not self.folder.is_dir():
            return ()
        return tuple(sorted(path.name for path in self.folder.iterdir() if path.is_dir() and self._versions(path.name)))

    def newest(self, name: str) -> int:
        """The newest version of a model; 0 where there is none."""
        return max(self._versions(name), default=0)

    def save(self, name: str, arrays: Arrays, facts: Mapping[str, Any], report: str = "") -> Path:
        """Writes the next version of a model; returns its .npz file. `facts` is what JSON can hold."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        version = self.newest(name) + 1
        data = _packed(arrays)
        file = folder / f"v{version:04d}.npz"
        file.write_bytes(data)
        if report:
            file.with_suffix(".md").write_text(report, encoding="utf-8")
        manifest = {"format": FORMAT, **facts, "version": version, "sha256": hashlib.sha256(data).hexdigest()}
        # The manifest comes last: a version without it does not count.
        file.with_suffix(".json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        return file

    def load(self, name: str) -> StoredModel:
        """Returns the newest version of a model.

        Raises:
            GoldenError: there is none, or its files are damaged.
        """
        version = self.newest(name)
        if version == 0:
            raise GoldenError(f"{self.folder}: no model {name}; taught: {', '.join(self.names()[:12]) or 'none'}")
        file = self.folder / name / f"v{version:04d}.npz"
        try:
            manifest = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            data = file.read_bytes()
            if manifest["format"] != FORMAT or hashlib.sha256(data).hexdigest() != manifest["sha256"]:
                raise GoldenError(f"{file}: does not match its manifest; teach {name} again")
            with np.load(io.BytesIO(data), allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in stored.files}
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise GoldenError(f"{file}: cannot be read ({error}); teach {name} again") from None
        return StoredModel(arrays, manifest, version)

    def manifest(self, name: str) -> Mapping[str, Any]:
        """What the newest version's manifest says; empty where there is none or it is damaged."""
        file = self.folder / name / f"v{self.newest(name):04d}.json"
        try:
            manifest = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return manifest if isinstance(manifest, dict) else {}

    def _versions(self, name: str) -> list[int]:
        names = [path.stem[1:] for path in (self.folder / name).glob("v*.json")]
        return [int(number) for number in names if number.isdigit()]


def _packed(arrays: Arrays) -> bytes:
    """An .npz of the arrays; images hardly get smaller by more than the quickest compression."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as stream:
                np.lib.format.write_array(stream, np.asanyarray(array), allow_pickle=False)
    return buffer.getvalue()
