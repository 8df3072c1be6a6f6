"""How much an image is blurred beyond its reference, and what comparison makes of it."""

from __future__ import annotations

import numpy as np
import pytest
from board_views import defective_texture, golden, good_texture, view

from workcell_perception.blur import LADDER_PX, BlurMatcher, blurred
from workcell_perception.comparison import Comparator
from workcell_perception.registration import Registrar
from workcell_sim.world.defects import DefectKind


@pytest.mark.parametrize("rung", range(len(LADDER_PX)))
def test_blur_is_matched(rung: int) -> None:
    reference = golden(0).mean
    noise = np.random.default_rng(1).normal(0, 2, reference.shape)
    image = np.clip(blurred(reference, LADDER_PX[rung]) + noise, 0, 255).astype(np.uint8)
    assert abs(BlurMatcher(reference).match(image) - rung) <= 1
    assert BlurMatcher(reference).match(reference) == 0


def test_plain_reference_matches_no_blur() -> None:
    plain = np.full((640, 640), 90, dtype=np.uint8)
    assert BlurMatcher(plain).match(plain) == 0


@pytest.mark.parametrize("sigma_px", [1.0, 1.8])
@pytest.mark.parametrize("kind", [DefectKind.PIN_HOLE, DefectKind.SPUR])
def test_defocused_board_is_judged_as_a_sharp_one(sigma_px: float, kind: DefectKind) -> None:
    comparator, registrar = Comparator(golden(0)), Registrar()
    image = view(good_texture(0))
    registration = registrar.locate(image)
    good = registrar.rectify(blurred(image, sigma_px), registration)
    assert comparator.compare(good).regions == ()
    bad = view(defective_texture(kind)[0])
    assert comparator.compare(registrar.rectify(blurred(bad, sigma_px), registration)).regions != ()
