"""Injects defects with ground truth into the copper of a board.

A defect is drawn, then kept only where it does to the copper's connectivity what its kind means: an open splits copper,
a short joins it, a mouse bite and a spur change an edge and leave connectivity alone, and so on. Ground truth therefore
holds by construction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import cv2
import numpy as np
import numpy.typing as npt

from workcell_sim.world.artwork import Artwork, Box

ImageU8 = npt.NDArray[np.uint8]

ATTEMPTS_MAX = 60
WINDOW_PX = 48
LARGE_DEFECT_AREA_PX = 110


class DefectKind(StrEnum):
    """Kinds of bare-board defects; the first six in the order of the DeepPCB labels 1..6."""

    OPEN = "open"
    SHORT = "short"
    MOUSE_BITE = "mouse_bite"
    SPUR = "spur"
    SPURIOUS_COPPER = "spurious_copper"
    PIN_HOLE = "pin_hole"
    MISSING = "missing"


class Severity(StrEnum):
    """What a defect costs: work by hand, or the board."""

    REWORK = "rework"
    REJECT = "reject"


@dataclass(frozen=True)
class Defect:
    """One true defect; `box` is (x1, y1, x2, y2) in artwork pixels, the second corner exclusive."""

    kind: DefectKind
    box: Box
    severity: Severity


def severity_of(kind: DefectKind, area_px: int) -> Severity:
    """Severity by kind and changed area in [px]: extra copper can be scraped off, broken copper cannot be put back."""
    if kind in (DefectKind.OPEN, DefectKind.MISSING):
        return Severity.REJECT
    if kind in (DefectKind.MOUSE_BITE, DefectKind.PIN_HOLE) and area_px > LARGE_DEFECT_AREA_PX:
        return Severity.REJECT
    return Severity.REWORK


@dataclass(frozen=True)
class _Change:
    """A proposed change of copper: `mask` is 1 where pixels become `value`, `origin` its (x, y) in the artwork."""

    mask: ImageU8
    origin: tuple[int, int]
    value: int


@dataclass(frozen=True)
class _Effect:
    """What a change does in its window: change of the counts of separate copper and separate gaps."""

    copper_parts: int
    gaps: int
    area_px: int


def inject(
    artwork: Artwork, kinds: tuple[DefectKind, ...], rng: np.random.Generator
) -> tuple[ImageU8, tuple[Defect, ...]]:
    """Injects one defect per entry of `kinds`, well apart from each other.

    Returns the changed copper (side, side) and the ground truth. A kind for which the artwork has no place (no free
    spot was found) is left out of both.
    """
    copper = artwork.copper.copy()
    occupied: ImageU8 = np.zeros_like(copper)
    defects = []
    for kind in kinds:
        defect = _inject_one(kind, artwork, copper, occupied, rng)
        if defect is not None:
            defects.append(defect)
    return copper, tuple(defects)


def _inject_one(
    kind: DefectKind, artwork: Artwork, copper: ImageU8, occupied: ImageU8, rng: np.random.Generator
) -> Defect | None:
    for _ in range(ATTEMPTS_MAX):
        change = _PROPOSALS[kind](artwork, rng)
        if change is None:
            continue
        effect = _effect_of(change, copper, occupied)
        if effect is None or not _ACCEPTED[kind](effect):
            continue
        box = _apply(change, copper)
        x1, y1, x2, y2 = box
        occupied[max(y1 - 20, 0) : y2 + 20, max(x1 - 20, 0) : x2 + 20] = 1
        return Defect(kind, box, severity_of(kind, effect.area_px))
    return None


def _blob(rng: np.random.Generator, radius_min: float, radius_max: float) -> ImageU8:
    """A round, irregular blob, as etching leaves it."""
    radius = rng.uniform(radius_min, radius_max)
    half = int(np.ceil(radius * 1.5)) + 1
    angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
    radii = radius * rng.uniform(0.8, 1.25, size=angles.shape)
    outline = np.stack([half + radii * np.cos(angles), half + radii * np.sin(angles)], axis=1)
    mask: ImageU8 = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1)
    return mask


def _bar(rng: np.random.Generator, length_px: float, width_px: float) -> ImageU8:
    """A bar along one of the two axes."""
    half = int(length_px) // 2 + 2
    mask: ImageU8 = np.zeros((2 * half + 1, 2 * half + 1), dtype=np.uint8)
    ahead, aside = int(length_px) // 2, max(int(width_px) // 2, 1)
    mask[half - aside : half + aside + 1, half - ahead : half + ahead + 1] = 1
    return mask if rng.random() < 0.5 else np.ascontiguousarray(mask.T)


def _at(mask: ImageU8, x: int, y: int, value: int) -> _Change:
    half = mask.shape[0] // 2
    return _Change(mask, (x - half, y - half), value)


def _pick(where: npt.NDArray[np.bool_] | ImageU8, rng: np.random.Generator) -> tuple[int, int] | None:
    """A random (x, y) of the non-zero pixels of `where`."""
    indices = np.flatnonzero(where)
    if not len(indices):
        return None
    row, column = divmod(int(indices[rng.integers(len(indices))]), where.shape[1])
    return column, row


def _edges(copper: ImageU8) -> ImageU8:
    return np.asarray(cv2.morphologyEx(copper, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), dtype=np.uint8)


def _deep(copper: ImageU8, depth_px: float) -> npt.NDArray[np.bool_]:
    deep: npt.NDArray[np.bool_] = cv2.distanceTransform(copper, cv2.DIST_L2, 3) > depth_px
    return deep


def _propose_open(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    # Thin copper only: what opening with a disk larger than a track takes away.
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (13, 13))
    thick = np.asarray(cv2.morphologyEx(artwork.copper, cv2.MORPH_OPEN, disk), dtype=np.uint8)
    spot = _pick(artwork.copper & (1 - thick), rng)
    return None if spot is None else _at(_blob(rng, 6.5, 9.0), *spot, 0)


def _propose_missing(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    if not artwork.pads:
        return None
    x1, y1, x2, y2 = artwork.pads[int(rng.integers(len(artwork.pads)))]
    return _Change(np.ones((y2 - y1, x2 - x1), np.uint8), (x1, y1), 0)


def _propose_bite(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    spot = _pick(_edges(artwork.copper), rng)
    return None if spot is None else _at(_blob(rng, 4.0, 6.5), *spot, 0)


def _propose_spur(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    spot = _pick(_edges(artwork.copper), rng)
    return None if spot is None else _at(_blob(rng, 4.0, 6.5), *spot, 1)


def _propose_short(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    spot = _pick(_edges(artwork.copper), rng)
    return None if spot is None else _at(_bar(rng, rng.uniform(16, 34), rng.uniform(4, 7)), *spot, 1)


def _propose_spurious(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    substrate: ImageU8 = (1 - artwork.copper).astype(np.uint8)
    spot = _pick(_deep(substrate, 11.0), rng)
    return None if spot is None else _at(_blob(rng, 3.5, 6.5), *spot, 1)


def _propose_pin_hole(artwork: Artwork, rng: np.random.Generator) -> _Change | None:
    spot = _pick(_deep(artwork.copper, 9.0), rng)
    return None if spot is None else _at(_blob(rng, 3.0, 5.5), *spot, 0)


def _effect_of(change: _Change, copper: ImageU8, occupied: ImageU8) -> _Effect | None:
    """What a change does to the copper around it, or None where it does not fit or meets another defect."""
    (x, y), (height, width) = change.origin, change.mask.shape
    side = copper.shape[0]
    if x < 8 or y < 8 or x + width > side - 8 or y + height > side - 8:
        return None
    if occupied[y : y + height, x : x + width].any():
        return None
    top, left = max(y - WINDOW_PX, 0), max(x - WINDOW_PX, 0)
    window = copper[top : y + height + WINDOW_PX, left : x + width + WINDOW_PX]
    changed = window.copy()
    changed[y - top : y - top + height, x - left : x - left + width][change.mask > 0] = change.value
    area_px = int(np.count_nonzero(changed != window))
    if area_px < 12:
        return None
    return _Effect(_parts(changed) - _parts(window), _parts(1 - changed) - _parts(1 - window), area_px)


def _parts(mask: npt.NDArray[np.uint8]) -> int:
    count: int = cv2.connectedComponents(np.ascontiguousarray(mask, dtype=np.uint8), connectivity=4)[0]
    return count


def _apply(change: _Change, copper: ImageU8) -> Box:
    """Changes `copper` in place; returns the box around the pixels that differ."""
    (x, y), (height, width) = change.origin, change.mask.shape
    patch = copper[y : y + height, x : x + width]
    differs = (change.mask > 0) & (patch != change.value)
    patch[differs] = change.value
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    return x + int(columns[0]), y + int(rows[0]), x + int(columns[-1]) + 1, y + int(rows[-1]) + 1


_PROPOSALS: dict[DefectKind, Callable[[Artwork, np.random.Generator], _Change | None]] = {
    DefectKind.OPEN: _propose_open,
    DefectKind.SHORT: _propose_short,
    DefectKind.MOUSE_BITE: _propose_bite,
    DefectKind.SPUR: _propose_spur,
    DefectKind.SPURIOUS_COPPER: _propose_spurious,
    DefectKind.PIN_HOLE: _propose_pin_hole,
    DefectKind.MISSING: _propose_missing,
}

_EDGE_AREA_MIN_PX = 26


def _is_edge_change(effect: _Effect) -> bool:
    """An edge moved enough to matter, and nothing was split, joined, opened up or closed."""
    return effect.copper_parts == 0 and effect.gaps == 0 and effect.area_px >= _EDGE_AREA_MIN_PX


_ACCEPTED: dict[DefectKind, Callable[[_Effect], bool]] = {
    DefectKind.OPEN: lambda effect: effect.copper_parts == 1 and effect.gaps <= 0,
    DefectKind.SHORT: lambda effect: effect.copper_parts == -1,
    DefectKind.MOUSE_BITE: _is_edge_change,
    DefectKind.SPUR: _is_edge_change,
    DefectKind.SPURIOUS_COPPER: lambda effect: effect.copper_parts == 1,
    DefectKind.PIN_HOLE: lambda effect: effect.copper_parts == 0 and effect.gaps == 1,
    DefectKind.MISSING: lambda effect: effect.area_px > 100,
}
