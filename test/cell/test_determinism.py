"""Virtual time: equal seeds give equal bags, byte for byte, whatever else differs between two runs."""

import os
import subprocess

import pytest

from workcell_console.bag import BagReader
from workcell_console.commands.children import virtual_run

DURATION_S = 20.0
pytestmark = pytest.mark.embedded("equal bags need virtual time")


def record(folder, seed, hash_seed):
    """Runs a shift with policy, twin and every disturbance in a process of its own; returns its bag's folder."""
    command = virtual_run("--duration", str(DURATION_S), "--seed", str(seed), "--record", "mcap", "--out", str(folder))
    # Sets of strings come in another order with another hash seed; paths are longer or shorter.
    environment = {**os.environ, "PYTHONHASHSEED": str(hash_seed), "WORKCELL_RUNTIME": "embedded"}
    subprocess.run(command, check=True, env=environment, capture_output=True, timeout=300)
    return folder / "bag"


def content(bag):
    return b"".join(path.read_bytes() for path in sorted(bag.glob("*.mcap")))


def topics(bag):
    with BagReader(bag) as reader:
        return {message.topic for message in reader.messages()}


@pytest.fixture(scope="module")
def bags(tmp_path_factory):
    base = tmp_path_factory.mktemp("runs")
    return {
        "first": record(base / "first", 1, 1),
        "again": record(base / "the_same_seed_once_more", 1, 2),
        "other": record(base / "other", 2, 1),
    }


def test_equal_seeds_give_equal_bags(bags):
    assert content(bags["first"]) == content(bags["again"])


def test_another_seed_gives_another_bag(bags):
    assert content(bags["first"]) != content(bags["other"])


def test_the_bags_hold_what_could_differ(bags):
    assert {"/readings", "/joint_states", "/policy/proposals", "/twin/forecasts", "/governor/verdicts"} <= topics(
        bags["first"]
    )
