"""Learned state on disk: the same bits back, or a clear refusal."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_control.policy.learned_file import LearnedFile, LearnedFileError, Provenance, config_hash

HERE = Provenance(run_id="run-001", saved_ns=5, cycles=12, seed=3)
CONFIG = config_hash({"cell": {"speed_scale": [0.2, 1.0]}})


class Learner:
    state_version = 2

    def __init__(self, state=None):
        self.state = state

    def snapshot(self):
        return {"weights": self.state}

    def restore(self, state):
        if "weights" not in state:
            raise ValueError("state has no weights")
        self.state = state["weights"]


def saved(tmp_path, state=None):
    file = LearnedFile(tmp_path / "deep" / "learned.json", "optimiser", CONFIG)
    file.save(Learner([0.1, 1e-300] if state is None else state), HERE)
    return tmp_path / "deep" / "learned.json"


@given(numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_every_float_comes_back_to_the_bit(tmp_path_factory, numbers):
    path = saved(tmp_path_factory.mktemp("state"), numbers)
    learner = Learner()
    assert LearnedFile(path, "optimiser", CONFIG).restore(learner) == HERE
    assert [number.hex() for number in learner.state] == [number.hex() for number in numbers]


def test_nothing_saved_is_no_fault(tmp_path):
    assert LearnedFile(tmp_path / "none.json", "optimiser", CONFIG).restore(Learner()) is None


def changed(path, key, value):
    content = json.loads(path.read_text())
    content[key] = value
    path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("state", {"weights": [0.2]}, "digest does not match"),
        ("state_version", 1, "state_version is 1, this cell's is 2"),
        ("schema", 9, "schema is 9"),
        ("policy", "other", "policy is 'other'"),
        ("config_hash", "0", "config_hash is '0'"),
        ("mood", "good", "has not the keys"),
    ],
)
def test_what_was_altered_is_refused_and_nothing_taken(tmp_path, key, value, message):
    path = saved(tmp_path)
    changed(path, key, value)
    learner = Learner("as it was")
    with pytest.raises(LearnedFileError, match=message):
        LearnedFile(path, "optimiser", CONFIG).restore(learner)
    assert learner.state == "as it was"


def test_an_exponent_that_became_too_large_is_refused_like_any_change(tmp_path):
    path = saved(tmp_path, [1e-300])
    path.write_text(path.read_text().replace("1e-300", "1e9300"))
    with pytest.raises(LearnedFileError, match="digest does not match"):
        LearnedFile(path, "optimiser", CONFIG).restore(Learner())


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_torn_file_is_refused(tmp_path, cut):
    path = saved(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(LearnedFileError, match="is not JSON"):
        LearnedFile(path, "optimiser", CONFIG).restore(Learner())


def test_a_state_that_is_no_finite_json_is_not_saved_and_the_old_one_stands(tmp_path):
    path = saved(tmp_path)
    before = path.read_bytes()
    for state in (float("nan"), {1, 2}):
        with pytest.raises(LearnedFileError, match="cannot be saved"):
            LearnedFile(path, "optimiser", CONFIG).save(Learner(state), HERE)
    assert path.read_bytes() == before


def test_a_snapshot_that_does_not_fit_is_refused(tmp_path):
    class Odd(Learner):
        def snapshot(self):
            return {"bias": 1.0}

    path = tmp_path / "odd.json"
    LearnedFile(path, "optimiser", CONFIG).save(Odd(), HERE)
    with pytest.raises(LearnedFileError, match="does not fit"):
        LearnedFile(path, "optimiser", CONFIG).restore(Learner())
