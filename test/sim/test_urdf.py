"""The robot description: expands for every world, carries what controllers need, and fails in one clear line."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ET
from pathlib import Path

import mujoco
import numpy as np
import pinocchio as pin
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from world_rig import ARM_FILE, ROOT, STATION_FILE, XACRO_FILE, Rig, Settings, base_config, make_world

from workcell_control.motion.description import load_description
from workcell_ros.errors import ConfigError
from workcell_sim.world.arm_parameters import joint_names, load_arm_parameters
from workcell_sim.world.model import build_model
from workcell_sim.world.station import BINS, load_station

PLUGINS = {
    "mock": "mock_components/GenericSystem",
    "embedded": "topic_based_ros2_control/TopicBasedSystem",
    "gazebo": "gz_ros2_control/GazeboSimSystem",
}
JOINT = st.floats(-3.1, 3.1)


@pytest.mark.parametrize("sim", PLUGINS)
def test_each_world_has_its_hardware(sim: str) -> None:
    root = ET.fromstring(load_description(XACRO_FILE, {"sim": sim}))
    control = root.find("ros2_control")
    assert control is not None
    assert control.findtext("hardware/plugin") == PLUGINS[sim]
    assert [joint.get("name") for joint in control.findall("joint")] == list(joint_names())


def test_an_arm_with_a_description_of_its_own_gets_no_second_hardware() -> None:
    assert ET.fromstring(load_description(XACRO_FILE, {"sim": "real"})).find("ros2_control") is None


def test_name_and_prefix_reach_robot_links_and_joints() -> None:
    root = ET.fromstring(load_description(XACRO_FILE, {"name": "line_3", "prefix": "left_"}))
    assert root.get("name") == "line_3"
    links = {link.get("name") for link in root.findall("link")}
    assert {"world", "camera_optical_frame", "left_base_link", "left_tool0", "left_gripper_tcp", *BINS} <= links
    moving = [joint.get("name") for joint in root.findall("joint") if joint.get("type") == "revolute"]
    assert moving == list(joint_names("left_"))


def test_geometry_is_primitive() -> None:
    root = ET.fromstring(load_description(XACRO_FILE))
    kinds = {shape.tag for geometry in root.iter("geometry") for shape in geometry}
    assert kinds == {"box", "cylinder"}


@given(st.tuples(JOINT, JOINT, JOINT, JOINT, JOINT, JOINT))
@settings(max_examples=50)
def test_mujoco_and_pinocchio_agree_on_every_frame(position: tuple[float, ...]) -> None:
    config = base_config()
    model, data = _mujoco_model()
    reference = pin.buildModelFromXML(config.urdf)
    reference_data = reference.createData()
    q = np.array(position)
    data.qpos[:] = q
    mujoco.mj_kinematics(model, data)
    pin.framesForwardKinematics(reference, reference_data, q)
    for index in range(model.nsite):
        frame = reference_data.oMf[reference.getFrameId(model.site(index).name)]
        np.testing.assert_allclose(data.site_xpos[index], frame.translation, atol=1e-9)
        np.testing.assert_allclose(data.site_xmat[index].reshape(3, 3), frame.rotation, atol=1e-9)


def test_mujoco_and_pinocchio_agree_on_torques() -> None:
    config = base_config()
    model, data = _mujoco_model()
    model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_CONTACT)
    reference = pin.buildModelFromXML(config.urdf)
    rng = np.random.default_rng(0)
    for _ in range(10):
        data.qpos[:], data.qvel[:], data.qacc[:] = rng.uniform(-1.5, 1.5, (3, 6))
        mujoco.mj_inverse(model, data)
        rotors = config.arm.armature_kg_m2 * data.qacc
        expected = pin.rnea(reference, reference.createData(), data.qpos, data.qvel, data.qacc) + rotors
        # The empty payload body weighs a milligram.
        np.testing.assert_allclose(data.qfrc_inverse, expected, atol=1e-4)


def test_published_ur5e_kinematics() -> None:
    """Denavit-Hartenberg parameters of the maker: d1 .1625, a2 -.425, a3 -.3922, d4 .1333, d5 .0997, d6 .0996."""
    reference = pin.buildModelFromXML(base_config().urdf)
    data = reference.createData()
    pin.framesForwardKinematics(reference, data, np.zeros(6))
    base = data.oMf[reference.getFrameId("base")]
    tool = base.actInv(data.oMf[reference.getFrameId("tool0")])
    np.testing.assert_allclose(tool.translation, [-0.425 - 0.3922, -0.1333 - 0.0996, 0.1625 - 0.0997], atol=1e-12)


def test_fastest_cycle_stays_below_the_effort_limits() -> None:
    world = make_world(1, fidelity="kinematic")
    rig = Rig(world, Settings(speed_scale=1.0, acceleration_scale=1.0, jerk_scale=1.0, grip_vacuum_pa=80e3))
    peak = np.zeros(6)
    inner = world.step

    def watched():
        result = inner()
        np.maximum(peak, np.abs(result.effort_n_m), out=peak)
        return result

    world.step = watched
    rig.cycles(1)
    assert (peak < 0.8 * world.config.arm.effort_max_n_m).all(), peak


def test_unknown_world_is_refused_with_the_choices() -> None:
    with pytest.raises(ConfigError, match="'moon' is not one of embedded, gazebo, mock, real, universal_robots"):
        load_description(XACRO_FILE, {"sim": "moon"})


def test_missing_xacro_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.xacro"):
        load_description(tmp_path / "nowhere.xacro")


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "arm.xacro",
            '<link name="${prefix}tool0"/>',
            '<link name="${prefix}tool0">',
            r"arm\.xacro: line 122: .*mismatched",
        ),
        ("arm.xacro", "<xacro:arm_inertial of", "<xacro:arm_inertal of", r"arm\.xacro: line 68: .*arm_inertal"),
        ("arm.xacro", "${k['shoulder']}", "${k['sholder']}", r"arm\.xacro: line 102: .*sholder"),
        ("gripper.xacro", "${length}", "${lenght}", r"gripper\.xacro: line 44: .*lenght"),
        ("cell.urdf.xacro", "$(arg prefix)tool0", "$(arg prefx)tool0", r"cell\.urdf\.xacro: line {line}: .*prefx"),
        ("cell.urdf.xacro", '"gripper.xacro"', '"griper.xacro"', r"cell\.urdf\.xacro: line {line}: .*griper\.xacro"),
        ("cell.urdf.xacro", "station parent=", "station parnt=", r"cell\.urdf\.xacro: line {line}: .*parnt"),
        ("ur5e.yaml", "kinematics:", "kinematics: [", r"ur5e\.yaml: line 10: is not YAML"),
    ],
)
def test_malformed_description_is_one_line_with_the_file(
    tmp_path: Path, file: str, old: str, new: str, expected: str
) -> None:
    folder = tmp_path / "urdf"
    shutil.copytree(ROOT / "urdf", folder)
    before, _, after = (folder / file).read_text().partition(old)
    (folder / file).write_text(before + new + after)
    line = before.count("\n") + 1
    with pytest.raises(ConfigError, match=expected.replace("{line}", str(line))) as caught:
        load_description(folder / "cell.urdf.xacro", {"station": str(STATION_FILE)})
    assert "\n" not in str(caught.value)
    assert caught.value.valid


def test_urdf_without_the_arm_is_refused() -> None:
    urdf = "<robot name='r'><link name='world'/></robot>"
    with pytest.raises(ConfigError, match="shoulder_pan_joint is missing"):
        build_model(urdf, load_arm_parameters(ARM_FILE), 0.004)


def test_arm_parameters_name_the_bad_number(tmp_path: Path) -> None:
    bad = tmp_path / "arm.yaml"
    bad.write_text(ARM_FILE.read_text().replace("max_jerk: 150.0", "max_jerk: -1.0", 1))
    with pytest.raises(ConfigError, match=r"joint_limits\.shoulder_pan\.max_jerk: -1\.0"):
        load_arm_parameters(bad)


def test_station_poses_are_where_the_camera_looks() -> None:
    station = load_station(STATION_FILE)
    camera, held = station.camera, station.camera_inspect.position_m
    face_z = held[2] + station.board_thickness_m * -1.0
    assert held[:2] == camera.pose.position_m[:2]
    assert face_z - camera.pose.position_m[2] == pytest.approx(camera.working_distance_m)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("size_m: 0.10", "size_m: wide", "board.size_m"),
        ("safe_height_m: ", "save_height_m: ", "save_height_m"),
        (
            "infeed_pick: {position_m: [0.46, -0.22, 0.85]",
            "infeed_pick: {position_m: [0.46, -0.22]",
            "poses.infeed_pick",
        ),
        ("  camera_inspect", "  camera_inspct", "poses.camera_inspect"),
    ],
)
def test_station_error_names_the_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    bad = tmp_path / "station.yaml"
    bad.write_text(STATION_FILE.read_text().replace(old, new, 1))
    with pytest.raises(ConfigError) as caught:
        load_station(bad)
    assert key in caught.value.key


def _mujoco_model() -> tuple[mujoco.MjModel, mujoco.MjData]:
    config = base_config()
    model = build_model(config.urdf, config.arm, config.physics_step_s)
    return model, mujoco.MjData(model)
