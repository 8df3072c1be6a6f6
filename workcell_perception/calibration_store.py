"""Keeps calibrations by version: `v0001.yaml`, a ROS camera calibration file that also tells how it came about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from workcell_perception.charuco import CameraResult
from workcell_perception.hand_eye import HandEye


def save_calibration(folder: str | Path, result: CameraResult, hand_eye: HandEye | None, mount: str) -> Path:
    """Writes the next version into a folder; returns its file. `mount` is what the camera is fixed to: base or tool."""
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    taken = [int(path.stem[1:]) for path in root.glob("v*.yaml") if path.stem[1:].isdigit()]
    version = max(taken, default=0) + 1
    facts: dict[str, Any] = {
        "version": version,
        "reprojection_error_px": round(result.error_px, 4),
        "views": {view.name: round(view.error_px, 4) for view in result.views},
        "refused": dict(result.refused),
    }
    if hand_eye is not None:
        facts["hand_eye"] = {
            "camera_in": mount,
            "transform": [[float(value) for value in row] for row in hand_eye.transform],
            "rotation_error_rad": hand_eye.rotation_error_rad,
            "translation_error_m": hand_eye.translation_error_m,
        }
    file = root / f"v{version:04d}.yaml"
    result.calibration.save(file)
    with file.open("a", encoding="utf-8") as stream:
        yaml.safe_dump({"workcell": facts}, stream, sort_keys=False)
    return file


def newest_calibration(path: str | Path) -> Path:
    """The newest version in a folder of calibrations; any other path is returned as it is."""
    root = Path(path)
    versions = sorted(root.glob("v[0-9]*.yaml")) if root.is_dir() else []
    return versions[-1] if versions else root
