"""The cell as a gymnasium environment: its API, its determinism, and that what is trained in it runs as a policy."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from workcell_control.governance.rules import load_governance
from workcell_control.policy.onnx_policy import INPUTS, OUTPUTS, OnnxPolicy
from workcell_control.policy.policy import Cycle, Observation
from workcell_sim.gym.env import RANGES, input_ranges, output_ranges
from workcell_sim.gym.export import export_linear
from workcell_sim.gym.fast import START
from workcell_sim.gym.make import make_env

ROOT = Path(__file__).parents[3]
GOVERNANCE = load_governance(ROOT / "config" / "governance.yaml")


@pytest.fixture(scope="module")
def env():
    made = make_env("cycle", "vacuum_leak", cycles_max=6)
    yield made
    made.close()


def episode(env, seed, actions):
    seen, info = env.reset(seed=seed)
    course = [(seen.tobytes(), 0.0, json.dumps(info, sort_keys=True))]
    for action in actions:
        seen, reward, _, _, info = env.step(action)
        course.append((seen.tobytes(), reward, json.dumps(info, sort_keys=True)))
    return course


def test_gymnasium_finds_nothing_wrong_with_it(env):
    check_env(env, skip_render_check=True)


def test_the_same_seed_and_actions_give_the_same_episode_bit_for_bit(env):
    rng = np.random.default_rng(1)
    actions = rng.random((6, len(OUTPUTS))).astype(np.float32)
    assert episode(env, 5, actions) == episode(env, 5, actions)
    assert episode(env, 5, actions) != episode(env, 6, actions)


def test_an_action_goes_one_step_at_a_time_and_not_where_a_person_is_asked(env):
    env.reset(seed=1)
    taken = [env.step(np.ones(len(OUTPUTS), dtype=np.float32))[4]["taken"]["cell"] for _ in range(6)]
    assert [values["speed_scale"] for values in taken[:2]] == pytest.approx([0.8, 1.0])
    assert max(values["grip_vacuum_pa"] for values in taken) <= GOVERNANCE.rules["cell"]["grip_vacuum_pa"].ask_above


def test_it_ends_after_so_many_cycles(env):
    env.reset(seed=1)
    ends = [env.step(env.action_space.sample())[2:4] for _ in range(6)]
    assert ends == [(False, False)] * 5 + [(False, True)]


def test_without_a_shift_there_is_no_step():
    fresh = make_env("cycle")
    with pytest.raises(RuntimeError, match="reset the environment first"):
        fresh._backend.step(START.by_node())


def test_what_is_exported_proposes_in_the_cell_what_was_trained(tmp_path):
    rng = np.random.default_rng(3)
    weights = 0.1 * rng.standard_normal((len(OUTPUTS), len(INPUTS)))
    bias = np.full(len(OUTPUTS), 0.4)
    export_linear(tmp_path / "trained.onnx", weights, bias, GOVERNANCE)
    policy = OnnxPolicy(tmp_path / "trained.onnx", GOVERNANCE)
    readings = {"gripper/vacuum": 47e3, "cell/temperature": 295.0, "cell/ambient_light": 300.0, "cell/tariff": 0.28}
    parameters = START.by_node()
    cycle = Cycle(False, "accept", 5.0, 47e3, 3.0, 1, 1e-3, 1500.0)
    policy.learn(cycle)
    proposals = policy.propose(Observation(0, "approach", readings, {}, {}, parameters))
    figures = {
        "cycle.cycle_time_s": 5.0,
        "cycle.energy_j": 1500.0,
        "cycle.vacuum_min_pa": 47e3,
        "cycle.is_dropped": 0.0,
    }
    known = {**readings, **figures}
    row = [known[name] if name in RANGES else parameters[name.split(".")[0]][name.split(".")[1]] for name in INPUTS]
    low, high = input_ranges(GOVERNANCE).T
    action = np.clip(weights @ np.clip((np.array(row) - low) / (high - low), 0.0, 1.0) + bias, 0.0, 1.0)
    out_low, out_high = output_ranges(GOVERNANCE).T
    wanted = dict(zip(OUTPUTS, out_low + action * (out_high - out_low), strict=True))
    said = {f"{item.node}.{name}": value for item in proposals for name, value in item.parameters.items()}
    assert len(said) >= 6
    for name, value in said.items():
        node, _, parameter = name.partition(".")
        clipped = GOVERNANCE.rules[node][parameter].clip(parameters[node][parameter], wanted[name])
        assert value == pytest.approx(clipped, rel=1e-4)


def test_the_example_trains_and_exports(tmp_path):
    out = tmp_path / "policy.onnx"
    command = [sys.executable, str(ROOT / "examples" / "train_policy.py"), "--generations", "1", "--population", "3"]
    done = subprocess.run(
        [*command, "--cycles", "4", "--out", str(out)], cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PATH": ""}, check=True,
        capture_output=True, text=True, timeout=290,
    )  # fmt: skip
    assert "generation 1" in done.stdout
    assert OnnxPolicy(out, GOVERNANCE).propose is not None
