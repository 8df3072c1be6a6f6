"""What every inspector keeps to, whatever it looks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from board_views import golden
from onnx_models import save_detector
from test_learn_defects import learned

from workcell_perception.errors import GoldenError
from workcell_perception.golden import GoldenStore
from workcell_perception.inspector import INSPECTORS, Findings, Inspector, surface_name
from workcell_perception.model_store import ModelStore
from workcell_perception.surface import learn_surface

VARIANT = 0


def variations(count: int, seed: int) -> list[np.ndarray]:
    """Good parts as a camera sees them: the reference with noise, in other light."""
    rng = np.random.default_rng(seed)
    mean = golden(VARIANT).mean.astype(np.float64)
    return [
        np.clip(mean * rng.uniform(0.85, 1.1) + rng.normal(0, 2.5, mean.shape), 0, 255).astype(np.uint8)
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    GoldenStore(root).save(golden(VARIANT))
    learned().model.save(root)
    ModelStore(root).save(surface_name(VARIANT), learn_surface(variations(8, seed=1)).to_arrays(), {})
    save_detector(root)
    return root


@pytest.fixture(params=sorted(INSPECTORS))
def make(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Inspector]:
    return lambda: INSPECTORS[request.param](GoldenStore(folder))


def stained(image: np.ndarray) -> np.ndarray:
    spoilt = image.copy()
    cv2.circle(spoilt, (300, 300), 18, 5, -1)
    cv2.circle(spoilt, (400, 200), 18, 250, -1)
    return spoilt


def check_form(findings: Findings, side: int) -> None:
    assert 0.0 <= findings.score <= 1.0
    scores = [defect.score for defect in findings.defects]
    assert scores == sorted(scores, reverse=True)
    for defect in findings.defects:
        x1, y1, x2, y2 = defect.box
        assert 0 <= x1 < x2 <= side
        assert 0 <= y1 < y2 <= side
        assert 0.0 <= defect.score <= 1.0
    if findings.heat_map is not None:
        assert findings.heat_map.ndim == 2
        assert np.isfinite(findings.heat_map).all()


def test_spoilt_part_is_found(make: Callable[[], Inspector]) -> None:
    findings = make().inspect(stained(variations(1, seed=5)[0]), VARIANT)
    check_form(findings, 640)
    assert findings.defects
    assert findings.score > 0.5


def test_good_parts_are_not(make: Callable[[], Inspector]) -> None:
    inspector = make()
    for image in variations(4, seed=6):
        findings = inspector.inspect(image, VARIANT)
        check_form(findings, 640)
        assert [defect for defect in findings.defects if defect.score > 0.5] == []


def test_reloaded_inspector_gives_the_same_to_the_last_bit(make: Callable[[], Inspector]) -> None:
    image = stained(variations(1, seed=7)[0])
    first, again = (make().inspect(image, VARIANT) for _ in range(2))
    assert first.defects == again.defects
    assert np.array([first.score]).tobytes() == np.array([again.score]).tobytes()
    maps = [item.heat_map.tobytes() for item in (first, again) if item.heat_map is not None]
    assert len(set(maps)) <= 1


def test_image_is_left_alone(make: Callable[[], Inspector]) -> None:
    image = stained(variations(1, seed=8)[0])
    before = image.copy()
    make().inspect(image, VARIANT)
    assert (image == before).all()


@pytest.mark.parametrize("level", [0, 255])
def test_blank_image_is_answered(make: Callable[[], Inspector], level: int) -> None:
    check_form(make().inspect(np.full((640, 640), level, dtype=np.uint8), VARIANT), 640)


@pytest.mark.parametrize("name", ["golden", "learned", "surface"])
def test_what_was_not_taught_is_named(name: str, folder: Path) -> None:
    inspector = INSPECTORS[name](GoldenStore(folder))
    with pytest.raises(GoldenError, match="7"):
        inspector.inspect(variations(1, seed=1)[0], 7)
    with pytest.raises(GoldenError, match="image is 320x320"):
        inspector.inspect(np.zeros((320, 320), dtype=np.uint8), VARIANT)
