"""Every command the README shows is run as it is shown, only shorter; a command this file does not know fails."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import pytest

from workcell_sim.embedded import activate
from workcell_sim.world.board import BOARD_LAYOUT as LAYOUT
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.camera import CameraModel
from workcell_sim.world.teach_golden import good_views

EMBEDDED = activate()
ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORKCELL = (sys.executable, "-m", "workcell_console.main")
DEADLINE_S = 240.0
GOOD_IMAGES = 4
SHORT_RUN = "--duration 12 --no-compare --no-twin --port 0 --speed 10"
# What is added to each command so that it is short; later options override earlier ones.
TABLE = {
    "workcell run --scenario vacuum_leak --speed 10": SHORT_RUN,
    "workcell run --boards DIR": SHORT_RUN,
    "workcell run --trace FILE": f"{SHORT_RUN} --historian parquet",
    "workcell history list": "",
    "workcell motion preview infeed_pick line:infeed_above camera_inspect": "--out out/move.html",
    "workcell compare --seeds 1-10 --scenario vacuum_leak": "--seeds 1 --duration 12 --no-twin",
    "workcell record --out BAG": "--duration 12",
    "workcell replay BAG": "",
    "workcell audit verify": "",
    "workcell tags check": "",
    "workcell teach 0 IMAGES": "",
}
WHILE_IT_RUNS = {
    "workcell launch cell.launch.py seed:=3": "port:=0 twin:=false out_dir:=out/launched",
    "workcell tags watch": "--seconds 2 --run-dir out/launched",
    "workcell policy status": "--run-dir out/launched",
    "workcell nodes": "--run-dir out/launched",
    "workcell topics": "--run-dir out/launched",
    "workcell echo TOPIC": "-n 1 --run-dir out/launched",
}
SHELL = {
    ".venv/bin/python -m workcell_sim.embedded examples/talker_listener.py",
    "make run",
    "make test",
    "rosdep install --from-paths src -y --ignore-src",
    "colcon build --packages-select workcell",
    "source install/setup.bash",
    "ros2 launch workcell cell.launch.py sim:=embedded",
    "ros2 launch workcell cell.launch.py sim:=mock",
    "ros2 launch workcell cell.launch.py sim:=real use_mock_hardware:=true",
    "ros2 launch workcell cell.launch.py sim:=gazebo",
}
needs_embedded = pytest.mark.skipif(not EMBEDDED, reason="these commands run on the embedded runtime")


def table_commands():
    """Commands of the table, with `topics` and `echo TOPIC` after `workcell nodes` read as commands too."""
    rows = "".join(re.findall(r"^\| (`workcell.*?`) \|", README, re.MULTILINE))
    texts = re.findall(r"`([^`]+)`", rows)
    return [text if text.startswith("workcell ") else f"workcell {text}" for text in texts]


def shell_commands():
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).splitlines()
    return [line.partition("#")[0].strip() for line in lines]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A working directory with a folder of boards and a trace in it."""
    place = tmp_path_factory.mktemp("readme")
    boards = place / "boards"
    boards.mkdir()
    factory = BoardFactory(1)
    margin, side = LAYOUT.margin_px, LAYOUT.artwork_px
    for variant in range(3):
        artwork = factory.golden_texture(variant)[margin : margin + side, margin : margin + side]
        for kind in ("temp", "test"):
            cv2.imwrite(str(boards / f"{variant:05d}_{kind}.jpg"), artwork)
        (boards / f"{variant:05d}.txt").write_text("", encoding="utf-8")
    (place / "good").mkdir()
    for number, view in enumerate(good_views(factory, CameraModel(), 0, GOOD_IMAGES)):
        cv2.imwrite(str(place / "good" / f"{number}.png"), view.image)
    rows = [f"2022-10-26T08:17:{second:02d}.000Z;0,5;25,0;False" for second in range(60)]
    heading = "Timestamp;Current_J0;Temperature_T0;Robot_ProtectiveStop"
    (place / "trace.csv").write_text("\n".join([heading, *rows]) + "\n", encoding="utf-8")
    return place


def arguments(command, extra):
    images = " ".join(f"good/{number}.png" for number in range(GOOD_IMAGES))
    filled = (
        command.replace("DIR", "boards")
        .replace("IMAGES", images)
        .replace("FILE", "trace.csv")
        .replace("BAG", "out/mine")
    )
    return shlex.split(filled.replace("TOPIC", "readings"))[1:] + shlex.split(extra)


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def test_this_file_knows_every_command():
    assert set(table_commands()) == {*TABLE, *WHILE_IT_RUNS}
    assert set(shell_commands()) == SHELL


@needs_embedded
@pytest.mark.parametrize("command", TABLE)
def test_a_command_of_the_table(folder, command):
    out = run(folder, *WORKCELL, *arguments(command, TABLE[command]))
    assert out.strip()
    if command.startswith("workcell run"):
        assert (folder / "out" / "latest" / "report.html").is_file()


@needs_embedded
def test_the_commands_for_a_running_cell(folder):
    launch, *looks = WHILE_IT_RUNS.items()
    command = [*WORKCELL, *arguments(*launch)]
    url = folder / "out" / "launched" / "url"
    with (folder / "launch.log").open("wb") as log:
        cell = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        deadline = time.monotonic() + DEADLINE_S
        while not url.is_file() or not url.read_text(encoding="utf-8"):
            assert cell.poll() is None, (folder / "launch.log").read_text(encoding="utf-8")[-2000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        for look in looks:
            assert run(folder, *WORKCELL, *arguments(*look)).strip()
        os.killpg(cell.pid, signal.SIGINT)
        assert cell.wait(DEADLINE_S) == 130
    finally:
        if cell.poll() is None:
            os.killpg(cell.pid, signal.SIGKILL)
            cell.wait()


def test_a_plain_program_runs():
    out = run(ROOT, sys.executable, "-m", "workcell_sim.embedded", "examples/talker_listener.py")
    assert "5 greetings heard" in out


@pytest.mark.parametrize("target", ["run", "test"])
def test_make_has_the_target(target):
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    assert run(ROOT, "make", "--dry-run", target).strip()


@pytest.mark.ros
@pytest.mark.skipif(EMBEDDED, reason="needs a sourced ROS 2")
def test_ros_2_knows_the_launch_file():
    out = run(ROOT, "ros2", "launch", "launch/cell.launch.py", "--show-args")
    assert "'sim'" in out
    assert "embedded" in out


@pytest.mark.parametrize("path", re.findall(r"\]\(([\w./-]+)\)", README))
def test_a_link_leads_somewhere(path):
    assert (ROOT / path).is_file()
