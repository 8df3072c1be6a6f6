"""A detector of the user's own: plugged in by a file, and clear about what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from onnx_models import SETTINGS, save_detector

from workcell_perception.defects import DefectClass
from workcell_perception.errors import GoldenError
from workcell_perception.onnx_inspector import OnnxInspector, load_detector
from workcell_ros.errors import ConfigError

DARK = np.zeros((320, 320), dtype=np.uint8)


def test_detection_is_scaled_to_the_image(tmp_path: Path) -> None:
    findings = OnnxInspector(load_detector(save_detector(tmp_path))).inspect(DARK, 0)
    assert [(item.kind, item.box) for item in findings.defects] == [(DefectClass.SPURIOUS_COPPER, (140, 140, 160, 160))]
    assert findings.score == pytest.approx(0.9)


def test_missing_runtime_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    detector = load_detector(save_detector(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(GoldenError, match=r"needs onnxruntime, which is not installed; pip install 'workcell\[onnx\]'"):
        OnnxInspector(detector)


def test_damaged_file_is_named(tmp_path: Path) -> None:
    detector = load_detector(save_detector(tmp_path))
    (tmp_path / "detector.onnx").write_bytes(b"no model")
    with pytest.raises(GoldenError, match=r"detector\.onnx: cannot be loaded"):
        OnnxInspector(detector)


def test_answer_of_another_form_is_refused(tmp_path: Path) -> None:
    inspector = OnnxInspector(load_detector(save_detector(tmp_path, columns=5)))
    with pytest.raises(GoldenError, match=r"answers with shape \(1, 5\)"):
        inspector.inspect(DARK, 0)


def test_image_it_cannot_take_is_told(tmp_path: Path) -> None:
    inspector = OnnxInspector(load_detector(save_detector(tmp_path, SETTINGS + "width_px: 320\n")))
    with pytest.raises(GoldenError, match="does not take this image"):
        inspector.inspect(DARK, 0)


def test_class_without_a_name_is_refused(tmp_path: Path) -> None:
    inspector = OnnxInspector(load_detector(save_detector(tmp_path, "model: detector.onnx\nclasses: [open]\n")))
    with pytest.raises(GoldenError, match="answers class 1; named are 0 to 0"):
        inspector.inspect(DARK, 0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("classes: [open]\n", "model"),
        ("model: a.onnx\nclasses: [crack]\n", "crack"),
        ("model: a.onnx\nclasses: [open]\nwidth_px: 0\n", "width_px"),
        ("model: a.onnx\nclasses: [open]\nchannels: 2\n", "channels"),
        ("model: a.onnx\nclasses: [open]\ncolour: red\n", "colour"),
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "detector.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=problem):
        load_detector(file)
