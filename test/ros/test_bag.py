"""Bags: written, read back, cut, damaged, and those that ROS 2's own tools wrote."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rosbags.highlevel import AnyReader

from workcell_console.bag import BagError, BagLimits, BagReader, BagWriter, QosRecord, Topic
from workcell_console.bag.definitions import DefinitionError, full_definition
from workcell_console.bag.integrity import find_fault

DATA = Path(os.environ.get("WORKCELL_DATA", Path(__file__).parents[2].parent / "shared" / "data")) / "rosbag2"
STORAGES = ("mcap", "sqlite3")
SUFFIX = {"mcap": ".mcap", "sqlite3": ".db3"}
START_NS = 1_700_000_000_000_000_000
LATCHED = QosRecord(depth=1, durability="transient_local")
STRING_HASH = "RIHS01_df668c740482bbd48fb39d76a70dfd4bd59db1288021743503259e948f6b1a18"
CHATTER = Topic("/chatter", "std_msgs/msg/String", "string data\n", STRING_HASH, (LATCHED, QosRecord()))
NUMBER = Topic("/number", "std_msgs/msg/Int8", "int8 data\n")


def text_message(text: str) -> bytes:
    data = text.encode() + b"\0"
    return b"\0\1\0\0" + len(data).to_bytes(4, "little") + data


def write(path: Path, storage: str, count: int = 20, limits: BagLimits | None = None) -> Path:
    with BagWriter(path, storage, limits) as bag:
        bag.add_topic(CHATTER)
        bag.add_topic(NUMBER)
        for index in range(count):
            bag.write("/chatter", START_NS + index * 1000, text_message(f"hello {index}"))
            bag.write("/number", START_NS + index * 1000 + 1, b"\0\1\0\0" + bytes([index % 100]))
    return path


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_what_is_written_is_read(tmp_path: Path, storage: str) -> None:
    with BagReader(write(tmp_path / "bag", storage)) as bag:
        messages = list(bag.messages())
        assert len(messages) == bag.message_count == 40
        assert [message.stamp_ns for message in messages] == sorted(message.stamp_ns for message in messages)
        assert messages[2] == ("/chatter", "std_msgs/msg/String", START_NS + 1000, text_message("hello 1"))
        assert (bag.start_ns, bag.end_ns) == (START_NS, START_NS + 19_001)
        chatter, number = bag.topics
        assert (chatter.name, chatter.type, chatter.message_count) == ("/chatter", "std_msgs/msg/String", 20)
        assert (chatter.type_hash, chatter.definition) == (STRING_HASH, "string data\n")
        assert chatter.qos == (LATCHED, QosRecord())
        assert number.qos == ()


def test_a_part_is_read_by_topic_and_time(tmp_path: Path, storage: str) -> None:
    with BagReader(write(tmp_path / "bag", storage)) as bag:
        part = list(bag.messages(["/number"], START_NS + 5000, START_NS + 8000))
        assert [message.stamp_ns - START_NS for message in part] == [5001, 6001, 7001]
        with pytest.raises(BagError, match="has no topic /nothing; it has /chatter, /number"):
            bag.messages(["/nothing"])


def test_the_same_messages_give_the_same_bytes(tmp_path: Path, storage: str) -> None:
    first, second = (write(tmp_path / name / "bag", storage) for name in ("a", "b"))
    for file in sorted(first.iterdir()):
        assert file.read_bytes() == (second / file.name).read_bytes()


def test_another_message_gives_other_bytes(tmp_path: Path, storage: str) -> None:
    first, second = write(tmp_path / "a" / "bag", storage), write(tmp_path / "b" / "bag", storage, 21)
    name = f"bag_0{SUFFIX[storage]}"
    assert (first / name).read_bytes() != (second / name).read_bytes()


def test_other_readers_open_it(tmp_path: Path, storage: str) -> None:
    with AnyReader([write(tmp_path / "bag", storage)]) as reader:
        connections = [item for item in reader.connections if item.topic == "/chatter"]
        texts = [reader.deserialize(data, item.msgtype).data for item, _, data in reader.messages(connections)]
    assert texts[:2] == ["hello 0", "hello 1"]


def test_metadata_tell_what_ros2_bag_info_shows(tmp_path: Path, storage: str) -> None:
    text = (write(tmp_path / "bag", storage) / "metadata.yaml").read_text()
    information = yaml.safe_load(text)["rosbag2_bagfile_information"]
    assert information["version"] == 9
    assert information["storage_identifier"] == storage
    assert information["message_count"] == 40
    assert information["duration"]["nanoseconds"] == 19_001
    assert information["relative_file_paths"] == [f"bag_0{SUFFIX[storage]}"]
    offered = information["topics_with_message_count"][0]["topic_metadata"]["offered_qos_profiles"]
    assert (offered[0]["durability"], offered[0]["deadline"]) == (
        "transient_local",
        {"sec": 9223372036, "nsec": 854775807},
    )


def test_a_large_bag_is_split_and_read_as_one(tmp_path: Path, storage: str) -> None:
    path = write(tmp_path / "bag", storage, 200, BagLimits(file_bytes_max=1500))
    assert len(list(path.glob(f"*{SUFFIX[storage]}"))) > 2
    with BagReader(path) as bag:
        stamps = [message.stamp_ns for message in bag.messages()]
    assert len(stamps) == 400
    assert stamps == sorted(stamps)


def test_a_long_bag_is_split_by_time(tmp_path: Path, storage: str) -> None:
    path = write(tmp_path / "bag", storage, 20, BagLimits(file_duration_ns_max=10_000))
    counts = [
        item["message_count"]
        for item in yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]["files"]
    ]
    assert counts == [20, 20]


def test_a_bag_without_metadata_is_indexed_in_memory(tmp_path: Path, storage: str) -> None:
    path = write(tmp_path / "bag", storage, 2000, BagLimits(file_bytes_max=3000))
    (path / "metadata.yaml").unlink()
    assert len(list(path.iterdir())) > 10
    with BagReader(path) as bag:
        stamps = [message.stamp_ns for message in bag.messages()]
    assert (len(stamps), stamps) == (4000, sorted(stamps))
    assert not (path / "metadata.yaml").exists()


def test_one_file_is_a_bag_too(tmp_path: Path, storage: str) -> None:
    with BagReader(write(tmp_path / "bag", storage) / f"bag_0{SUFFIX[storage]}") as bag:
        assert bag.message_count == 40


def test_an_empty_bag_is_a_bag(tmp_path: Path, storage: str) -> None:
    with BagReader(write(tmp_path / "bag", storage, 0)) as bag:
        assert (list(bag.messages()), bag.start_ns, bag.end_ns) == ([], 0, 0)


def test_an_existing_bag_is_never_overwritten(tmp_path: Path, storage: str) -> None:
    path = write(tmp_path / "bag", storage)
    with pytest.raises(BagError, match="exists already; name another directory"):
        BagWriter(path, storage)


def test_writing_asks_for_a_known_storage_an_announced_topic_and_an_open_bag(tmp_path: Path) -> None:
    with pytest.raises(BagError, match="choose one of mcap, sqlite3"):
        BagWriter(tmp_path / "bag", "tape")
    assert not (tmp_path / "bag").exists()
    bag = BagWriter(tmp_path / "bag")
    with pytest.raises(BagError, match="/chatter was not announced"):
        bag.write("/chatter", 0, b"")
    bag.close()
    bag.close()
    with pytest.raises(BagError, match="is closed"):
        bag.write("/chatter", 0, b"")


def damaged(tmp_path: Path, storage: str, change: Any) -> tuple[Path, Path]:
    path = write(tmp_path / "bag", storage, 400)
    file = path / f"bag_0{SUFFIX[storage]}"
    file.write_bytes(change(file.read_bytes()))
    return path, file


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda data: data[: len(data) // 2], "damaged at byte"),
        (lambda data: b"", "damaged at byte 0: the file is empty"),
        (lambda data: b"nonsense" * 64, "damaged at byte 0"),
        (lambda data: data[:5], "damaged at byte 0"),
    ],
)
def test_a_damaged_bag_is_refused_with_file_place_and_remedy(
    tmp_path: Path, storage: str, change: Any, place: str
) -> None:
    path, file = damaged(tmp_path, storage, change)
    with pytest.raises(BagError) as caught:
        BagReader(path)
    text = str(caught.value)
    assert text.startswith(str(file))
    assert place in text
    assert "record it again" in text
    assert "\n" not in text


def test_a_flipped_bit_in_a_chunk_is_found(tmp_path: Path) -> None:
    path, file = damaged(tmp_path, "mcap", lambda data: data.replace(b"hello 7\0", b"hello 8\0", 1))
    with pytest.raises(BagError, match="checksum of a chunk"):
        BagReader(path)
    fault = find_fault(file)
    assert fault is not None
    assert 0 < fault.offset_bytes < file.stat().st_size


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_cut_bag_never_gives_half(tmp_path: Path, data: Any) -> None:
    storage = data.draw(st.sampled_from(STORAGES))
    whole = tmp_path / f"whole_{storage}"
    if not whole.exists():
        write(whole, storage, 30)
    cut = tmp_path / "cut"
    shutil.rmtree(cut, ignore_errors=True)
    shutil.copytree(whole, cut)
    file = cut / f"whole_{storage}_0{SUFFIX[storage]}"
    content = file.read_bytes()
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(BagError):
        BagReader(cut)


def test_a_quality_of_service_that_is_no_number_is_said(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole", "mcap", 3)
    file = tmp_path / "changed.mcap"
    content = (whole / "whole_0.mcap").read_bytes()
    assert b"nsec: " in content
    file.write_bytes(content.replace(b"nsec: ", b"nsec::"))
    with pytest.raises(BagError, match=r"changed\.mcap.*cannot be read|damaged"):
        BagReader(file)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_changed_byte_gives_messages_or_a_clear_error(tmp_path: Path, data: Any) -> None:
    storage = data.draw(st.sampled_from(STORAGES))
    whole = tmp_path / f"sound_{storage}"
    if not whole.exists():
        write(whole, storage, 30)
    file = tmp_path / f"changed{SUFFIX[storage]}"
    content = bytearray((whole / f"sound_{storage}_0{SUFFIX[storage]}").read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    file.write_bytes(bytes(content))
    complaint = str(file)
    try:
        with BagReader(file) as bag:
            assert all(isinstance(message.data, bytes) for message in bag.messages())
    except BagError as error:
        complaint = str(error)
    assert complaint.startswith(str(file))
    assert "\n" not in complaint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("rosbag2_bagfile_information: [", "line 1"),
        ("something: else", "has no rosbag2_bagfile_information"),
        ("rosbag2_bagfile_information:\n  version: 4", "relative_file_paths"),
        (
            "rosbag2_bagfile_information:\n  version: 99\n  relative_file_paths: []\n  topics_with_message_count: []",
            "newer",
        ),
        (
            "rosbag2_bagfile_information:\n  version: 9\n  relative_file_paths: [gone.mcap]\n"
            "  topics_with_message_count: []",
            "gone.mcap: is listed in metadata.yaml but missing",
        ),
    ],
)
def test_broken_metadata_name_place_and_remedy(tmp_path: Path, text: str, says: str) -> None:
    path = write(tmp_path / "bag", "mcap")
    (path / "metadata.yaml").write_text(text)
    with pytest.raises(BagError, match=says):
        BagReader(path)


@pytest.mark.parametrize(
    ("name", "says"), [("nothing", "does not exist"), ("empty", "holds no metadata"), ("a.txt", "is no")]
)
def test_what_is_no_bag_is_told(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(BagError, match=says):
        BagReader(tmp_path / name)


def test_a_definition_brings_those_it_refers_to(tmp_path: Path) -> None:
    own = tmp_path / "Box.msg"
    own.write_text("std_msgs/Header header\ngeometry_msgs/Point[8] corners\n")
    text = full_definition("shop_msgs/msg/Box", lambda name: own if name == "shop_msgs/msg/Box" else None)
    parts = text.split("=" * 80 + "\n")
    assert parts[0] == own.read_text() + "\n"
    assert [part.splitlines()[0] for part in parts[1:]] == [
        "MSG: std_msgs/Header",
        "MSG: geometry_msgs/Point",
        "MSG: builtin_interfaces/Time",
    ]
    with pytest.raises(DefinitionError, match="no definition of shop_msgs/msg/Nothing"):
        full_definition("shop_msgs/msg/Nothing", lambda name: None)


RECORDED = {
    "talker": 20,
    "wbag": 6074,
    "convert_a": 150,
    "convert_b": 75,
    "reindex_test_bags/multiple_files": 3177,
}


@pytest.mark.skipif(not DATA.is_dir(), reason=f"no recorded bags at {DATA}; set WORKCELL_DATA")
@pytest.mark.parametrize("name", RECORDED)
def test_bags_of_ros2_tools_open(storage: str, name: str) -> None:
    with BagReader(DATA / storage / name) as bag:
        messages = list(bag.messages())
        assert bag.message_count == len(messages) == RECORDED[name]
        assert [item.stamp_ns for item in messages] == sorted(item.stamp_ns for item in messages)
        assert sum(topic.message_count for topic in bag.topics) == RECORDED[name]
