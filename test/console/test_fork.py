"""The twin's second cell: what it consists of, and trials on copies of it."""

import gc
import io
import json
from pathlib import Path

import pytest
import yaml

from workcell_console import fork
from workcell_console.fork_plan import FORKED_NODES, plan_fork, reduced_tags, scenario_of
from workcell_control.twin.fork import ForkRequest
from workcell_control.twin.mirror import Condition
from workcell_ros.errors import WorkcellError
from workcell_sensors.tags import load_tags
from workcell_sim.embedded import activate

ROOT = Path(__file__).parents[2]
SEED = 101
DURATION_S = 20.0
IN_FORCE = {
    "cell": {
        "speed_scale": 0.6,
        "acceleration_scale": 0.5,
        "jerk_scale": 0.5,
        "part_acceleration_max_m_s2": 7.0,
        "grip_vacuum_pa": 55e3,
        "grip_dwell_s": 0.2,
        "settle_s": 0.2,
    },
    "inspection": {"exposure_s": 0.004},
}
NOMINAL = Condition()
FASTER = {**IN_FORCE, "cell": {**IN_FORCE["cell"], "speed_scale": 0.8, "acceleration_scale": 0.8}}


def request(parameters=IN_FORCE, condition=NOMINAL):
    return ForkRequest(condition, parameters, SEED, DURATION_S)


def test_nominal_conditions_are_no_disturbance():
    assert scenario_of(Condition(), 30.0).events == ()


def test_conditions_hold_from_start_to_end():
    events = scenario_of(Condition(leak=0.5, mass=1.8, light=0.6), 30.0).events
    assert {(event.kind, event.magnitude) for event in events} == {
        ("vacuum_leak", 0.5),
        ("heavy_lot", 1.8),
        ("light_drift", 0.6),
    }
    assert all(event.level(time_s) == 1.0 for event in events for time_s in (0.0, 1e4))


def test_only_needed_tags_are_left_and_none_is_taken_often():
    data = {
        "sources": {"a": {"protocol": "mqtt"}},
        "tags": [
            {"tag": "joint_{n}/x", "each": [1, 2, 3], "period_s": 0.05},
            {"tag": "one", "period_s": 0.02},
            {"tag": "two", "period_s": 1.0},
            {"tag": "three", "period_s": 1.0},
        ],
    }
    assert reduced_tags(data, ["joint_2/x", "one", "two"]) == {
        "sources": data["sources"],
        "tags": [
            {"tag": "joint_{n}/x", "each": [2], "period_s": 0.1},
            {"tag": "one", "period_s": 0.1},
            {"tag": "two", "period_s": 1.0},
        ],
    }


def test_a_fork_has_the_parameters_of_the_real_cell(tmp_path):
    real = tmp_path / "params.yaml"
    blocks = {
        "/**/cell": {"ros__parameters": {"required_tags": ["cell/power"], "hold_vacuum_pa": 12e3}},
        "/**/world": {"ros__parameters": {"seed": 7, "infeed_interval_s": 9.0, "fidelity": "mujoco"}},
        "/**/policy": {"ros__parameters": {"policy": "fixed"}},
    }
    real.write_text(yaml.safe_dump(blocks))
    folder = tmp_path / "fork"
    folder.mkdir()
    plan = plan_fork(ROOT, folder, SEED, real)
    assert set(plan.values) == set(FORKED_NODES)
    assert plan.values["cell"]["hold_vacuum_pa"] == 12e3
    world = plan.values["world"]
    assert (world["seed"], world["infeed_interval_s"], world["fidelity"]) == (SEED, 9.0, "kinematic")
    tags = load_tags(plan.values["gateway"]["tags_file"]).tags
    assert set(tags) == {"gripper/vacuum", "infeed/part_present", "arm/grip_lost", "cell/power"}


def test_a_cell_that_is_not_simulated_keeps_its_references_to_itself(tmp_path):
    real = tmp_path / "params.yaml"
    real.write_text(yaml.safe_dump({"/**/inspection": {"ros__parameters": {"golden_dir": "/real/golden"}}}))
    folder = tmp_path / "fork"
    folder.mkdir()
    assert plan_fork(ROOT, folder, SEED, real).values["inspection"]["golden_dir"] == str(folder / "golden")


def test_requests_are_answered_line_by_line_and_failures_named():
    def try_out(asked):
        if asked == request():
            return "[]"
        raise WorkcellError("refused")

    lines = request().to_line().decode() + request(FASTER).to_line().decode()
    answers = io.StringIO()
    fork.serve(try_out, io.StringIO(lines), answers)
    assert answers.getvalue() == '[]\n{"error": "refused"}\n'


@pytest.fixture(scope="module")
def cell(tmp_path_factory):
    if not activate():
        pytest.skip("forks run on the embedded runtime")
    from workcell_console.forked_cell_node import ForkedCell

    thresholds = gc.get_threshold()
    forked = ForkedCell(tmp_path_factory.mktemp("fork"), SEED)
    forked.warm_up()
    yield forked
    forked.close()
    # Else nothing that is there now would ever be collected, not even at the end of the process.
    assert (gc.get_freeze_count(), gc.get_threshold()) == (0, thresholds)


def test_trials_start_from_the_same_state_and_leave_none_behind(cell):
    first = cell.try_out(request())
    faster = json.loads(cell.try_out(request(FASTER)))
    assert cell.try_out(request()) == first
    cycles = json.loads(first)
    assert len(cycles) >= 2
    assert all(item["is_good"] and not item["is_dropped"] for item in cycles)
    assert faster[-1]["cycle_time_s"] < cycles[-1]["cycle_time_s"]


def test_a_leak_is_felt(cell):
    bold = {**IN_FORCE, "cell": {**IN_FORCE["cell"], "speed_scale": 1.0, "acceleration_scale": 1.0}}
    tight = json.loads(cell.try_out(request(bold)))
    leaking = json.loads(cell.try_out(request(bold, Condition(leak=1.0, mass=1.8))))
    assert sum(item["is_dropped"] for item in leaking) > sum(item["is_dropped"] for item in tight)


def test_what_a_node_refuses_is_an_error(cell):
    answer = json.loads(cell.try_out(request({"cell": {"speed_scale": 7.0}})))
    assert answer["error"].startswith("the twin's cell refuses {'speed_scale': 7.0}")
