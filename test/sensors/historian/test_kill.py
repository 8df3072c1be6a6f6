"""A historian that is killed without warning, over and over, and one that is read while it writes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from killed_writer import TAGS

from workcell_sensors.historian import queries
from workcell_sensors.historian.historian import Historian, HistorianConfig
from workcell_sensors.historian.history import Span
from workcell_sensors.historian.parquet_history import ParquetHistory
from workcell_sensors.historian.parquet_store import ParquetStore
from workcell_sensors.historian.records import Batch, Record
from workcell_sensors.historian.spool import Spool
from workcell_sensors.journal import Journal

KILLS = 4
S = 1_000_000_000


def test_what_was_journaled_before_a_kill_is_there_once(tmp_path: Path) -> None:
    rng = random.Random(4)
    start = 1
    for _ in range(KILLS):
        writer = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("killed_writer.py")), str(tmp_path), str(start)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert writer.stdout is not None
        for _ in range(rng.randrange(20, 300)):
            line = writer.stdout.readline()
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read().split()
        writer.wait()
        # The last line may have been cut short by the kill; what it stood for was journaled before.
        start = max(int(line), *(int(text) for text in rest[:-1])) if len(rest) > 1 else int(line)
    store = ParquetStore(tmp_path / "store")
    spool = Spool(Journal(tmp_path / "journal", 16 << 20), 12 << 20, store.last_number())
    historian = Historian(spool, store, ThreadPoolExecutor(1).submit, HistorianConfig(), 0, random.Random(1))
    historian.drain(S)
    assert historian.status.problem == ""
    history = ParquetHistory(tmp_path / "store")
    numbers = [row[0] for portion in history.ask(queries.readings([], Span())) for row in portion]
    history.close()
    # A scan that a kill caught between the journal and the print comes again under the same number: it counts once.
    assert len(numbers) == len(set(numbers)) * TAGS
    assert set(range(1, start)) <= {int(number) for number in numbers}


def test_a_reader_never_sees_less_than_before_while_it_is_written_and_merged(tmp_path: Path) -> None:
    store = ParquetStore(tmp_path)
    store.write(Batch((Record(1, "readings", ((S, "a", 1.0, 0),)),)))
    done = threading.Event()
    problems: list[str] = []

    def read() -> None:
        history = ParquetHistory(tmp_path)
        seen = 0
        while not done.is_set():
            count = sum(len(portion) for portion in history.ask(queries.readings([], Span())))
            if count < seen:
                problems.append(f"{count} rows after {seen}")
            seen = count
        history.close()

    reader = threading.Thread(target=read)
    reader.start()
    deadline_s = time.monotonic() + 20.0
    for number in range(2, 60):
        assert time.monotonic() < deadline_s
        store.write(Batch((Record(number, "readings", ((S * number, "a", 1.0, 0),)),)))
        if number % 20 == 0:
            store.maintain(S)
    done.set()
    reader.join()
    assert problems == []
    store.close()
