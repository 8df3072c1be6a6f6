"""Teaches the golden references of the simulated cell: renders good views through its camera.

`python -m workcell_sim.world.teach_golden --out DIR [--variants N | --boards DIR]`
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from workcell_perception.calibration import Calibration
from workcell_perception.golden import GoldenStore
from workcell_perception.registration import Registrar
from workcell_perception.teach import TeachImage, teach
from workcell_ros.errors import WorkcellError
from workcell_sim.world.board import DEFAULT_VARIANTS, BoardFactory
from workcell_sim.world.camera import CameraModel

FloatArray = npt.NDArray[np.float64]

VIEWS = 5
EXPOSURE_S = 0.004
SHIFT_MAX_M = 0.002
ROTATION_MAX_RAD = 0.05
_SEED = 7
_EXIT_CONFIG = 2


def held_pose(camera: CameraModel, x_m: float, y_m: float, rotation_rad: float) -> FloatArray:
    """T_camera_board of a board held off centre and turned in its plane, shape (4, 4)."""
    pose = camera.nominal_pose.copy()
    cos, sin = np.cos(rotation_rad), np.sin(rotation_rad)
    pose[:2, :2] = [[cos, -sin], [sin, cos]]
    pose[:2, 3] = x_m, y_m
    return pose


def calibration_of(camera: CameraModel) -> Calibration:
    """The simulated camera's calibration."""
    matrix = tuple(float(value) for value in camera.intrinsics.ravel())
    distortion = tuple(float(value) for value in camera.distortion)
    return Calibration(camera.width_px, camera.height_px, matrix, distortion)


def good_views(factory: BoardFactory, camera: CameraModel, variant: int, views: int = VIEWS) -> Iterator[TeachImage]:
    """Renders good boards of a variant as the camera would see them, held a little differently each time."""
    rng = np.random.default_rng([_SEED, variant])
    texture = factory.golden_texture(variant)
    for view in range(views):
        x_m, y_m = rng.uniform(-SHIFT_MAX_M, SHIFT_MAX_M, size=2)
        pose = held_pose(camera, x_m, y_m, rng.uniform(-ROTATION_MAX_RAD, ROTATION_MAX_RAD))
        image = camera.render(texture, pose, EXPOSURE_S, 1.0, (0.0, 0.0), rng)
        yield TeachImage(f"variant {variant} view {view}", image, EXPOSURE_S)


def teach_goldens(
    factory: BoardFactory,
    golden_dir: str | Path,
    camera: CameraModel | None = None,
    variants: Iterable[int] | None = None,
    views: int = VIEWS,
) -> tuple[int, ...]:
    """Teaches every variant of a factory that a golden folder lacks or knows from another artwork or camera.

    Calling it before every start is right: it does nothing where all is taught. Returns the variants taught.

    Raises:
        GoldenError: a variant could not be taught.
        ConfigError: a board image of the factory's folder cannot be used.
    """
    model = camera or CameraModel()
    store = GoldenStore(golden_dir)
    calibration, registrar = calibration_of(model), Registrar()
    taught = []
    for variant in factory.variants if variants is None else variants:
        source = _source_of(factory, model, variant)
        if store.source(variant) == source:
            continue
        lesson = teach(good_views(factory, model, variant, views), calibration, registrar, variant=variant)
        store.save(replace(lesson.golden, source=source))
        taught.append(variant)
    return tuple(taught)


def _source_of(factory: BoardFactory, camera: CameraModel, variant: int) -> str:
    """Names a variant's artwork as this camera sees it."""
    digest = hashlib.sha256(factory.golden_texture(variant).tobytes())
    digest.update(repr(camera).encode())
    return digest.hexdigest()


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    parser = argparse.ArgumentParser(prog="teach_golden", description=__doc__)
    parser.add_argument("--out", required=True, type=Path, help="golden folder to write")
    parser.add_argument("--variants", type=int, default=len(DEFAULT_VARIANTS), help="how many procedural variants")
    parser.add_argument("--boards", type=Path, default=None, help="folder of real boards to teach instead")
    options = parser.parse_args(args)
    try:
        factory = BoardFactory(0, variants=options.variants, boards_dir=options.boards)
        taught = teach_goldens(factory, options.out)
    except WorkcellError as error:
        print(f"error: {error}", file=sys.stderr)
        return _EXIT_CONFIG
    print(f"{options.out}: taught {len(taught)} of {len(factory.variants)} variants, the others were there")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
