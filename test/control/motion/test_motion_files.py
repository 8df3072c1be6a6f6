"""The files that the motion is built from: what is wrong in them is said in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from workcell_control.cell.assembly import build_task
from workcell_control.cell.cell_parameters import CellParameters
from workcell_control.cell.station import load_arm, load_station
from workcell_control.motion.description import load_description
from workcell_ros.errors import ConfigError

ROOT = Path(__file__).resolve().parents[3]
STATION = ROOT / "config" / "station.yaml"
ARM = ROOT / "urdf" / "ur5e.yaml"
XACRO = ROOT / "urdf" / "cell.urdf.xacro"


@pytest.fixture
def station_data():
    return yaml.safe_load(STATION.read_text())


def written(tmp_path, data) -> Path:
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_the_shipped_station_is_reached_on_one_branch_without_collision():
    values = CellParameters(description_file=str(XACRO), arm_file=str(ARM), station_file=str(STATION))
    task = build_task(values)
    assert set(task.waypoints) == {
        "infeed_above",
        "infeed_pick",
        "camera_inspect",
        "accept_above",
        "accept_place",
        "rework_above",
        "rework_place",
        "reject_above",
        "reject_place",
    }
    station = load_station(STATION)
    for name, pose in station.poses.items():
        assert task.arm.pose_error(task.waypoints[name], np.array(pose)) < 1e-9
    elbows = {float(np.sign(position[2])) for position in task.waypoints.values()}
    assert len(elbows) == 1


def test_a_calibrated_robot_is_planned_for_with_its_own_kinematics(tmp_path):
    kinematics = yaml.safe_load(ARM.read_text())["kinematics"]
    kinematics["forearm"]["x"] -= 0.001
    file = tmp_path / "calibration.yaml"
    file.write_text(yaml.safe_dump({"kinematics": {**kinematics, "hash": "calib_1"}}))
    files = {"description_file": str(XACRO), "arm_file": str(ARM), "station_file": str(STATION)}
    nominal = build_task(CellParameters(**files))
    calibrated = build_task(CellParameters(**files, calibration_file=str(file)))
    pose = np.array(load_station(STATION).poses["camera_inspect"])
    assert calibrated.arm.pose_error(calibrated.waypoints["camera_inspect"], pose) < 1e-9
    assert nominal.arm.pose_error(calibrated.waypoints["camera_inspect"], pose) > 1e-4
    file.write_text("hash: calib_1")
    with pytest.raises(ConfigError, match=r"calibration\.yaml: kinematics: is missing"):
        build_task(CellParameters(**files, calibration_file=str(file)))


def test_limits_that_a_urdf_cannot_hold_come_from_the_arm_file():
    arm = load_arm(load_description(XACRO), ARM, "gripper_tcp")
    rows = yaml.safe_load(ARM.read_text())["joint_limits"]
    assert arm.limits.acceleration.tolist() == [row["max_acceleration"] for row in rows.values()]
    assert arm.limits.jerk.tolist() == [row["max_jerk"] for row in rows.values()]


def test_a_missing_pose_is_named_with_what_there_is(tmp_path, station_data):
    del station_data["poses"]["camera_inspect"]
    with pytest.raises(ConfigError, match=r"poses\.camera_inspect: is missing; valid: .*infeed_pick"):
        load_station(written(tmp_path, station_data))


def test_a_pose_of_two_numbers_is_refused(tmp_path, station_data):
    station_data["poses"]["infeed_pick"]["position_m"] = [0.1, 0.2]
    with pytest.raises(
        ConfigError, match=r"infeed_pick\.position_m: \[0\.1, 0\.2\] cannot be used; valid: a list of 3"
    ):
        load_station(written(tmp_path, station_data))


def test_a_cup_that_there_cannot_be_is_refused(tmp_path, station_data):
    station_data["gripper"]["cup_radius_m"] = -0.01
    with pytest.raises(ConfigError, match=r"gripper, board: .*cup_radius_m"):
        load_station(written(tmp_path, station_data))


def test_a_word_where_a_number_belongs_is_refused(tmp_path, station_data):
    station_data["safe_height_m"] = "high"
    with pytest.raises(ConfigError, match="safe_height_m: 'high' is no number"):
        load_station(written(tmp_path, station_data))


def test_an_arm_file_without_a_joint_is_refused(tmp_path):
    data = yaml.safe_load(ARM.read_text())
    del data["joint_limits"]["elbow"]
    path = tmp_path / "arm.yaml"
    path.write_text(yaml.safe_dump(data))
    with pytest.raises(ConfigError, match="joint_limits: has no row for joint elbow_joint"):
        load_arm(load_description(XACRO), path, "gripper_tcp")


def test_a_malformed_description_is_a_one_line_error(tmp_path):
    path = tmp_path / "cell.urdf.xacro"
    path.write_text("<robot><link></robot>")
    with pytest.raises(ConfigError, match="is not well-formed XML") as caught:
        load_description(path)
    assert "\n" not in str(caught.value)
    with pytest.raises(ConfigError, match="does not exist"):
        load_description(tmp_path / "none.urdf")


def test_a_xacro_argument_that_is_wrong_is_refused():
    with pytest.raises(ConfigError, match=r"no_such_arm\.yaml"):
        load_description(XACRO, {"arm_parameters": "no_such_arm.yaml"})


def test_rotation_follows_the_urdf_convention(tmp_path):
    roll, pitch, yaw = 0.3, -0.4, 1.2
    data = yaml.safe_load(STATION.read_text())
    data["poses"]["camera_inspect"]["rotation_rpy_rad"] = [roll, pitch, yaw]
    path = tmp_path / "station.yaml"
    path.write_text(yaml.safe_dump(data))

    def about(axis: int, angle: float) -> np.ndarray:
        c, s = np.cos(angle), np.sin(angle)
        i, j = [(1, 2), (2, 0), (0, 1)][axis]
        matrix = np.eye(3)
        matrix[i, i] = matrix[j, j] = c
        matrix[i, j], matrix[j, i] = -s, s
        return matrix

    expected = about(2, yaw) @ about(1, pitch) @ about(0, roll)
    assert np.allclose(load_station(path).poses["camera_inspect"][:3, :3], expected)


def test_the_example_plans_a_cycle(capsys):
    import runpy

    module = runpy.run_path(str(ROOT / "examples" / "plan_pick.py"))
    total_s = module["main"]()
    assert 2.0 < total_s < 8.0
    assert "moves of a cycle" in capsys.readouterr().out
