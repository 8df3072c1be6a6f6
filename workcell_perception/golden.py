"""Golden references: what a good board of a variant looks like, and where it may differ.

A store is a folder of models, see `model_store`, with one per variant.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import GoldenError
from workcell_perception.model_store import ModelStore

ImageU8 = npt.NDArray[np.uint8]

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

    def check_size(self, image: ImageU8) -> None:
        """Raises GoldenError unless an image has the reference's size."""
        if image.shape != self.mean.shape:
            sizes = ("x".join(map(str, shape[::-1])) for shape in (image.shape, self.mean.shape))
            raise GoldenError("image is {}, the reference was taught at {}".format(*sizes))

    def copper(self) -> ImageU8:
        """1 where there is copper, shape (side, side)."""
        is_dark = self.mean <= self.levels.threshold
        return (is_dark if self.copper_is_dark else ~is_dark).astype(np.uint8)


class GoldenStore:
    """A folder of golden references, loaded when first needed; the last 24 used are kept."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self._models = ModelStore(folder)
        self._kept: OrderedDict[int, GoldenReference] = OrderedDict()

    def variants(self) -> tuple[int, ...]:
        """Variants with at least one version on disk, ascending."""
        return tuple(sorted(int(name) for name in self._models.names() if name.isdigit()))

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
        source = self._models.manifest(_name_of(variant)).get("source")
        return None if source is None else str(source)

    def save(self, golden: GoldenReference, report: str = "") -> Path:
        """Writes the next version of a reference and the report of its validation; returns its .npz file."""
        facts = {
            "variant": golden.variant,
            "copper_is_dark": golden.copper_is_dark,
            "images": golden.images,
            "source": golden.source,
        }
        self._kept.pop(golden.variant, None)
        return self._models.save(
            _name_of(golden.variant), {"mean": golden.mean, "spread": golden.spread}, facts, report
        )

    def _read(self, variant: int) -> GoldenReference:
        if self._models.newest(_name_of(variant)) == 0:
            known = ", ".join(map(str, self.variants()[:12])) or "none"
            raise GoldenError(f"{self.folder}: no golden reference of variant {variant}; taught: {known}")
        stored = self._models.load(_name_of(variant))
        try:
            facts, arrays = stored.manifest, stored.arrays
            is_dark, images, source = bool(facts["copper_is_dark"]), int(facts["images"]), str(facts["source"])
            return GoldenReference(variant, arrays["mean"], arrays["spread"], is_dark, images, stored.version, source)
        except (KeyError, ValueError, TypeError) as error:
            where = f"{self.folder}: version {stored.version} of variant {variant}"
            raise GoldenError(f"{where} is incomplete ({error}); teach it again") from None


def _name_of(variant: int) -> str:
    return f"{variant:04d}"
