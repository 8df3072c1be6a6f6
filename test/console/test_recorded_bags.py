"""The regression suite: what policy and governor once heard, and what they are expected to decide on it.

Where a change of a decision is meant, say so: `workcell replay test/bags/NAME/bag --expect test/bags/NAME`.
"""

from pathlib import Path

import pytest

from workcell_console.bag import BagError, BagReader, BagWriter
from workcell_console.expected import EXPECTED, read_expected, write_expected
from workcell_console.main import main
from workcell_console.replay import Decision, differences
from workcell_console.shift import SHARE_DIR

BAGS = Path(__file__).parents[1] / "bags"
KEPT = sorted(path.parent for path in BAGS.glob(f"*/{EXPECTED}"))
GOVERNANCE = SHARE_DIR / "config" / "governance.yaml"
LONGEST = max(KEPT, key=lambda folder: len(read_expected(folder)))
"""The one with the most decisions."""
AT_ONCE_NS = 100_000_000
SIZE_MAX_BYTES = 400_000


def test_there_are_bags_and_they_are_small():
    assert len(KEPT) >= 3
    for folder in KEPT:
        assert sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) < SIZE_MAX_BYTES


def in_force_late(result):
    """Returns the changes that came into force long after they were decided: these shifts' twin answered at once."""
    decided_ns = [decision.stamp_ns for decision in result.replayed]
    later = [change for change in result.changes if change.stamp_ns > result.changes[0].stamp_ns + 1_000_000_000]
    return [change for change in later if min(abs(change.stamp_ns - at_ns) for at_ns in decided_ns) > AT_ONCE_NS]


@pytest.mark.embedded("replay needs virtual time")
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_a_recorded_bag_gives_the_expected_decisions(folder):
    from workcell_console.replay_node import replay

    expected = read_expected(folder)
    result = replay(folder / "bag", GOVERNANCE)
    assert in_force_late(result) == []
    found = differences(expected, result.replayed)
    assert expected
    assert not found, f"if this is meant: workcell replay {folder}/bag --expect {folder}\n" + "\n".join(map(str, found))


@pytest.mark.ros("needs a sourced ROS 2: the nodes run on its rclpy")
@pytest.mark.parametrize("folder", KEPT, ids=lambda folder: folder.name)
def test_on_ros_2_a_recorded_bag_gives_the_expected_decisions_too(folder):
    from workcell_console.replay_node import replay

    result = replay(folder / "bag", GOVERNANCE, runtime="ros")
    assert in_force_late(result) == []
    assert differences(read_expected(folder), result.replayed) == []


@pytest.mark.ros("needs a sourced ROS 2: `ros2 bag play` tells the bag to running nodes")
def test_running_nodes_that_ros2_bag_play_tells_decide_what_virtual_time_does():
    from workcell_console.replay_node import replay

    played = replay(LONGEST / "bag", GOVERNANCE, runtime="bag_play").replayed
    assert differences(read_expected(LONGEST), played) == []


@pytest.mark.embedded("replay needs virtual time")
def test_a_changed_policy_is_caught():
    from workcell_console.replay_node import replay
    from workcell_console.trial import Trial

    heavier = Trial({"policy": {"part_mass_kg": 0.14}})
    assert differences(read_expected(KEPT[0]), replay(KEPT[0] / "bag", GOVERNANCE, heavier).replayed)


@pytest.mark.embedded("replay needs virtual time")
def test_the_command_keeps_what_a_replay_needs_and_writes_what_is_decided_now(tmp_path, capsys):
    assert main(["replay", str(KEPT[0] / "bag"), "--expect", str(tmp_path)]) == 0
    assert "decisions expected" in capsys.readouterr().out
    assert differences(read_expected(KEPT[0]), read_expected(tmp_path)) == []
    with BagReader(KEPT[0] / "bag") as kept, BagReader(tmp_path / "bag") as copied:
        assert [item.data for item in kept.messages()] == [item.data for item in copied.messages()]


@pytest.mark.embedded("replay needs virtual time")
def test_what_cannot_be_used_is_told_before_the_first_bag_is_played(tmp_path, capsys):
    def refused(*arguments):
        assert main(["replay", str(KEPT[0] / "bag"), *arguments]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert told.err.startswith("error: ")
        assert told.err.count("\n") == 1
        return told.err

    assert "nowhere: does not exist; name a bag's directory" in refused("nowhere")
    cut = tmp_path / "cut.mcap"
    whole = (KEPT[0] / "bag" / "bag_0.mcap").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    assert f"{cut}: damaged at byte " in refused(str(cut))
    model = tmp_path / "mine.onnx"
    model.write_bytes(b"no model")
    assert f"{model}: cannot be loaded as an ONNX model" in refused("--policy", str(model))


def test_only_one_bag_is_kept_at_a_time(tmp_path, capsys):
    bag = str(KEPT[0] / "bag")
    assert main(["replay", bag, bag, "--expect", str(tmp_path)]) == 2
    assert "--expect keeps one bag" in capsys.readouterr().err


def test_decisions_survive_the_file_exactly(tmp_path):
    decisions = [Decision("verdict", 1_700_000_000_123_456_789, "cell", (("speed_scale", 0.1 + 0.2),), "clipped")]
    write_expected(tmp_path, decisions)
    assert read_expected(tmp_path) == decisions


@pytest.mark.parametrize("text", ["", "{}x", '[{"kind": "verdict"}]'])
def test_a_file_of_something_else_is_told_with_the_remedy(tmp_path, text):
    (tmp_path / EXPECTED).write_text(text)
    with pytest.raises(BagError, match=r"holds no decisions.*--expect"):
        read_expected(tmp_path)
    with pytest.raises(BagError, match=r"cannot be read"):
        read_expected(tmp_path / "nowhere")


def test_only_mcap_can_be_compressed(tmp_path):
    with pytest.raises(BagError, match="choose one of mcap"):
        BagWriter(tmp_path / "bag", "sqlite3", compress=True)
