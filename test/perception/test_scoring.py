"""The data set's rules of scoring."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.scoring import (
    LabelledDefect,
    ScoredImage,
    iou,
    mean_average_precision,
    score_classes,
    score_images,
)

OPEN, SHORT = DefectClass.OPEN, DefectClass.SHORT
LEFT, RIGHT, FAR = (0, 0, 20, 20), (100, 0, 120, 20), (300, 300, 320, 320)

boxes = st.builds(
    lambda x, y, w, h: (x, y, x + w, y + h),
    *(st.integers(0, 50), st.integers(0, 50), st.integers(1, 50), st.integers(1, 50)),
)


def found(kind: DefectClass, box, score: float) -> FoundDefect:
    return FoundDefect(kind, box, 10, score)


def image(*finds: FoundDefect, labels: tuple[LabelledDefect, ...]) -> ScoredImage:
    return ScoredImage(finds, labels)


TWO = (LabelledDefect(OPEN, LEFT), LabelledDefect(SHORT, RIGHT))


@given(boxes, boxes)
def test_iou_is_symmetric_and_one_for_itself(first, second) -> None:
    assert iou(first, second) == iou(second, first)
    assert 0.0 <= iou(first, second) <= 1.0
    assert iou(first, first) == 1.0


def test_all_found_scores_one() -> None:
    score = score_images([image(found(OPEN, LEFT, 0.9), found(SHORT, RIGHT, 0.8), labels=TWO)])
    assert (score.average_precision, score.precision, score.recall, score.f) == (1.0, 1.0, 1.0, 1.0)


def test_average_precision_is_precision_at_the_rank_of_each_right_find() -> None:
    finds = (found(OPEN, LEFT, 0.9), found(OPEN, FAR, 0.8), found(SHORT, RIGHT, 0.7))
    score = score_images([image(*finds, labels=TWO)])
    assert score.average_precision == pytest.approx((1 / 1 + 2 / 3) / 2)
    assert score.precision == pytest.approx(2 / 3)


def test_wrong_class_takes_the_label_and_is_wrong() -> None:
    finds = (found(SHORT, LEFT, 0.9), found(OPEN, LEFT, 0.8))
    score = score_images([image(*finds, labels=TWO[:1])])
    assert score.recall == 0.0


def test_overlap_of_exactly_the_limit_does_not_count() -> None:
    label = (LabelledDefect(OPEN, (0, 0, 100, 100)),)
    assert score_images([image(found(OPEN, (0, 0, 33, 100), 1.0), labels=label)]).recall == 0.0
    assert score_images([image(found(OPEN, (0, 0, 34, 100), 1.0), labels=label)]).recall == 1.0


def test_second_find_of_one_defect_is_wrong() -> None:
    finds = (found(OPEN, LEFT, 0.9), found(OPEN, LEFT, 0.8))
    score = score_images([image(*finds, labels=TWO[:1])])
    assert (score.precision, score.recall, score.average_precision) == (0.5, 1.0, 1.0)


def test_least_score_leaves_out() -> None:
    finds = (found(OPEN, LEFT, 0.9), found(OPEN, FAR, 0.4))
    assert score_images([image(*finds, labels=TWO[:1])], score_min=0.5).precision == 1.0


def test_each_class_is_scored_for_itself() -> None:
    classes = score_classes([image(found(OPEN, LEFT, 0.9), labels=TWO)])
    assert [classes[kind].recall for kind in (OPEN, SHORT)] == [1.0, 0.0]
    assert mean_average_precision(classes) == 0.5


def test_nothing_scores_nothing() -> None:
    assert score_images([]).f == 0.0
    assert mean_average_precision({}) == 0.0
