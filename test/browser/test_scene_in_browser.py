"""The page's 3D view: the robot description as it is published, drawn, and moving with the joints."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from workcell_control.motion.description import load_description

URDF = Path(__file__).parents[2] / "urdf" / "cell.urdf.xacro"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.embedded("the stand-in robot runs on the embedded runtime's own clock"),
]


def tip_of(position):
    """Where the description has the gripper's tip, by another library than the page's."""
    model = pin.buildModelFromXML(load_description(URDF, {"sim": "embedded"}))
    data = model.createData()
    pin.framesForwardKinematics(model, data, np.array(position))
    return data.oMf[model.getFrameId("gripper_tcp")].translation


def pixels(canvas):
    import cv2

    png = np.frombuffer(canvas.screenshot_as_png, np.uint8)
    return cv2.imdecode(png, cv2.IMREAD_COLOR)


def test_the_view_draws_the_published_description_where_the_joints_put_it(browser, serve, until):
    from posing_robot import POSES

    folder = serve("posing_robot.py")
    log = folder / "log"
    until(lambda: (folder / "url").is_file() and (folder / "url").read_text(encoding="utf-8"), log)
    browser.get((folder / "url").read_text(encoding="utf-8"))
    canvas = browser.find_element("id", "scene")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)

    def stands_at(tip):
        told = canvas.get_attribute("data-tip")
        return bool(told) and np.allclose(np.array(told.split(), dtype=float), tip, atol=2e-3)

    pictures = []
    for index, position in enumerate(POSES):
        (folder / "pose").write_text(str(index))
        until(partial(stands_at, tip_of(position)), log)
        pictures.append(pixels(canvas))
    assert browser.find_element("id", "scene-note").text == ""
    background = pictures[0][2, 2].astype(int)
    drawn = (np.abs(pictures[0].astype(int) - background).sum(axis=2) > 30).mean()
    assert 0.05 < drawn < 0.8
    assert (np.abs(pictures[0].astype(int) - pictures[1].astype(int)).sum(axis=2) > 30).mean() > 0.005
