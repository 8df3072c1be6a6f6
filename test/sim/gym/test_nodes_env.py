"""The environment over the cell's own nodes: its API, its determinism, its governor, and nothing left behind."""

import gc
import json
import os
import re
import textwrap
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.governance.audit import read
from workcell_control.governance.rules import load_governance
from workcell_control.policy.onnx_policy import INPUTS, OUTPUTS
from workcell_ros.errors import ConfigError
from workcell_sim.gym import ENV_ID
from workcell_sim.gym.export import export_linear
from workcell_sim.gym.fast import START
from workcell_sim.gym.make import make_env
from workcell_sim.gym.nodes import NodesBackend

pytestmark = pytest.mark.embedded("cells stepped from outside need virtual time")

ROOT = Path(__file__).parents[3]
GOVERNANCE = load_governance(ROOT / "config" / "governance.yaml")
BOLD = np.ones(len(OUTPUTS), dtype=np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cells")


@pytest.fixture(scope="module")
def env(folder):
    made = gymnasium.make(ENV_ID, backend="cell", fidelity="kinematic", cycles_max=3, folder=folder)
    yield made.unwrapped
    made.close()


def course(env, seed, actions):
    told = [env.reset(seed=seed)]
    told += [env.step(action) for action in actions]
    return [(item[0].tobytes(), json.dumps(item[1:], sort_keys=True)) for item in told]


def test_gymnasium_finds_nothing_wrong_with_it(env):
    check_env(env, skip_render_check=True)


def test_it_looks_to_a_learner_as_the_cycle_simulator_does(env):
    fast = make_env("cycle")
    assert env.observation_space == fast.observation_space
    assert env.action_space == fast.action_space
    seen, fast_seen = env.reset(seed=1)[0], fast.reset(seed=1)[0]
    # The last eight are the parameters in force, which both begin with.
    assert seen[-8:] == pytest.approx(fast_seen[-8:])
    assert seen[4:7] == pytest.approx(fast_seen[4:7], abs=0.1), "cycle time, energy and weakest vacuum"


def test_the_same_seed_and_actions_give_the_same_episode_bit_for_bit_also_beside_another_cell(env, tmp_path):
    rng = np.random.default_rng(1)
    actions = rng.random((2, len(OUTPUTS))).astype(np.float32)
    alone = course(env, 5, actions)
    assert course(env, 6, actions) != alone
    other = make_env("cell", fidelity="kinematic", folder=tmp_path)
    env.reset(seed=5)
    other.reset(seed=9)
    for number, action in enumerate(actions):
        seen, *_ = env.step(action)
        other.step(BOLD)
        assert seen.tobytes() == alone[number + 1][0]
    other.close()


def test_what_an_action_asks_for_goes_through_the_governor_and_into_its_log(tmp_path):
    backend = NodesBackend(ROOT / "config" / "scenarios" / "calm.yaml", fidelity="kinematic", folder=tmp_path)
    backend.reset(seed=1)
    beyond = {"cell": {**START.by_node()["cell"], "speed_scale": 4.0}, "inspection": {"exposure_s": 0.005}}
    result = backend.step(beyond)
    rule = GOVERNANCE.rules["cell"]["speed_scale"]
    assert result.cycle.parameters["cell"]["speed_scale"] == pytest.approx(START.speed_scale + rule.max_step)
    assert result.cycle.parameters["inspection"]["exposure_s"] == 0.005
    backend.close()
    (first, *rest) = [row for row in read(tmp_path / "shift_1" / "audit.jsonl") if row["node"] == "cell"]
    assert first["outcome"] in ("applied", "clipped")
    assert first["parameters"] == {"speed_scale": pytest.approx(0.8)}
    assert first["explanation"]["rule"] == "environment"
    assert rest == []


def test_a_bold_policy_loses_parts_and_is_paid_for_it(tmp_path):
    leak = tmp_path / "leak.yaml"
    event = "{kind: vacuum_leak, at_s: 1, ramp_s: 1, hold_s: 3000, magnitude: 1.3}"
    leak.write_text(f"duration_s: 3600.0\nevents: [{event}]\n")
    env = make_env("cell", str(leak), fidelity="kinematic")
    env.reset(seed=3)
    steps = [env.step(BOLD) for _ in range(4)]
    env.close()
    lost = [reward for _, reward, _, _, info in steps if info["drop"]]
    assert lost, "nothing was lost"
    assert max(lost) < -1.0
    assert all(info["leak"] == pytest.approx(1.3) for *_, info in steps)


def test_many_shifts_in_one_process_leave_nothing_behind():
    def census():
        gc.collect()
        return len(gc.get_objects()), len(os.listdir("/proc/self/fd"))

    env = make_env("cell", fidelity="kinematic")
    folder = env._backend._folder
    for _ in range(2):
        env.reset(seed=1)
    objects, files = census()
    for _ in range(3):
        env.reset(seed=1)
    objects_after, files_after = census()
    assert objects_after - objects <= 30
    assert files_after == files
    assert sorted(path.name for path in folder.iterdir()) == ["golden", "shift_5"]
    env.close()
    assert not folder.exists()
    with pytest.raises(RuntimeError, match="reset the environment first"):
        env.step(BOLD)


def test_the_lines_of_the_manual_run():
    text = (ROOT / "docs" / "policy.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^    import gymnasium\n(?:^    .*\n)+", text, re.MULTILINE)
    names = {}
    exec(textwrap.dedent(block), names)
    assert names["info"]["verdict"] in ("accept", "rework", "reject", "none")
    assert not names["terminated"]
    assert not names["truncated"]


def test_what_was_trained_runs_in_the_cell_as_a_policy(folder, tmp_path):
    bias = np.full(len(OUTPUTS), 0.3)
    export_linear(tmp_path / "trained.onnx", np.zeros((len(OUTPUTS), len(INPUTS))), bias, GOVERNANCE)
    own = {"policy": "onnx", "policy_file": str(tmp_path / "trained.onnx"), "policy_stage": "live"}
    arguments = {**own, "twin": "false", "log_level": "error", "golden_dir": str(folder / "golden")}
    run_shift(ShiftOptions(tmp_path / "run", "calm", 25.0, seed=1, arguments=arguments))
    rows = [row for row in read(tmp_path / "run" / "audit.jsonl") if row["explanation"].get("rule") == "onnx"]
    assert [row["outcome"] for row in rows][:2] == ["applied"] * 2
    assert {row["node"] for row in rows} == {"cell", "inspection"}


def test_a_backend_or_scenario_that_is_none_is_named_with_those_there_are():
    with pytest.raises(ConfigError, match=r"'cloud'.*cycle"):
        make_env("cloud")
    with pytest.raises(ConfigError, match=r"'storm'.*calm"):
        make_env("cell", "storm")
