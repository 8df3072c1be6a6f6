from __future__ import annotations

import cv2
import numpy as np

from workcell_perception.annotate import annotate, to_jpeg
from workcell_perception.defects import DefectClass, FoundDefect
from workcell_perception.station import Inspection
from workcell_perception.verdict import Outcome, Verdict, unsure

GREY = np.full((640, 640), 120, dtype=np.uint8)


def test_defect_is_framed_on_the_rectified_board() -> None:
    defect = FoundDefect(DefectClass.OPEN, (300, 300, 330, 330), 80, 0.9)
    verdict = Verdict(Outcome.REJECT, "open", ((Outcome.REJECT, 0.9),))
    drawn = annotate(Inspection(verdict, (defect,), rectified=GREY), np.zeros((480, 640), dtype=np.uint8))
    assert drawn.shape == (640, 640, 3)
    assert (drawn[294, 300:330] != 120).all(axis=1).all()
    assert (drawn[310:320, 310:320] == 120).all()


def test_odd_places_are_reddened() -> None:
    heat_map = np.ones((80, 80), dtype=np.float32)
    heat_map[40, 40] = 9.0
    drawn = annotate(Inspection(unsure("odd"), rectified=GREY, heat_map=heat_map), GREY)
    blue, _, red = drawn[324, 324]
    assert red > 150
    assert blue < 80
    assert (drawn[100, 100] == 120).all()


def test_without_a_board_the_image_itself_is_shown() -> None:
    drawn = annotate(Inspection(unsure("no part")), np.zeros((480, 640), dtype=np.uint8))
    assert drawn.shape == (480, 640, 3)
    assert drawn[10, 600].any()


def test_jpeg_decodes_to_the_same_size() -> None:
    decoded = cv2.imdecode(np.frombuffer(to_jpeg(annotate(Inspection(unsure("x")), GREY)), np.uint8), cv2.IMREAD_COLOR)
    assert decoded.shape == (640, 640, 3)
