"""Teaches a surface from images of good parts: checks them first, and says what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.errors import GoldenError
from workcell_perception.health import CLIPPED_LEVEL
from workcell_perception.surface import FALSE_ALARM_RATE, IMAGES_MIN, SurfaceModel, learn_surface
from workcell_perception.teach import Refusal

ImageU8 = npt.NDArray[np.uint8]
Named = tuple[str, npt.NDArray[Any]]

CLIPPED_SHARE_MAX = 0.02
LEVEL_MIN = 25.0
# An image is blurred whose detail is weaker than this share of the typical one's.
DETAIL_SHARE_MIN = 0.6


@dataclass(frozen=True)
class SurfaceLesson:
    """What came of teaching one surface."""

    model: SurfaceModel
    taken: tuple[str, ...]
    refused: tuple[Refusal, ...]

    def report(self, name: str, bad: Sequence[Named] = (), refused: Sequence[Refusal] = ()) -> str:
        """The validation as Markdown; `refused` are all images that were not used."""
        model = self.model
        lines = [
            f"# Surface {name}",
            "",
            f"Taught from {model.images} good images. A good image exceeds the threshold of {model.threshold:.2f} once "
            f"in {1 / FALSE_ALARM_RATE:.0f}; the largest anomaly of those taught was typically {model.mode:.2f}, seen "
            "by models that did not know them.",
        ]
        if refused:
            lines += ["", "| refused image | why |", "| --- | --- |"]
            lines += [f"| {item.name} | {item.reason} |" for item in refused]
        if bad:
            lines += ["", "| bad part | anomaly | found |", "| --- | --- | --- |"]
            lines += [_bad_row(model, item) for item in bad]
        return "\n".join(lines) + "\n"


def teach_surface(images: Sequence[Named]) -> SurfaceLesson:
    """Teaches from named grey images of good parts, 8 bit, all of one size.

    Refuses images that are dark, clipped, of another size, or blurred beside the others.

    Raises:
        GoldenError: fewer than 5 images are left; the text says which were refused and why.
    """
    refused: list[Refusal] = []
    sound: list[tuple[str, ImageU8]] = []
    for name, image in images:
        problem = _problem(image, images[0][1].shape)
        if problem:
            refused.append(Refusal(name, problem))
        else:
            sound.append((name, image))
    details = np.array([_detail(image) for _, image in sound])
    typical = float(np.median(details)) if len(details) else 0.0
    kept = [item for item, detail in zip(sound, details, strict=True) if detail >= DETAIL_SHARE_MIN * typical]
    refused += [
        Refusal(name, f"blurred: its detail is {detail / typical:.0%} of the others'")
        for (name, _), detail in zip(sound, details, strict=True)
        if detail < DETAIL_SHARE_MIN * typical
    ]
    if len(kept) < IMAGES_MIN:
        why = "; ".join(f"{refusal.name}: {refusal.reason}" for refusal in refused) or "none refused"
        raise GoldenError(f"{len(kept)} good images, need {IMAGES_MIN} ({why})")
    return SurfaceLesson(learn_surface([image for _, image in kept]), tuple(name for name, _ in kept), tuple(refused))


def _problem(image: npt.NDArray[Any], shape: tuple[int, ...]) -> str:
    if image.dtype != np.uint8 or image.ndim != 2:
        return f"holds {image.dtype} of shape {image.shape}; valid: 8-bit grey"
    if image.shape != shape:
        return "is {}, the first image {}".format(*("x".join(map(str, size[::-1])) for size in (image.shape, shape)))
    clipped = float(np.mean(image >= CLIPPED_LEVEL))
    if clipped > CLIPPED_SHARE_MAX:
        return f"over-exposed: {clipped:.0%} clipped, limit {CLIPPED_SHARE_MAX:.0%}"
    mean = float(image.mean())
    return f"too dark: its mean level is {mean:.0f}, needs {LEVEL_MIN:.0f}" if mean < LEVEL_MIN else ""


def _detail(image: ImageU8) -> float:
    """How strong fine detail is beside the mean level."""
    fine = cv2.Laplacian(image, cv2.CV_32F, ksize=3)
    return float(np.asarray(cv2.meanStdDev(fine)[1]).item()) / max(float(image.mean()), 1.0)


def _bad_row(model: SurfaceModel, item: Named) -> str:
    name, image = item
    try:
        heat_map = model.heat_map(image)
    except GoldenError as error:
        return f"| {name} | | cannot be judged: {error} |"
    regions = model.regions(heat_map)
    places = ", ".join(f"({region.box[0]}, {region.box[1]})" for region in regions) or "**nothing**"
    return f"| {name} | {float(heat_map.max()):.2f} | {places} |"
