"""Every arm that ships makes parts out of the box, in a station that it reaches."""

import mujoco
import numpy as np
import pytest

from workcell_console.cell_arguments import CellArguments, robots, station_path
from workcell_console.shift import SHARE_DIR, ShiftOptions, run_shift
from workcell_sim.world.model import build_model
from workcell_sim.world.world_config import load_world_config

ROBOTS = robots(SHARE_DIR)
OTHERS = [name for name in ROBOTS if name != CellArguments.robot]
"""The shipped default runs in many other tests."""
LIGHT = {"policy": "fixed", "twin": "false", "tf": "false"}


def world_of(robot):
    urdf = SHARE_DIR / "urdf"
    station = station_path(CellArguments(robot=robot), SHARE_DIR)
    return load_world_config(station, urdf / f"{robot}.yaml", urdf / "cell.urdf.xacro")


@pytest.mark.embedded("a shift on virtual time")
@pytest.mark.parametrize("robot", OTHERS)
def test_parts_are_made_and_none_is_lost(robot, tmp_path):
    shift = ShiftOptions(tmp_path, "calm", 20.0, 1, arguments={**LIGHT, "robot": robot})
    summary = run_shift(shift)["summary"]
    assert summary["accepted"] >= 2
    assert (summary["drops"], summary["escapes"]) == (0, 0)


@pytest.mark.parametrize("robot", ROBOTS)
def test_the_servos_of_the_simulated_arm_are_stiff_damped_and_stable(robot):
    config = world_of(robot)
    model = build_model(config.urdf, config.arm, config.physics_step_s)
    data = mujoco.MjData(model)
    data.qpos[:] = config.station.home_joints_rad
    mujoco.mj_forward(model, data)
    mass = np.zeros((model.nv, model.nv))
    mujoco.mj_fullM(model, data, mass)
    inertia = np.diag(mass)
    stiffness, damping = config.arm.stiffness_n_m_per_rad, config.arm.damping_n_m_s_per_rad
    assert (np.sqrt(stiffness / inertia) / (2 * np.pi) > 8.0).all()
    ratio = damping / (2.0 * np.sqrt(stiffness * inertia))
    assert ((ratio > 0.7) & (ratio < 1.5)).all()
    # Beyond 2 an explicit integration of the damping diverges.
    assert (damping * config.physics_step_s / inertia < 1.5).all()


def test_the_camera_sees_the_part_where_the_arm_presents_it():
    for robot in ROBOTS:
        station = world_of(robot).station
        face = station.camera_inspect.position_m
        lens = station.camera.pose.position_m
        assert face[:2] == lens[:2]
        assert face[2] - station.board_thickness_m - lens[2] == pytest.approx(station.camera.working_distance_m)
        assert face[2] == station.safe_height_m
