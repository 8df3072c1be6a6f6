"""The page's 3D view: the robot description as it is published, drawn, and moving with the joints."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pinocchio as pin
import pytest

from workcell_control.motion.description import load_description

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
CHROMEDRIVER = shutil.which("chromedriver")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--window-size=1300,1000",
)
TIMEOUT_S = 60.0
URDF = Path(__file__).parents[2] / "urdf" / "cell.urdf.xacro"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.embedded("the stand-in robot runs on the embedded runtime's own clock"),
    pytest.mark.skipif(CHROMIUM is None or CHROMEDRIVER is None, reason="no chromium with chromedriver is installed"),
]
selenium = pytest.importorskip("selenium", reason="selenium is not installed (pip install 'workcell[test]')")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder of a console beside a stand-in robot."""
    place = tmp_path_factory.mktemp("scene")
    command = [sys.executable, str(Path(__file__).with_name("posing_robot.py")), str(place)]
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        yield place
        process.send_signal(signal.SIGINT)
        process.wait(TIMEOUT_S)


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """A Chromium that draws WebGL in software."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(CHROMEDRIVER))
    yield driver
    driver.quit()


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


def test_the_view_draws_the_published_description_where_the_joints_put_it(browser, folder):
    from posing_robot import POSES
    from selenium.webdriver.support.ui import WebDriverWait

    def until(holds):
        log = (folder / "log").read_text(encoding="utf-8")[-2000:]
        return WebDriverWait(browser, TIMEOUT_S, poll_frequency=0.1).until(lambda _driver: holds(), message=log)

    until(lambda: (folder / "url").is_file() and (folder / "url").read_text(encoding="utf-8"))
    browser.get((folder / "url").read_text(encoding="utf-8"))
    canvas = browser.find_element("id", "scene")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", canvas)

    def stands_at(tip):
        told = canvas.get_attribute("data-tip")
        return bool(told) and np.allclose(np.array(told.split(), dtype=float), tip, atol=2e-3)

    pictures = []
    for index, position in enumerate(POSES):
        (folder / "pose").write_text(str(index))
        until(partial(stands_at, tip_of(position)))
        pictures.append(pixels(canvas))
    assert browser.find_element("id", "scene-note").text == ""
    background = pictures[0][2, 2].astype(int)
    drawn = (np.abs(pictures[0].astype(int) - background).sum(axis=2) > 30).mean()
    assert 0.05 < drawn < 0.8
    assert (np.abs(pictures[0].astype(int) - pictures[1].astype(int)).sum(axis=2) > 30).mean() > 0.005
