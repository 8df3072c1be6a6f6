"""A detector of the user's own, as an ONNX file, described by `detector.yaml` in the folder of models.

The file takes one image, float32 0..1, shape (1, channels, height, width), and gives either boxes with scores and
classes in one array (n, 6) or (1, n, 6): x1 y1 x2 y2 score class, in pixels of its input.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.errors import GoldenError
from workcell_perception.inspector import Findings, findings_of
from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError

ImageU8 = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float64]

CHANNELS = (1, 3)
_COLUMNS = 6


@dataclass(frozen=True)
class DetectorSettings:
    """A detector: `model` is the ONNX file beside its YAML file, `classes` what the class numbers 0, 1, ... mean."""

    model: str
    classes: tuple[DefectClass, ...]
    width_px: int = 640
    height_px: int = 640
    channels: int = 1
    score_min: float = 0.05


def load_detector(file: str | Path) -> tuple[DetectorSettings, Path]:
    """Reads a detector's YAML file; returns its settings and the ONNX file.

    Raises:
        ConfigError: the file is missing, or a key or value in it cannot be used.
    """
    data = load_yaml(file)
    check_keys(file, "", data, (item.name for item in fields(DetectorSettings)))
    names = [kind.value for kind in DefectClass]
    for key in ("model", "classes"):
        if key not in data:
            raise ConfigError(file, key, "is missing", "an ONNX file's name, and a list of classes")
    for kind in data["classes"]:
        if kind not in names:
            raise ConfigError(file, "classes", f"{kind!r} is no class of defect", names)
    for key in ("width_px", "height_px", "channels"):
        if key in data and (not isinstance(data[key], int) or data[key] < 1):
            raise ConfigError(file, key, f"{data[key]!r} does not fit", "a whole number of at least 1")
    if data.get("channels", 1) not in CHANNELS:
        raise ConfigError(file, "channels", f"{data['channels']!r} does not fit", map(str, CHANNELS))
    settings = DetectorSettings(**{**data, "classes": tuple(DefectClass(kind) for kind in data["classes"])})
    return settings, Path(file).parent / settings.model


class OnnxInspector:
    """Runs the user's detector on one core.

    Raises:
        GoldenError: onnxruntime is not installed, or the file cannot be loaded.
    """

    def __init__(self, detector: tuple[DetectorSettings, Path]) -> None:
        self._settings, self._file = detector
        try:
            import onnxruntime
        except ImportError:
            remedy = "pip install 'workcell[onnx]'"
            raise GoldenError(f"{self._file}: a detector needs onnxruntime, which is not installed; {remedy}") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(self._file), options, providers=["CPUExecutionProvider"]
            )
        # onnxruntime raises classes of its own that have no other base.
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise GoldenError(f"{self._file}: cannot be loaded as a detector ({reason})") from None
        self._input = self._session.get_inputs()[0].name

    def inspect(self, rectified: ImageU8, variant: int) -> Findings:
        """Runs the detector; it is the same for every variant. Raises GoldenError where its answer has another form."""
        settings = self._settings
        image = cv2.resize(rectified, (settings.width_px, settings.height_px), interpolation=cv2.INTER_AREA)
        plane = np.asarray(image, dtype=np.float32) / np.float32(255.0)
        planes = np.broadcast_to(plane, (1, settings.channels, *plane.shape))
        try:
            answer = np.asarray(self._session.run(None, {self._input: np.ascontiguousarray(planes)})[0])
        except Exception as error:
            reason = str(error).splitlines()[0]
            raise GoldenError(f"{self._file}: does not take this image ({reason})") from None
        rows = answer.reshape(-1, answer.shape[-1]) if answer.ndim >= 2 else answer
        if rows.ndim != 2 or rows.shape[1] != _COLUMNS:
            raise GoldenError(f"{self._file}: answers with shape {answer.shape}; needed is (n, {_COLUMNS})")
        return findings_of(self._defects(np.asarray(rows, dtype=np.float64), rectified.shape))

    def _defects(self, rows: FloatArray, shape: tuple[int, ...]) -> tuple[FoundDefect, ...]:
        settings = self._settings
        scale = np.array([shape[1] / settings.width_px, shape[0] / settings.height_px] * 2)
        found = []
        for row in rows[rows[:, 4] >= settings.score_min]:
            x1, y1, x2, y2 = (round(float(n)) for n in row[:4] * scale)
            box = (max(x1, 0), max(y1, 0), min(x2, shape[1]), min(y2, shape[0]))
            index = int(row[5])
            if not 0 <= index < len(settings.classes):
                raise GoldenError(f"{self._file}: answers class {index}; named are 0 to {len(settings.classes) - 1}")
            if box[0] < box[2] and box[1] < box[3]:
                area_px = (box[2] - box[0]) * (box[3] - box[1])
                found.append(FoundDefect(settings.classes[index], box, area_px, min(float(row[4]), 1.0)))
        return tuple(sorted(found, key=lambda defect: (-defect.score, defect.box)))
