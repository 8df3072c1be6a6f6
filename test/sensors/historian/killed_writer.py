"""Writes readings until it is killed; prints how many are in the journal, which must then all be found."""

from __future__ import annotations

import random
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from workcell_sensors.historian.historian import Historian, HistorianConfig
from workcell_sensors.historian.parquet_store import ParquetStore
from workcell_sensors.historian.schema import READINGS
from workcell_sensors.historian.spool import Spool
from workcell_sensors.journal import Journal

TAGS = 10


def main(folder: Path, start: int) -> None:
    """Adds scans numbered from `start` on."""
    store = ParquetStore(folder / "store")
    spool = Spool(Journal(folder / "journal", 16 << 20), 12 << 20, store.last_number())
    config = HistorianConfig(flush_s=0.02, batch_rows_max=200)
    historian = Historian(spool, store, ThreadPoolExecutor(1).submit, config, time.time_ns(), random.Random(1))
    while True:
        historian.add(READINGS, [(start, f"tag{n}", float(start), 0) for n in range(TAGS)], time.time_ns())
        start += 1
        print(start, flush=True)
        historian.tick(time.time_ns())


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
