"""The journal: nothing acknowledged comes back, nothing written before the damage is lost, and it stays small."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_ros.errors import ConfigError
from workcell_sensors.frame_queue import FrameQueue
from workcell_sensors.journal import Journal
from workcell_sensors.reading import Frame, decode_frame, encode_frame

payloads = st.lists(st.binary(max_size=40), min_size=1, max_size=20)


def segments(base: Path) -> list[Path]:
    return sorted(base.parent.glob(f"{base.name}.*"))


def filled(base: Path, records: list[bytes]) -> bytes:
    journal = Journal(base)
    for record in records:
        journal.append(record)
    journal.close()
    return segments(base)[-1].read_bytes()


def test_what_was_not_acknowledged_comes_back_in_order(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    sequences = [journal.append(record) for record in (b"a", b"b", b"c")]
    journal.acknowledge(sequences[0])
    journal.close()
    again = Journal(tmp_path / "j")
    assert [payload for _, payload in again.recovery.pending] == [b"b", b"c"]
    assert again.append(b"d") == sequences[-1] + 1
    again.acknowledge(sequences[-1] + 1)
    again.close()
    assert Journal(tmp_path / "j").recovery.pending == ()


@settings(max_examples=60, deadline=None)
@given(records=payloads, share=st.floats(0.0, 1.0))
def test_a_write_cut_short_at_any_byte_costs_only_itself(records: list[bytes], share: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "j"
        content = filled(base, records)
        cut = round(share * len(content))
        file = segments(base)[-1]
        os.truncate(file, cut)
        recovery = Journal(base).recovery
        kept = [payload for _, payload in recovery.pending]
        sizes = np.cumsum([8 + 9 + len(record) for record in records])
        assert kept == records[: int(np.searchsorted(sizes, cut, side="right"))]
        whole = int(sizes[len(kept) - 1]) if kept else 0
        assert recovery.torn_bytes == cut - whole
        assert file.stat().st_size == whole


@settings(max_examples=60, deadline=None)
@given(records=payloads, at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_garbled_byte_never_comes_back_as_data(records: list[bytes], at: int, flip: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "j"
        content = bytearray(filled(base, records))
        content[at % len(content)] ^= flip
        segments(base)[-1].write_bytes(content)
        recovery = Journal(base).recovery
        kept = [payload for _, payload in recovery.pending]
        assert kept == records[: len(kept)]
        assert len(kept) < len(records)
        assert recovery.torn_bytes > 0


def test_it_stays_within_its_bound_and_counts_what_that_costs(tmp_path: Path) -> None:
    base = tmp_path / "j"
    journal = Journal(base, bytes_max=8192)
    for number in range(1000):
        journal.append(number.to_bytes(4, "big") * 10)
    journal.close()
    assert sum(file.stat().st_size for file in segments(base)) <= 8192 + 200
    recovery = Journal(base, bytes_max=8192).recovery
    assert recovery.dropped > 0
    assert recovery.dropped + len(recovery.pending) == 1000
    assert [seq for seq, _ in recovery.pending] == list(range(recovery.dropped + 1, 1001))


def test_acknowledged_records_cost_nothing_when_they_are_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j", bytes_max=8192)
    for _ in range(2000):
        journal.acknowledge(journal.append(b"x" * 40))
    assert journal.dropped == 0
    assert len(segments(tmp_path / "j")) <= 2
    journal.close()
    assert Journal(tmp_path / "j", bytes_max=8192).recovery.pending == ()


def test_a_killed_process_loses_nothing_it_had_appended(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from workcell_sensors.journal import Journal\n"
        "journal = Journal(sys.argv[1])\n"
        "while True:\n"
        "    sequence = journal.append(b'payload' * 3)\n"
        "    sys.stdout.write(f'{sequence}\\n'); sys.stdout.flush()\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "j")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    pending = Journal(tmp_path / "j").recovery.pending
    assert len(pending) >= told[-1]
    assert {payload for _, payload in pending} == {b"payload" * 3}


def test_an_unwritable_place_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="writable directory"):
        Journal(tmp_path / "file" / "j")
    with pytest.raises(ConfigError, match="at least 4096"):
        Journal(tmp_path / "j", bytes_max=10)


def test_a_record_too_large_for_a_segment_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Journal(tmp_path / "j", bytes_max=8192).append(b"x" * 5000)


def make_frame(number: int) -> Frame:
    return Frame(
        "plc", ("a", "b"), np.array([float(number), np.nan]), np.array([0, 2], dtype=np.uint8), number, number + 1
    )


def test_a_queue_with_a_journal_gives_out_again_what_a_kill_caught(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    queue = FrameQueue(10, journal)
    for number in range(4):
        queue.put(make_frame(number))
        if number == 1:
            assert [frame.stamp_ns for frame in queue.take()] == [0, 1]
            queue.done()
    queue.take()  # taken, but the process dies before it says done
    journal.close()
    again = FrameQueue(10, Journal(tmp_path / "j"))
    assert [frame.stamp_ns for frame in again.take()] == [2, 3]


def test_a_full_queue_drops_the_oldest_and_counts() -> None:
    queue = FrameQueue(3)
    for number in range(5):
        queue.put(make_frame(number))
    assert [frame.stamp_ns for frame in queue.take()] == [2, 3, 4]
    assert queue.dropped == 2
    assert queue.take() == []


def test_frames_survive_the_journal_unchanged() -> None:
    frame = make_frame(7)
    copy = decode_frame(encode_frame(frame))
    assert (copy.source, copy.addresses, copy.stamp_ns, copy.received_ns) == ("plc", ("a", "b"), 7, 8)
    np.testing.assert_array_equal(copy.values, frame.values)
    assert copy.quality is not None
    assert copy.quality.tolist() == [0, 2]


@given(data=st.binary(max_size=60))
def test_no_bytes_make_the_decoder_fail_otherwise_than_by_value_error(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        decode_frame(data)
