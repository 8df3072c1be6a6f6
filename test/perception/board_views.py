"""Views of simulated boards, and golden references taught from them, for the perception's tests."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from workcell_perception.golden import GoldenReference
from workcell_perception.registration import Registrar
from workcell_perception.teach import teach
from workcell_sim.world.artwork import draw_artwork, paint
from workcell_sim.world.board import BoardFactory, assemble
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.defects import Defect, DefectKind, inject
from workcell_sim.world.teach_golden import calibration_of, good_views, held_pose

ImageU8 = npt.NDArray[np.uint8]

CAMERA = CameraModel()
CALIBRATION = calibration_of(CAMERA)
FACTORY = BoardFactory(11, variants=4, defect_rate=0.5)
EXPOSURE_S = 0.004


def view(
    texture: ImageU8 | None,
    *,
    seed: int = 0,
    shift_m: tuple[float, float] = (0.001, -0.001),
    turn_rad: float = 0.02,
    exposure_s: float = EXPOSURE_S,
    light: float = 1.0,
    velocity: tuple[float, float] = (0.0, 0.0),
) -> ImageU8:
    """One image of a board held as given."""
    pose = held_pose(CAMERA, *shift_m, turn_rad)
    return CAMERA.render(texture, pose, exposure_s, light, velocity, np.random.default_rng(seed))


def good_texture(variant: int = 0) -> ImageU8:
    """Face of a good board."""
    return FACTORY.golden_texture(variant)


def defective_texture(kind: DefectKind, variant: int = 0, seed: int = 0) -> tuple[ImageU8, Defect]:
    """Face of a board with one defect, and the truth."""
    artwork = draw_artwork(variant)
    copper, defects = inject(artwork, (kind,), np.random.default_rng([seed, variant]))
    return assemble(paint(copper), variant), defects[0]


@lru_cache(maxsize=8)
def golden(variant: int = 0) -> GoldenReference:
    """A variant's reference, taught from five views."""
    return teach(good_views(FACTORY, CAMERA, variant), CALIBRATION, Registrar(), variant=variant).golden
