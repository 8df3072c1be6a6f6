"""Golden references: what a good board of a variant looks like, and where it may differ.

On disk a store is a folder with one folder per variant; each taught version is `v0001.npz` beside `v0001.json`, which
holds the file's SHA-256. The newest version counts; older ones stay for the record.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import GoldenError

ImageU8 = npt.NDArray[np.uint8]

FORMAT = 1
KEPT_MAX = 24
_CONTRAST_SHARE_MIN = 0.25
_PLAIN_BRIGHT_LEVEL = 80.0


@dataclass(frozen=True)
class Levels:
    """What divides copper from substrate (N. Otsu, 1979), and how far their mean levels are apart."""

    threshold: float
    contrast: float


@dataclass(frozen=True)
class GoldenReference:
    """A variant's taught reference.

    `mean` is the mean of the good images and `spread` three times their standard deviation, both in levels, shape
    (side, side); `copper_is_dark` tells which side of the two levels is copper; `images` how many were taught;
    `source` names what they show, so that a teacher can tell whether a reference is still right.
    """

    variant: int
    mean: ImageU8
    spread: ImageU8
    copper_is_dark: bool
    images: int
    version: int = 0
    source: str = ""

    @cached_property
    def levels(self) -> Levels:
        """The levels of copper and substrate."""
        threshold, _ = cv2.threshold(self.mean, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
        is_dark = self.mean <= threshold
        whole = float(self.mean.mean())
        if is_dark.any() and not is_dark.all():
            contrast = float(self.mean[~is_dark].mean() - self.mean[is_dark].mean())
            if contrast >= _CONTRAST_SHARE_MIN * whole:
                return Levels(float(threshold), contrast)
        # One level only, so what divides is noise: a board all bright has nothing dark, a dark one nothing bright.
        return Levels(-1.0, whole) if whole > _PLAIN_BRIGHT_LEVEL else Levels(255.0, 255.0 - whole)

    def copper(self) -> ImageU8:
        """1 where there is copper, shape (side, side)."""
        is_dark = self.mean <= self.levels.threshold
        return (is_dark if self.copper_is_dark else ~is_dark).astype(np.uint8)


class GoldenStore:
    """A folder of golden references, loaded when first needed; the last 24 used are kept."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._kept: OrderedDict[int, GoldenReference] = OrderedDict()

    def variants(self) -> tuple[int, ...]:
        """Variants with at least one version on disk, ascending."""
        if not self.folder.is_dir():
            return ()
        found = (path for path in self.folder.iterdir() if path.name.isdigit() and path.is_dir())
        return tuple(sorted(int(path.name) for path in found if any(path.glob("v*.json"))))

    def load(self, variant: int) -> GoldenReference:
        """Returns the newest version of a variant.

        Raises:
            GoldenError: there is none, or its files are damaged.
        """
        if variant in self._kept:
            self._kept.move_to_end(variant)
            return self._kept[variant]
        golden = self._read(variant)
        self._kept[variant] = golden
        if len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)
        return golden

    def source(self, variant: int) -> str | None:
        """What the newest version of a variant was taught from; None where there is none or it is damaged."""
        folder = self._folder_of(variant)
        version = max(self._versions(folder), default=0)
        try:
            manifest = json.loads((folder / f"v{version:04d}.json").read_text(encoding="utf-8"))
            return str(manifest["source"])
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, golden: GoldenReference) -> Path:
        """Writes the next version of a reference; returns its .npz file."""
        folder = self._folder_of(golden.variant)
        folder.mkdir(parents=True, exist_ok=True)
        version = max(self._versions(folder), default=0) + 1
        buffer = io.BytesIO()
        np.savez_compressed(buffer, mean=golden.mean, spread=golden.spread)
        data = buffer.getvalue()
        file = folder / f"v{version:04d}.npz"
        file.write_bytes(data)
        manifest = {
            "format": FORMAT,
            "variant": golden.variant,
            "version": version,
            "sha256": hashlib.sha256(data).hexdigest(),
            "copper_is_dark": golden.copper_is_dark,
            "images": golden.images,
            "source": golden.source,
        }
        # The manifest comes last: a version without it does not count.
        file.with_suffix(".json").write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        self._kept.pop(golden.variant, None)
        return file

    def _read(self, variant: int) -> GoldenReference:
        folder = self._folder_of(variant)
        version = max(self._versions(folder), default=0)
        if version == 0:
            known = ", ".join(map(str, self.variants()[:12])) or "none"
            raise GoldenError(f"{self.folder}: no golden reference of variant {variant}; taught: {known}")
        file = folder / f"v{version:04d}.npz"
        try:
            manifest = json.loads(file.with_suffix(".json").read_text(encoding="utf-8"))
            data = file.read_bytes()
            if manifest["format"] != FORMAT or hashlib.sha256(data).hexdigest() != manifest["sha256"]:
                raise GoldenError(f"{file}: does not match its manifest; teach variant {variant} again")
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                mean, spread = arrays["mean"], arrays["spread"]
            is_dark, images, source = manifest["copper_is_dark"], int(manifest["images"]), str(manifest["source"])
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
            raise GoldenError(f"{file}: cannot be read ({error}); teach variant {variant} again") from None
        return GoldenReference(variant, mean, spread, bool(is_dark), images, version, source)

    def _folder_of(self, variant: int) -> Path:
        return self.folder / f"{variant:04d}"

    @staticmethod
    def _versions(folder: Path) -> list[int]:
        names = [path.stem[1:] for path in folder.glob("v*.json")]
        return [int(name) for name in names if name.isdigit()]
