"""The parts that flow through the simulated cell: boards with fiducials, artwork and true defects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.layout import BOARD_LAYOUT, VARIANT_ID_MAX, BoardLayout, Corner
from workcell_ros.errors import ConfigError
from workcell_sim.world import artwork as artworks
from workcell_sim.world.artwork import Artwork
from workcell_sim.world.defects import Defect, DefectKind, Severity, inject
from workcell_sim.world.real_boards import BoardPair, find_pairs

ImageU8 = npt.NDArray[np.uint8]

DEFAULT_VARIANTS = (0, 1, 2, 3)
MARGIN_LEVEL = 230
MARKER_BLACK_LEVEL = 15
SECOND_DEFECT_PROBABILITY = 0.35
_ARTWORKS_KEPT = 64


@dataclass(frozen=True)
class Board:
    """One part. `texture` is its face as reflectance, shape (736, 736), read-only; defects are in artwork pixels."""

    serial: str
    variant: int
    texture: ImageU8
    defects: tuple[Defect, ...]

    @property
    def is_good(self) -> bool:
        """Whether the board has no defect."""
        return not self.defects

    @property
    def disposition(self) -> str:
        """The verdict that a perfect inspection would give: accept, rework or reject."""
        if self.is_good:
            return "accept"
        worst = any(defect.severity is Severity.REJECT for defect in self.defects)
        return (Severity.REJECT if worst else Severity.REWORK).value


class BoardFactory:
    """Makes boards. The n-th board of a seed is always the same, in whatever order boards are asked for.

    Args:
        seed: seed of the sequence of variants and defects; artwork depends on the variant alone.
        variants: products that flow, each 0..949, or how many of them; ignored with `boards_dir`.
        defect_rate: share of boards with a defect, 0..1. With `boards_dir` the share of parts that are the test
            image; the others are the template, as good parts.
        boards_dir: folder of real boards (see `real_boards`); each pair is one variant, numbered by name.

    Raises:
        ConfigError: an argument is out of range or the folder cannot be used.
    """

    def __init__(
        self,
        seed: int,
        variants: Sequence[int] | int = DEFAULT_VARIANTS,
        defect_rate: float = 0.15,
        boards_dir: str | Path | None = None,
        layout: BoardLayout = BOARD_LAYOUT,
    ) -> None:
        self._seed = seed
        self._layout = layout
        self._defect_rate = _checked_rate(defect_rate)
        self._pairs: tuple[BoardPair, ...] = find_pairs(boards_dir) if boards_dir else ()
        self.variants = _checked_variants(len(self._pairs) if self._pairs else variants)
        self._next_number = 0

    def next_board(self, defect_rate: float | None = None) -> Board:
        """Makes the next board; `defect_rate` overrides the factory's for this one."""
        number = self._next_number
        self._next_number += 1
        return self.board(number, defect_rate)

    def board(self, number: int, defect_rate: float | None = None) -> Board:
        """Makes board `number`, serial `p<number>`. Raises ConfigError if a real board's files cannot be used."""
        rng = np.random.default_rng([self._seed, number])
        variant, is_defective = self._draw_kind(rng, defect_rate)
        serial = f"p{number:05d}"
        if self._pairs:
            return self._real_board(serial, variant, is_defective)
        if not is_defective:
            return Board(serial, variant, self.golden_texture(variant), ())
        copper, defects = inject(_artwork(variant, self._layout.artwork_px), _draw_kinds(rng), rng)
        return Board(serial, variant, self._texture(artworks.paint(copper), variant), defects)

    def is_defective(self, number: int, defect_rate: float | None = None) -> bool:
        """Whether board `number` has a defect, without making it."""
        return self._draw_kind(np.random.default_rng([self._seed, number]), defect_rate)[1]

    def variants_of(self, count: int) -> tuple[int, ...]:
        """The variants among the first `count` boards, in rising order."""
        drawn = {self._draw_variant(np.random.default_rng([self._seed, number])) for number in range(count)}
        return tuple(sorted(drawn))

    def golden_texture(self, variant: int) -> ImageU8:
        """The defect-free face of a variant, shape (736, 736). Raises ConfigError as `board` does."""
        if self._pairs:
            return self._texture(self._pairs[variant].load_template(self._layout.artwork_px), variant)
        return _golden(variant, self._layout)

    def _draw_kind(self, rng: np.random.Generator, defect_rate: float | None) -> tuple[int, bool]:
        rate = self._defect_rate if defect_rate is None else _checked_rate(defect_rate)
        variant = self._draw_variant(rng)
        return variant, bool(rng.random() < rate)

    def _draw_variant(self, rng: np.random.Generator) -> int:
        return int(self.variants[int(rng.integers(len(self.variants)))])

    def _real_board(self, serial: str, variant: int, is_defective: bool) -> Board:
        if not is_defective:
            return Board(serial, variant, self.golden_texture(variant), ())
        image, defects = self._pairs[variant].load_part(self._layout.artwork_px)
        return Board(serial, variant, self._texture(image, variant), defects)

    def _texture(self, artwork: ImageU8, variant: int) -> ImageU8:
        return assemble(artwork, variant, self._layout)


def assemble(artwork: ImageU8, variant: int, layout: BoardLayout = BOARD_LAYOUT) -> ImageU8:
    """Puts artwork (640, 640) and a variant's four fiducials on one board face, shape (736, 736), read-only."""
    side, margin = layout.texture_px, layout.margin_px
    texture: ImageU8 = np.full((side, side), MARGIN_LEVEL, dtype=np.uint8)
    texture[margin : side - margin, margin : side - margin] = artwork
    dictionary = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_5X5_1000)
    for corner in Corner:
        marker = cv2.aruco.generateImageMarker(dictionary, layout.marker_id(corner, variant), layout.marker_px)
        x, y = layout.marker_origin(corner)
        levels = np.where(marker > 0, MARGIN_LEVEL, MARKER_BLACK_LEVEL)
        texture[y : y + layout.marker_px, x : x + layout.marker_px] = levels
    texture.flags.writeable = False
    return texture


@lru_cache(maxsize=_ARTWORKS_KEPT)
def _artwork(variant: int, side_px: int) -> Artwork:
    return artworks.draw_artwork(variant, side_px)


@lru_cache(maxsize=_ARTWORKS_KEPT)
def _golden(variant: int, layout: BoardLayout) -> ImageU8:
    return assemble(artworks.paint(_artwork(variant, layout.artwork_px).copper), variant, layout)


def _draw_kinds(rng: np.random.Generator) -> tuple[DefectKind, ...]:
    count = 1
    while count < 4 and rng.random() < SECOND_DEFECT_PROBABILITY:
        count += 1
    kinds = tuple(DefectKind)
    return tuple(kinds[int(index)] for index in rng.integers(len(kinds), size=count))


def _checked_rate(rate: float) -> float:
    if not 0.0 <= rate <= 1.0:
        raise ConfigError("world", "defect_rate", f"{rate} is out of range", "0..1")
    return rate


def _checked_variants(variants: Sequence[int] | int) -> tuple[int, ...]:
    listed = tuple(range(variants)) if isinstance(variants, int) else tuple(variants)
    if not listed or any(not 0 <= variant <= VARIANT_ID_MAX for variant in listed):
        raise ConfigError("world", "variants", f"{variants} is out of range", f"one or more of 0..{VARIANT_ID_MAX}")
    return listed
