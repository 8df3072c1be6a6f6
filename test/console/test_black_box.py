"""The black box: what it holds is what it may hold, in time and memory, and what it could not hold is told."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workcell_console.bag import BagError, BagReader, Topic
from workcell_console.black_box.faults import FaultWatch
from workcell_console.black_box.recorder import CAPTURES_OF_POST, BlackBox, BlackBoxLimits, Trigger
from workcell_console.black_box.ring import ENTRY_BYTES, NS_PER_S, Entry, Latched, Ring
from workcell_console.black_box.store import SUMMARY, IncidentStore

CHATTER = Topic("/chatter", "std_msgs/msg/Int8", "int8 data\n")
GAPS_AND_SIZES = st.lists(st.tuples(st.integers(0, 3 * NS_PER_S), st.integers(0, 3000)), max_size=60)


def entries_of(gaps_and_sizes):
    stamp_ns, entries = 0, []
    for gap_ns, size in gaps_and_sizes:
        stamp_ns += gap_ns
        entries.append(Entry("/chatter", stamp_ns, bytes(size)))
    return entries


@given(GAPS_AND_SIZES, st.integers(0, 10 * NS_PER_S), st.integers(0, 8000))
def test_the_ring_holds_the_newest_that_fit_and_no_others(gaps_and_sizes, span_ns, bytes_max):
    ring, entries, left = Ring(span_ns, bytes_max), entries_of(gaps_and_sizes), []
    for entry in entries:
        left += ring.append(entry)
        held = list(ring)
        assert ring.size_bytes == sum(item.size_bytes for item in held) <= bytes_max
        assert all(entry.stamp_ns - item.stamp_ns <= span_ns for item in held)
        assert left + held == entries[: len(left) + len(held)]
        if left and entry.stamp_ns - left[-1].stamp_ns <= span_ns:
            # The next older one would have been young enough, so at some time it did not fit.
            assert ring.cut_count() > 0
    assert len(left) + len(ring) == len(entries)


@given(GAPS_AND_SIZES, st.integers(0, 10 * NS_PER_S))
def test_with_memory_enough_nothing_young_is_missing(gaps_and_sizes, span_ns):
    ring, entries = Ring(span_ns, 1 << 30), entries_of(gaps_and_sizes)
    for entry in entries:
        ring.append(entry)
    newest_ns = entries[-1].stamp_ns if entries else 0
    assert list(ring) == [item for item in entries if newest_ns - item.stamp_ns <= span_ns]
    assert ring.cut_count() == 0


@given(GAPS_AND_SIZES, st.floats(0.0, 5.0), st.floats(0.0, 5.0), st.integers(1, 8000), st.integers(0, 59))
def test_an_incident_is_what_lies_about_the_fault(gaps_and_sizes, pre_s, post_s, bytes_max, at):
    box, entries = BlackBox(BlackBoxLimits(pre_s, post_s, bytes_max)), entries_of(gaps_and_sizes)
    before, after = entries[:at], entries[at:]
    for entry in before:
        box.note(entry)
    now_ns = before[-1].stamp_ns if before else 0
    box.trigger(now_ns, "fault")
    for entry in after:
        box.note(entry)
    assert box.take(now_ns + round(post_s * NS_PER_S)) is None
    incident = box.take(now_ns + round(post_s * NS_PER_S) + 1)
    assert incident is not None
    assert box.take(now_ns + 10**12) is None
    young = [item for item in before if now_ns - item.stamp_ns <= round(pre_s * NS_PER_S)]
    soon = [item for item in after if item.stamp_ns - now_ns <= round(post_s * NS_PER_S)]
    held = list(incident.entries)
    assert len(soon) == incident.dropped_after + sum(item in held for item in soon)
    assert sum(item.size_bytes for item in held) <= 2 * bytes_max
    if incident.dropped_before == incident.dropped_after == 0:
        assert held == young + soon


def test_a_clock_that_jumps_back_empties_the_ring():
    ring = Ring(10 * NS_PER_S, 1 << 20)
    ring.append(Entry("/a", 5 * NS_PER_S, b"old run"))
    left = ring.append(Entry("/a", NS_PER_S, b"new run"))
    assert ([item.data for item in left], [item.data for item in ring]) == ([b"old run"], [b"new run"])


def test_a_message_larger_than_all_memory_is_told_and_not_kept():
    ring = Ring(NS_PER_S, 1000)
    ring.append(Entry("/image", 0, bytes(1000 - ENTRY_BYTES)))
    assert (len(ring), ring.cut_count()) == (1, 0)
    ring.append(Entry("/image", 1, bytes(1001 - ENTRY_BYTES)))
    assert (len(ring), ring.cut_count(), ring.size_bytes) == (0, 2, 0)


def test_what_was_latched_long_ago_comes_first_in_the_incident():
    box = BlackBox(BlackBoxLimits(pre_s=2.0, post_s=0.0))
    box.latched.add_topic("/parameters", 2)
    for index in range(3):
        box.note(Entry("/parameters", index, b"%d" % index))
    box.note(Entry("/chatter", 10 * NS_PER_S, b"chat"))
    box.trigger(10 * NS_PER_S, "fault")
    incident = box.take(11 * NS_PER_S)
    assert [(item.stamp_ns, item.data) for item in incident.entries] == [
        (10 * NS_PER_S, data) for data in (b"1", b"2", b"chat")
    ]


def test_latched_messages_are_bounded_in_memory():
    latched = Latched(topic_bytes_max=1000)
    latched.add_topic("/large", 50)
    for index in range(20):
        latched.note(Entry("/large", index, bytes(300)))
    assert [item.stamp_ns for item in latched.entries(7)] == [7, 7]


def test_faults_that_follow_lengthen_the_incident_up_to_a_bound():
    box = BlackBox(BlackBoxLimits(pre_s=1.0, post_s=1.0))
    for second in range(20):
        box.trigger(second * NS_PER_S, f"fault {second}")
    incident = box.take(CAPTURES_OF_POST * NS_PER_S + 1)
    assert incident.triggers[0] == Trigger(0, "fault 0")
    assert len(incident.triggers) == 20


def test_a_box_that_is_shut_down_gives_the_open_incident_at_once():
    box = BlackBox(BlackBoxLimits(post_s=10.0))
    assert box.take(0, at_once=True) is None
    box.trigger(5, "fault")
    assert box.take(5, at_once=True).triggers == (Trigger(5, "fault"),)
    assert not box.is_capturing


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (["normal", "protective_stop;reason=force"], "robot protective stop: force"),
        (["normal", "emergency_stop"], "robot emergency stop"),
        (["protective_stop;reason=force"], ""),
        (["normal", "normal"], ""),
    ],
)
def test_robot_faults(told, fault):
    watch = FaultWatch()
    assert [watch.note_robot_state(text) for text in told][-1] == fault


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        (["pick", "hold;reason=gateway quiet"], "cell hold: gateway quiet"),
        (["hold;reason=gateway quiet", "hold;reason=no light"], ""),
        (["hold;reason=starting"], ""),
        (["pick", "hold;reason=a", "stopped;reason=b"], "cell stopped: b"),
        (["pick", "hold;reason=a", "idle"], ""),
    ],
)
def test_cell_faults(told, fault):
    watch = FaultWatch()
    assert [watch.note_cell_state(text) for text in told][-1] == fault


def test_a_monitors_error_is_a_fault_once_until_it_has_gone():
    watch = FaultWatch()
    levels = [0, 1, 2, 2, 1, 2]
    told = [bool(watch.note_status("monitor: gripper/vacuum", level, "low")) for level in levels]
    assert told == [False, False, True, False, False, True]
    assert [watch.note_status("plant: node", level, "") for level in levels] == [""] * 6


def incident_of(reason, stamp_ns=NS_PER_S):
    box = BlackBox(BlackBoxLimits(1.0, 0.0))
    box.note(Entry("/chatter", stamp_ns, b"\0\1\0\0\7"))
    box.trigger(stamp_ns, reason)
    return box.take(stamp_ns + 1)


def test_incidents_are_bags_with_a_summary_and_the_oldest_go_first(tmp_path):
    store = IncidentStore(tmp_path / "box", 2)
    (tmp_path / "box" / "mine").mkdir(parents=True)
    written = [store.write(incident_of(f"Robot stop {index}!"), [CHATTER]) for index in range(3)]
    assert [item.path.name for item in written] == [f"incident_000{n}_robot_stop_{n - 1}" for n in (1, 2, 3)]
    assert [path.name for path in written[2].removed] == ["incident_0001_robot_stop_0"]
    assert store.bags() == [item.path for item in written[1:]]
    assert (tmp_path / "box" / "mine").is_dir()
    with BagReader(written[2].path) as bag:
        assert [(item.topic, item.stamp_ns, item.data) for item in bag.messages()] == [
            ("/chatter", NS_PER_S, b"\0\1\0\0\7")
        ]
    said = json.loads((written[2].path / SUMMARY).read_text(encoding="utf-8"))
    assert said["triggers"] == [{"stamp_ns": NS_PER_S, "reason": "Robot stop 2!"}]
    assert (said["messages"], said["dropped_before"], said["dropped_after"]) == (1, 0, 0)


def test_numbers_go_on_after_a_restart_and_a_reason_of_signs_only_has_a_name(tmp_path):
    IncidentStore(tmp_path, 5).write(incident_of("request"), [CHATTER])
    assert IncidentStore(tmp_path, 5).write(incident_of("!?"), [CHATTER]).path.name == "incident_0002_request"


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BagError, match="file/incident_0001_request: cannot be made"):
        IncidentStore(tmp_path / "file", 5).write(incident_of("request"), [CHATTER])
