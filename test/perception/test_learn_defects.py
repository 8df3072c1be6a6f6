"""A classifier learned from simulated boards with known defects."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_perception.comparison import Comparator
from workcell_perception.defect_model import (
    MODEL_NAME,
    SENSITIVE_COMPARISON,
    BoxRule,
    DefectModel,
    ScoreCalibration,
    load_defect_model,
)
from workcell_perception.defects import DefectClass
from workcell_perception.errors import GoldenError
from workcell_perception.learn_defects import Example, LearnedDefects, learn_defects, make_example
from workcell_perception.region_features import FEATURES
from workcell_perception.scoring import LabelledDefect
from workcell_perception.teach import teach_clean
from workcell_sim.world.artwork import draw_artwork, paint
from workcell_sim.world.defects import DefectKind, inject

KINDS = (DefectKind.OPEN, DefectKind.SHORT, DefectKind.SPURIOUS_COPPER, DefectKind.PIN_HOLE)


@lru_cache(maxsize=4)
def comparator(variant: int) -> Comparator:
    return Comparator(teach_clean(paint(draw_artwork(variant).copper), variant=variant), SENSITIVE_COMPARISON)


def part_of(variant: int, seed: int) -> tuple[np.ndarray, tuple[LabelledDefect, ...]]:
    rng = np.random.default_rng([seed, variant])
    copper, defects = inject(draw_artwork(variant), KINDS, rng)
    noisy = np.clip(paint(copper) + rng.normal(0, 4, copper.shape), 0, 255).astype(np.uint8)
    widened = BoxRule(margin_px=10.0)
    return noisy, tuple(LabelledDefect(DefectClass(item.kind.value), widened.around(item.box, 640)) for item in defects)


def example(variant: int, seed: int) -> Example:
    return make_example(comparator(variant), *part_of(variant, seed))


@lru_cache(maxsize=1)
def learned() -> LearnedDefects:
    return learn_defects([example(variant, seed) for variant in (0, 1) for seed in range(6)], trees=25)


def test_learned_model_finds_and_names_on_an_artwork_it_has_not_seen() -> None:
    part, labels = part_of(2, 77)
    model = learned().model
    found = [item for item in model.find(comparator(2), part) if item.score >= model.certain_score_min]
    assert sorted(item.kind for item in found) == sorted(label.kind for label in labels)


def test_validation_is_reported_class_by_class() -> None:
    report = learned().report()
    assert "learned from 12 parts" in report
    assert all(f"| {kind.value} |" in report for kind in KINDS)
    assert learned().overall.f > 0.8


def test_saved_and_reloaded_model_finds_the_same_to_the_last_bit(tmp_path) -> None:
    part, _ = part_of(2, 78)
    file = learned().model.save(tmp_path, learned().report())
    assert file.with_suffix(".md").is_file()
    first, again = (model.find(comparator(2), part) for model in (learned().model, load_defect_model(tmp_path)))
    assert first == again
    assert np.array([item.score for item in first]).tobytes() == np.array([item.score for item in again]).tobytes()


def test_damaged_or_foreign_model_is_refused(tmp_path) -> None:
    with pytest.raises(GoldenError, match="no model defects"):
        load_defect_model(tmp_path)
    file = learned().model.save(tmp_path)
    manifest = file.with_suffix(".json")
    manifest.write_text(manifest.read_text().replace('"roundness"', '"squareness"'))
    with pytest.raises(GoldenError, match="other features"):
        load_defect_model(tmp_path)
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(GoldenError, match=f"{MODEL_NAME}.*does not match its manifest"):
        load_defect_model(tmp_path)


def test_too_few_parts_teach_nothing() -> None:
    with pytest.raises(GoldenError, match="3 labelled parts, need 10"):
        learn_defects([example(0, seed) for seed in range(3)])


def test_model_with_other_classes_is_refused() -> None:
    with pytest.raises(GoldenError, match="teach it again"):
        DefectModel(learned().model.forest, (DefectClass.OPEN,), BoxRule(), 0.5)


def test_features_are_finite_and_one_row_per_region() -> None:
    sample = example(1, 99)
    assert sample.features.shape == (len(sample.comparison.regions), len(FEATURES))
    assert np.isfinite(sample.features).all()


def test_equal_board_has_no_region() -> None:
    part = paint(draw_artwork(0).copper)
    assert make_example(comparator(0), part, ()).features.shape == (0, len(FEATURES))


@pytest.mark.parametrize("shift_px", [(3, -2), (-5, 4)])
def test_boxes_are_where_the_board_as_given_shows_the_defect(shift_px: tuple[int, int]) -> None:
    part, labels = part_of(2, 80)
    moved = np.roll(part, shift_px[::-1], axis=(0, 1))
    found = learned().model.find(comparator(2), moved)
    for label in labels:
        middle = [(label.box[0] + label.box[2]) / 2 + shift_px[0], (label.box[1] + label.box[3]) / 2 + shift_px[1]]
        assert any(
            item.box[0] <= middle[0] <= item.box[2] and item.box[1] <= middle[1] <= item.box[3] for item in found
        )


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.1, 5.0), st.floats(-3.0, 3.0))
def test_calibrated_score_is_a_probability_that_rises_with_the_votes(first, second, slope, offset) -> None:
    calibration = ScoreCalibration(slope, offset)
    low, high = (calibration.probability(share) for share in sorted((first, second)))
    assert 0.0 <= low <= high <= 1.0


def test_scores_are_calibrated_on_parts_not_seen() -> None:
    assert learned().model.calibration != ScoreCalibration()
