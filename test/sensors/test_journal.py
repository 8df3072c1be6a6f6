"""The journal: nothing acknowledged comes back, nothing written before the damage is lost, and it stays small."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workcell_ros.errors import ConfigError
from workcell_sensors.frame_codec import FrameCodec
from workcell_sensors.journal import SEGMENTS, Entry, Journal, fsync_all
from workcell_sensors.journal_segment import Kind, unpack
from workcell_sensors.losses import Loss
from workcell_sensors.reading import Frame

ROOT = Path(__file__).parents[2]
BOUND = 2 * SEGMENTS * 512
LAYOUT = {"plc": ("a", "b")}
CODEC = FrameCodec(LAYOUT)
payloads = st.lists(st.binary(max_size=40), min_size=1, max_size=20)


def segments(base: Path) -> list[Path]:
    return sorted(path for path in base.parent.glob(f"{base.name}.*") if path.suffix != ".lock")


@contextlib.contextmanager
def opened(base: Path, bytes_max: int = 1 << 20) -> Iterator[Journal]:
    journal = Journal(base, bytes_max)
    try:
        yield journal
    finally:
        journal.close()


def filled(base: Path, records: list[bytes], bytes_max: int = 1 << 20) -> list[int]:
    with opened(base, bytes_max) as journal:
        return [journal.append(record) for record in records]


def contents(entries: list[Entry]) -> list[bytes]:
    return [entry.payload for entry in entries]


def pending(base: Path, bytes_max: int = 1 << 20) -> list[bytes]:
    with opened(base, bytes_max) as journal:
        found = contents(everything(journal))
        assert len(found) == journal.recovery.pending
        return found


def everything(journal: Journal, count_max: int = 7) -> list[Entry]:
    found: list[Entry] = []
    after = journal.acknowledged
    while entries := journal.read(after, count_max):
        found += entries
        after = entries[-1].seq
    return found


def frame(number: int) -> bytes:
    return CODEC.encode(Frame("plc", ("a", "b"), np.array([number, -number], dtype=np.float64), None, number, number))


def test_what_was_not_acknowledged_comes_back_in_order_and_numbers_only_rise(tmp_path: Path) -> None:
    base = tmp_path / "j"
    with opened(base) as journal:
        sequences = [journal.append(record) for record in (b"a", b"b", b"c")]
        journal.acknowledge(sequences[0])
        epoch = journal.epoch
    with opened(base) as again:
        assert again.epoch == epoch
        assert contents(everything(again)) == [b"b", b"c"]
        last = again.append(b"d")
        assert last > sequences[-1]
        again.acknowledge(last)
    assert pending(base) == []
    with opened(tmp_path / "other") as other:
        assert other.epoch != epoch


def test_reading_goes_on_where_it_stopped_and_sees_what_is_written_meanwhile(tmp_path: Path) -> None:
    with opened(tmp_path / "j", BOUND) as journal:
        sequences = [journal.append(bytes([number]) * 100) for number in range(20)]
        assert len(segments(tmp_path / "j")) > 2
        first = journal.read(0, 5)
        journal.append(b"late")
        rest = everything_after(journal, first[-1].seq)
        assert [entry.seq for entry in first + rest][:20] == sequences
        assert rest[-1].payload == b"late"
        assert contents(journal.read(sequences[2], 1)) == [bytes([3]) * 100]


def test_what_lies_far_into_a_large_segment_is_found(tmp_path: Path) -> None:
    with opened(tmp_path / "j", 64 << 20) as journal:
        sequences = [journal.append(bytes(100_000)) for _ in range(75)]
        assert len(segments(tmp_path / "j")) == 1
        for after in (60, 74):
            # Not where the last reading stopped: the segment is read from its head, which is more than one piece.
            journal.read(0, 1)
            assert journal.read(sequences[after - 1], 1)[0].seq == sequences[after]


def everything_after(journal: Journal, seq: int) -> list[Entry]:
    found: list[Entry] = []
    while entries := journal.read(seq, 3):
        found += entries
        seq = entries[-1].seq
    return found


@settings(max_examples=60)
@given(records=payloads, share=st.floats(0.0, 1.0))
def test_a_write_cut_short_at_any_byte_costs_only_itself(records: list[bytes], share: float) -> None:
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "j"
        filled(base, records)
        (file,) = segments(base)
        content = file.read_bytes()
        whole = [record for record in unpack(content) if record.kind == Kind.DATA]
        cut = round(share * len(content))
        os.truncate(file, cut)
        kept = [record.payload for record in whole if record.end <= cut]
        assert pending(base) == kept == records[: len(kept)]


@settings(max_examples=100)
@given(records=payloads, at=st.integers(0, 10_000), flip=st.integers(1, 255))
def test_a_garbled_byte_costs_nothing_before_it_and_never_comes_back_as_data(
    records: list[bytes], at: int, flip: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        base = Path(directory) / "j"
        filled(base, records)
        (file,) = segments(base)
        content = bytearray(file.read_bytes())
        at %= len(content)
        before = [r.payload for r in unpack(bytes(content)) if r.kind == Kind.DATA and r.end <= at]
        content[at] ^= flip
        file.write_bytes(content)
        with opened(base) as journal:
            kept = contents(everything(journal))
            assert journal.recovery.torn_bytes > 0
        assert kept == before


def test_a_damage_in_the_middle_costs_its_segment_s_rest_and_is_counted(tmp_path: Path) -> None:
    base = tmp_path / "j"
    records = [bytes([number]) * 100 for number in range(30)]
    filled(base, records, BOUND)
    files = segments(base)
    content = bytearray(files[1].read_bytes())
    inside = [record.end for record in unpack(bytes(content)) if record.kind == Kind.DATA]
    content[inside[1] + 20] ^= 1  # in its third data record
    files[1].write_bytes(content)
    with opened(base, BOUND) as journal:
        kept = contents(everything(journal))
        assert journal.recovery.missing == len(inside) - 2 == len(records) - len(kept)
    assert kept == [record for record in records if record in kept]


def test_damage_that_comes_while_the_journal_is_open_does_not_stop_its_reader(tmp_path: Path) -> None:
    base = tmp_path / "j"
    with opened(base) as journal:
        for number in range(4):
            journal.append(bytes([number]) * 50)
        (file,) = segments(base)
        os.truncate(file, file.stat().st_size - 10)
        assert contents(journal.read(0, 10)) == [bytes([number]) * 50 for number in range(3)]
        assert journal.read(3, 10) == []
        last = journal.append(b"after")
        assert [(entry.seq, entry.payload) for entry in journal.read(3, 10)] == [(last, b"after")]


def test_it_stays_within_its_bound_and_says_exactly_what_that_costs(tmp_path: Path) -> None:
    base = tmp_path / "j"
    with opened(base, BOUND) as journal:
        for number in range(1, 1001):
            journal.append(frame(number))
            assert sum(file.stat().st_size for file in segments(base)) <= BOUND + BOUND // SEGMENTS
        dropped = journal.losses.frames
        assert journal.losses.by_source["plc"] == Loss(dropped, 2 * dropped, 1, dropped)
    with opened(base, BOUND) as again:
        assert 0 < again.losses.frames == dropped
        assert again.recovery.pending == 1000 - dropped
        assert [entry.seq for entry in everything(again)] == list(range(dropped + 1, 1001))


def test_what_consumers_may_already_have_is_not_called_lost(tmp_path: Path) -> None:
    with opened(tmp_path / "j", BOUND) as journal:
        for number in range(1, 301):
            journal.append(frame(number))
            journal.handed_seq = number
        assert journal.losses.frames == 0
        assert journal.unconfirmed == journal.given_up_seq > 0


def test_acknowledged_records_cost_nothing_when_they_are_removed(tmp_path: Path) -> None:
    base = tmp_path / "j"
    with opened(base, BOUND) as journal:
        for _ in range(2000):
            journal.acknowledge(journal.append(b"x" * 40))
        assert journal.losses.frames == 0
        assert len(segments(base)) <= 2
    assert pending(base, BOUND) == []


def test_a_kill_between_account_and_deed_counts_once(tmp_path: Path) -> None:
    base = tmp_path / "j"
    kept: dict[Path, bytes] = {}
    with opened(base, BOUND) as journal:
        number = 0
        while journal.losses.frames == 0:
            kept |= {path: path.read_bytes() for path in segments(base)}
            number += 1
            journal.append(frame(number))
        dropped = journal.losses.frames
    given_up = min(kept)
    assert not given_up.exists()
    given_up.write_bytes(kept[given_up])  # as if the process had been killed before it removed the file
    with opened(base, BOUND) as again:
        assert again.losses.frames == dropped
        assert again.recovery.pending == number - dropped
    assert not given_up.exists()


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
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        told = [int(process.stdout.readline()) for _ in range(200)]
        with pytest.raises(ConfigError, match="another process"):
            Journal(tmp_path / "j")
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
    found = pending(tmp_path / "j")
    assert len(found) >= len(told) == told[-1]
    assert set(found) == {b"payload" * 3}


def test_what_is_to_outlive_the_power_is_every_segment_and_no_descriptor_is_left(tmp_path: Path) -> None:
    descriptors = len(os.listdir("/proc/self/fd"))
    with opened(tmp_path / "j", BOUND) as journal:
        for _ in range(60):
            journal.append(b"x" * 100)
        waiting = journal.unsynced()
        places = [os.readlink(f"/proc/self/fd/{descriptor}") for descriptor in waiting]
        assert places == [*map(str, segments(tmp_path / "j")), str(tmp_path)]
        fsync_all(waiting)
        journal.append(b"y")
        again = journal.unsynced()
        assert len(again) == 2
        fsync_all(again)
        journal.sync()
        for _ in range(3000):
            journal.append(b"x" * 100)
    assert len(os.listdir("/proc/self/fd")) == descriptors


def test_a_full_disk_is_told_and_costs_nothing_that_was_written(tmp_path: Path) -> None:
    program = (
        "import resource, signal, sys\n"
        "from workcell_sensors.journal import Journal\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "journal = Journal(sys.argv[1])\n"
        "journal.append(b'first')\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))\n"
        "try:\n"
        "    journal.append(b'x' * 1000)\n"
        "except OSError as error:\n"
        "    print(error)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))\n"
        "journal.append(b'second')\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "j")]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=True)
    assert "the disk takes no more" in told.stdout
    assert pending(tmp_path / "j") == [b"first", b"second"]


def test_an_unwritable_place_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="writable directory"):
        Journal(tmp_path / "file" / "j")
    with pytest.raises(ConfigError, match=f"at least {BOUND}"):
        Journal(tmp_path / "j", bytes_max=10)


def test_a_record_too_large_for_a_segment_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path / "j", BOUND) as journal, pytest.raises(ValueError, match="does not fit"):
        journal.append(b"x" * 5000)
