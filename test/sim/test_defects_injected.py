from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_sim.world.artwork import draw_artwork
from workcell_sim.world.defects import Defect, DefectKind, Severity, inject, severity_of


def parts(mask: np.ndarray) -> int:
    return cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)[0] - 1


def injected(kind: DefectKind, seed: int) -> tuple[np.ndarray, np.ndarray, Defect]:
    artwork = draw_artwork(seed % 5)
    copper, defects = inject(artwork, (kind,), np.random.default_rng(seed))
    assert len(defects) == 1
    return artwork.copper, copper, defects[0]


@pytest.mark.parametrize("kind", list(DefectKind))
def test_box_holds_exactly_what_changed(kind: DefectKind) -> None:
    for seed in range(4):
        before, after, defect = injected(kind, seed)
        rows, columns = np.nonzero(before != after)
        assert defect.kind is kind
        assert defect.box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@pytest.mark.parametrize("kind", [DefectKind.SHORT, DefectKind.SPUR, DefectKind.SPURIOUS_COPPER])
def test_extra_copper_only_adds(kind: DefectKind) -> None:
    before, after, _ = injected(kind, 3)
    assert (after >= before).all()


@pytest.mark.parametrize("kind", [DefectKind.OPEN, DefectKind.MOUSE_BITE, DefectKind.PIN_HOLE, DefectKind.MISSING])
def test_lacking_copper_only_takes(kind: DefectKind) -> None:
    before, after, _ = injected(kind, 3)
    assert (after <= before).all()


def test_spurious_copper_touches_nothing() -> None:
    before, after, _ = injected(DefectKind.SPURIOUS_COPPER, 1)
    assert parts(after) == parts(before) + 1


def test_pin_hole_opens_one_gap_and_keeps_copper_whole() -> None:
    before, after, _ = injected(DefectKind.PIN_HOLE, 1)
    assert parts(after) == parts(before)
    assert parts(1 - after) == parts(1 - before) + 1


@pytest.mark.parametrize("kind", [DefectKind.MOUSE_BITE, DefectKind.SPUR])
def test_edge_defects_keep_connectivity(kind: DefectKind) -> None:
    before, after, _ = injected(kind, 2)
    assert parts(after) == parts(before)
    assert parts(1 - after) == parts(1 - before)


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), kinds=st.lists(st.sampled_from(list(DefectKind)), min_size=1, max_size=4))
def test_defects_lie_inside_and_apart(seed: int, kinds: list[DefectKind]) -> None:
    artwork = draw_artwork(seed % 3)
    copper, defects = inject(artwork, tuple(kinds), np.random.default_rng(seed))
    assert copper.shape == artwork.copper.shape
    assert len(defects) <= len(kinds)
    for index, one in enumerate(defects):
        x1, y1, x2, y2 = one.box
        assert 0 <= x1 < x2 <= 640
        assert 0 <= y1 < y2 <= 640
        for other in defects[index + 1 :]:
            a1, b1, a2, b2 = other.box
            assert x2 <= a1 or a2 <= x1 or y2 <= b1 or b2 <= y1


def test_severity_by_kind_and_size() -> None:
    assert severity_of(DefectKind.OPEN, 10) is Severity.REJECT
    assert severity_of(DefectKind.SPUR, 500) is Severity.REWORK
    assert severity_of(DefectKind.PIN_HOLE, 20) is Severity.REWORK
    assert severity_of(DefectKind.PIN_HOLE, 200) is Severity.REJECT


@pytest.mark.parametrize("variant", range(6))
def test_artwork_has_copper_with_room_around_it(variant: int) -> None:
    artwork = draw_artwork(variant)
    assert 0.08 < artwork.copper.mean() < 0.6
    assert len(artwork.pads) >= 10
    assert np.array_equal(artwork.copper, draw_artwork(variant).copper)
