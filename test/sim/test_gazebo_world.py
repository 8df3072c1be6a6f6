"""Gazebo's world file, the arm's additions, the bridge and the boards' files: the numbers of the embedded world."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import mujoco
import numpy as np
import numpy.typing as npt
import pytest
import yaml
from world_rig import ROOT, STATION_FILE, base_config

from workcell_console.cell_arguments import CellArguments
from workcell_control.motion.description import load_description
from workcell_ros.errors import ConfigError
from workcell_sim.gazebo.belt import ROLLER_RADIUS_M, BeltConfig
from workcell_sim.gazebo.board_files import BoardFiles, Plate, Spawn, model_of
from workcell_sim.gazebo.bridge import load_bridge
from workcell_sim.gazebo.exposure import expose
from workcell_sim.gazebo.gazebo_parameters import GazeboWorldParameters
from workcell_sim.gazebo.setup import gazebo_setup
from workcell_sim.world.board import BoardFactory
from workcell_sim.world.camera_station import camera_model_of
from workcell_sim.world.station import load_station

WORLD_FILE = ROOT / "worlds" / "cell.sdf.xacro"
BRIDGE_FILE = ROOT / "config" / "gazebo_bridge.yaml"
MESH = ROOT / "worlds" / "meshes" / "board_face.obj"
PLATE = Plate(0.1, 0.0016, 0.12)
ONLY_IN_GAZEBO = {"infeed_stop", "camera"}
FloatArray = npt.NDArray[np.float64]


@lru_cache(maxsize=1)
def world() -> ET.Element:
    """The world of the station as shipped."""
    found = ET.fromstring(load_description(WORLD_FILE, {"station": str(STATION_FILE)})).find("world")
    assert found is not None
    return found


def text(element: ET.Element, path: str) -> str:
    found = element.findtext(path)
    assert found is not None, path
    return found


def numbers(element: ET.Element, path: str) -> list[float]:
    return [float(value) for value in text(element, path).split()]


def station_links() -> dict[str, ET.Element]:
    return {link.get("name", ""): link for link in world().findall("model[@name='station']/link")}


def test_every_box_of_the_station_stands_where_mujoco_has_it() -> None:
    spec = mujoco.MjSpec.from_string(base_config().urdf)
    model = spec.compile()
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    links = station_links()
    boxes = [index for index in range(model.ngeom) if model.geom_type[index] == mujoco.mjtGeom.mjGEOM_BOX]
    solid = {name for name, link in links.items() if link.find("collision") is not None}
    assert len(boxes) == len(solid - ONLY_IN_GAZEBO) > 5
    for index in boxes:
        place, half = data.geom_xpos[index], model.geom_size[index]
        yaw = math.atan2(data.geom_xmat[index][3], data.geom_xmat[index][0])
        matches = [
            name
            for name in solid
            if np.allclose(numbers(links[name], "collision/geometry/box/size"), 2 * half, atol=1e-9)
            and np.allclose(numbers(links[name], "pose"), [*place, 0.0, 0.0, yaw], atol=1e-9)
        ]
        assert len(matches) == 1, (place, half)


def test_what_is_seen_of_the_station_is_what_is_collided_with() -> None:
    for name in station_links().keys() - {"camera"}:
        link = station_links()[name]
        assert numbers(link, "visual/geometry/box/size") == numbers(link, "collision/geometry/box/size")


def test_camera_sees_as_the_embedded_one() -> None:
    place = load_station(STATION_FILE).camera
    link = station_links()["camera"]
    assert numbers(link, "pose") == [*place.pose.position_m, *place.pose.rotation_rpy_rad]
    camera = link.find("sensor/camera")
    assert camera is not None
    size = int(text(camera, "image/width")), int(text(camera, "image/height"))
    assert size == place.image_size_px
    half_angle = float(text(camera, "horizontal_fov")) / 2
    assert size[0] / 2 / math.tan(half_angle) == pytest.approx(place.focal_length_px)
    # It looks along the sensor's x, with z up in the image: both must be the optical frame's z and -y.
    turn = _rotation(*numbers(link, "sensor/pose")[3:])
    np.testing.assert_allclose(turn[:, 0], [0.0, 0.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(turn[:, 2], [0.0, -1.0, 0.0], atol=1e-9)


def test_the_table_does_not_hide_the_board_from_the_camera() -> None:
    camera, table = load_station(STATION_FILE).camera, yaml.safe_load(STATION_FILE.read_text())["table"]
    near = float(text(station_links()["camera"], "sensor/camera/clip/near"))
    assert table["top_m"] - camera.pose.position_m[2] < near < camera.working_distance_m


def test_boards_stop_at_the_pick_position() -> None:
    station = load_station(STATION_FILE)
    stop = station_links()["infeed_stop"]
    face_m = numbers(stop, "pose")[1] - numbers(stop, "collision/geometry/box/size")[1] / 2
    assert face_m - station.board_size_m / 2 == pytest.approx(station.infeed_pick.position_m[1])


def test_boards_ride_on_the_tops_of_rollers_all_the_way_to_the_stop() -> None:
    station = load_station(STATION_FILE)
    x, pick_y, z = station.infeed_pick.position_m
    infeed = world().find("model[@name='infeed']")
    assert infeed is not None
    rollers = infeed.findall("link")[1:]
    assert {float(text(roller, "collision/geometry/cylinder/radius")) for roller in rollers} == {ROLLER_RADIUS_M}
    places = np.array([numbers(roller, "pose")[:3] for roller in rollers])
    np.testing.assert_allclose(places[:, 0], x)
    np.testing.assert_allclose(places[:, 2] + ROLLER_RADIUS_M, z - station.board_thickness_m)
    ways = np.sort(places[:, 1])
    # A board never lies on fewer than three, and none stands out below the stop.
    assert np.diff(ways).max() <= station.board_size_m / 3
    assert ways[-1] + ROLLER_RADIUS_M <= pick_y + station.board_size_m / 2 + 1e-9
    assert ways[0] <= pick_y - BeltConfig.travel_m - station.board_size_m / 2
    axles = {joint.get("name"): joint.findtext("child") for joint in infeed.findall("joint[@type='revolute']")}
    assert sorted(axles.values()) == sorted(roller.get("name") for roller in rollers)
    assert {joint.text for joint in infeed.iter("joint_name")} == set(axles)


def test_boards_touch_the_rollers_and_not_the_conveyors_body() -> None:
    def bits(element: ET.Element) -> int:
        return int(text(element, ".//collide_bitmask"))

    model = ET.fromstring(model_of(Spawn("board_0", BoardFactory(1).board(0), PLATE, (0.0, 0.0, 0.0), 0.0), MESH, MESH))
    infeed, body = world().find("model[@name='infeed']"), station_links()["infeed_conveyor"]
    assert infeed is not None
    assert bits(model) & bits(infeed)
    assert not bits(model) & bits(body)
    assert not bits(infeed) & bits(body)
    assert bits(model) & bits(station_links()["infeed_stop"])


def test_world_arm_and_node_agree_on_the_board_slots() -> None:
    slots = {f"board_{number}" for number in range(GazeboWorldParameters().board_slots)}
    assert {m.get("name") for m in world().findall("model")} >= slots
    described = ET.fromstring(load_description(ROOT / "urdf" / "cell.urdf.xacro", {"sim": "gazebo"}))
    joints = [p for p in described.iter("plugin") if p.get("name") == "gz::sim::systems::DetachableJoint"]
    assert {joint.findtext("child_model") for joint in joints} == slots
    # What a slot's word sets off is what its joint hears.
    outputs = {output.get("topic") for output in world().iter("output")}
    assert {text(joint, f"{what}_topic") for joint in joints for what in ("attach", "detach")} == outputs


def test_only_the_arm_in_gazebo_has_what_gazebo_adds() -> None:
    for sim in ("embedded", "mock"):
        assert "<gazebo" not in load_description(ROOT / "urdf" / "cell.urdf.xacro", {"sim": sim})


def test_controllers_run_at_the_worlds_step_on_the_arms_joints() -> None:
    described = yaml.safe_load((ROOT / "config" / "gazebo_controllers.yaml").read_text())
    rate_hz = described["/**/controller_manager"]["ros__parameters"]["update_rate"]
    assert rate_hz * float(text(world(), "physics/max_step_size")) == pytest.approx(1.0)
    joints = described["/**/joint_trajectory_controller"]["ros__parameters"]["joints"]
    urdf = ET.fromstring(base_config().urdf)
    assert joints == [j.get("name") for j in urdf.findall("joint") if j.get("type") == "revolute"]


def test_bridge_names_the_topics_of_world_and_node() -> None:
    node = (ROOT / "workcell_sim" / "gazebo").glob("*_node.py")
    source = "\n".join(path.read_text() for path in node) + (ROOT / "launch" / "gazebo.launch.py").read_text()
    files = [WORLD_FILE, ROOT / "urdf" / "gazebo.xacro", ROOT / "workcell_sim" / "gazebo" / "board_files.py"]
    told = "\n".join(path.read_text() for path in files)
    rows = load_bridge(BRIDGE_FILE)
    for row in rows:
        assert f'"{row.ros_topic_name}"' in source, row.ros_topic_name
        assert row.gz_topic_name == "/world/cell/clock" or row.gz_topic_name in told, row.gz_topic_name
    assert {row.ros_topic_name for row in rows} == set(re.findall(r'"(/?gazebo/[a-z_/]+)"', source))


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda rows: rows[0].pop("direction"), r"\[0\]\.direction: is missing"),
        (lambda rows: rows[1].update(direction="UP"), r"\[1\]\.direction: is 'UP'"),
        (lambda rows: rows[0].update(gz_topik="x"), "unknown key; did you mean gz_topic_name"),
        (lambda rows: rows.append("clock"), "is no mapping"),
    ],
)
def test_a_bridge_that_cannot_be_used_is_one_line(tmp_path: Path, change: object, problem: str) -> None:
    rows = yaml.safe_load(BRIDGE_FILE.read_text())
    change(rows)  # type: ignore[operator]
    path = tmp_path / "bridge.yaml"
    path.write_text(yaml.safe_dump(rows))
    with pytest.raises(ConfigError, match=problem):
        load_bridge(path)


def test_setup_writes_the_world_of_the_arguments(tmp_path: Path) -> None:
    given = replace(CellArguments(), sim="gazebo", namespace="left", out_dir=str(tmp_path), time_scale=2.0)
    setup = gazebo_setup(given, ROOT)
    written = setup.world_file.read_text()
    assert f"{tmp_path}/gazebo/boards/board_0.sdf" in written
    assert "<real_time_factor>2.0<" in written
    assert "<namespace>/left</namespace>" in setup.description
    assert setup.environment({"GZ_IP": "10.0.0.1"})["GZ_IP"] == "10.0.0.1"
    assert setup.environment({})["GZ_PARTITION"].startswith("workcell_left_")


def test_a_boards_files_hold_its_face_and_mass(tmp_path: Path) -> None:
    board = BoardFactory(1).board(3)
    files = BoardFiles(tmp_path, MESH)
    path = files.write(Spawn("board_1", board, PLATE, (0.46, -0.42, 0.85), 0.02))
    model = ET.parse(path).getroot().find("model")
    assert model is not None
    assert path.name == "board_1.sdf"
    assert numbers(model, "pose") == [0.46, -0.42, 0.85, 0.0, 0.0, 0.02]
    assert numbers(model, "link/inertial/mass") == [0.12]
    texture = cv2.imread(text(model, ".//albedo_map"), cv2.IMREAD_GRAYSCALE)
    # Gazebo reads it as sRGB and renders what is linear in light.
    share = texture / 255.0
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    np.testing.assert_allclose(255.0 * linear, board.texture, atol=1.2)
    assert Path(text(model, ".//mesh/uri").removeprefix("file://")).is_file()


def test_textures_of_boards_that_left_are_deleted(tmp_path: Path) -> None:
    factory, plate = BoardFactory(1), Plate(0.1, 0.0016, 0.12)
    files = BoardFiles(tmp_path, MESH)
    for number in range(5):
        files.write(Spawn("board_0", factory.board(number), plate, (0.0, 0.0, 1.0), 0.0))
    assert sorted(path.name for path in tmp_path.glob("*.png")) == ["p00003.png", "p00004.png"]


def test_a_board_that_is_asked_for_again_keeps_its_texture(tmp_path: Path) -> None:
    spawn = Spawn("board_0", BoardFactory(1).board(0), Plate(0.1, 0.0016, 0.12), (0.0, 0.0, 1.0), 0.0)
    files = BoardFiles(tmp_path, MESH)
    for _ in range(4):
        files.write(spawn)
    assert [path.name for path in tmp_path.glob("*.png")] == ["p00000.png"]


def test_the_face_is_not_mirrored() -> None:
    lines = (ROOT / "worlds" / "meshes" / "board_face.obj").read_text().splitlines()
    points = [[float(v) for v in line.split()[1:]] for line in lines if line.startswith("v ")]
    places = [[float(v) for v in line.split()[1:]] for line in lines if line.startswith("vt ")]
    for (x, y, _), (u, v) in zip(points, places, strict=True):
        # x right and y down in the board frame; OBJ counts v from the last row of the texture.
        assert (u, 1.0 - v) == (x + 0.5, y + 0.5)


@pytest.mark.parametrize(
    ("exposure_s", "light", "expected"), [(0.0045, 1.0, 200), (0.00225, 1.0, 100), (0.009, 1.0, 255)]
)
def test_exposure_is_linear_up_to_saturation(exposure_s: float, light: float, expected: int) -> None:
    camera = camera_model_of(load_station(STATION_FILE).camera)
    rendered = np.full((4, 4), 200, dtype=np.uint8)
    assert expose(rendered, camera, exposure_s, light).max() == expected


def test_world_is_valid_sdf(tmp_path: Path) -> None:
    gz = shutil.which("gz")
    if gz is None:
        pytest.skip("gz is not installed: Gazebo's own check of the world file needs it")
    path = tmp_path / "cell.sdf"
    path.write_text(load_description(WORLD_FILE, {"station": str(STATION_FILE)}))
    checked = subprocess.run(
        [gz, "sdf", "--check", str(path)], capture_output=True, text=True, timeout=60, env=dict(os.environ)
    )
    assert checked.stdout.strip() == "Valid.", checked.stdout + checked.stderr


def _rotation(roll: float, pitch: float, yaw: float) -> FloatArray:
    from transforms3d.euler import euler2mat

    return np.array(euler2mat(roll, pitch, yaw, axes="sxyz"))
