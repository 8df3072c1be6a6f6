"""Ten minutes of faults: `python -m bench.ingest --soak [--protocols P ...] [--seconds S]`.

Devices of several protocols say 5,000 values a second together. Every ten seconds something fails: a server is killed
and restarted, restarted at once, or stalled; the gateway is killed (-9); the gateway with its consumer stands still.
What reached the gateway is logged after it was journalled, what the consumer kept is logged when it acknowledges: the
two logs must hold the same. The gateway is killed in the first half only, so that the second shows whether its memory
grows.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench import ingest
from bench.ingest_tally import read_events
from bench.output import keep, show
from workcell_sensors.tags import load_tags

RATE_HZ = 5000.0
PERIOD_S = 0.1
FAULT_PERIOD_S = 10.0
OUTAGE_S = 3.0
DRAIN_S = 6.0
WARM_S = 20.0
"""Of the second half, before its memory counts."""
GROWTH_MAX = 0.05


class Server:
    """A protocol's server that can fail."""

    def __init__(self, protocol: str, tags: int) -> None:
        self.protocol = protocol
        self.tags = tags
        self.port = ingest.free_port()
        self.start()

    def start(self) -> None:
        """Starts it on its port and waits until it listens."""
        arguments = [self.protocol, str(self.port), str(self.tags), str(PERIOD_S)]
        command = [sys.executable, "-m", "bench.ingest", "--serve", *arguments]
        self._process = subprocess.Popen(command, start_new_session=True)
        ingest.wait_for(self.port, self._process)

    def kill(self) -> None:
        """Ends it and what it has started, without a goodbye."""
        self.signal(signal.SIGKILL)
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to it and to what it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


@dataclass
class Cell:
    """Gateway and consumer, started again and again over the same journal."""

    command: list[str]
    starts: int = 0
    rss_bytes: list[tuple[float, int]] = field(default_factory=list)
    _process: Any = None

    def start(self) -> None:
        """Starts it."""
        self._process = subprocess.Popen(self.command, env=ingest.cell_environment(), stdout=subprocess.PIPE, text=True)
        self.starts += 1

    def kill(self) -> None:
        """Ends it as a loss of power to the process would."""
        self._process.kill()
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to it."""
        self._process.send_signal(number)

    def sample(self, at_s: float) -> None:
        """Notes its resident memory."""
        with contextlib.suppress(OSError):
            pages = int(Path(f"/proc/{self._process.pid}/statm").read_text().split()[1])
            self.rss_bytes.append((at_s, pages * os.sysconf("SC_PAGE_SIZE")))

    def finish(self) -> dict[str, Any]:
        """Lets it end and returns its figures."""
        self.signal(signal.SIGTERM)
        told, _ = self._process.communicate(timeout=60.0)
        figures: dict[str, Any] = json.loads(told.strip().splitlines()[-1])
        return figures


def soak(options: argparse.Namespace) -> None:
    """Runs the soak and prints what was lost."""
    tags = max(1, round(RATE_HZ * PERIOD_S / len(options.protocols)))
    with tempfile.TemporaryDirectory(prefix="workcell-soak-") as folder, contextlib.ExitStack() as stack:
        base = Path(folder)
        servers = []
        for protocol in options.protocols:
            servers.append(Server(protocol, tags))
            stack.callback(servers[-1].kill)
        (base / "tags.yaml").write_text(joined_tag_file(servers))
        files = ["--journal", str(base / "journal"), "--keep", str(base / "kept"), "--witness", str(base / "reached")]
        cell = Cell(ingest.cell_command(base / "tags.yaml", 10 * options.seconds, *files))
        cell.start()
        stack.callback(cell.kill)
        faults = run(servers, cell, options.seconds)
        for server in servers:
            server.kill()
        wait(cell, DRAIN_S, 0.0)
        last = cell.finish()
        figures = judge(base, cell, last, options.seconds)
    figures |= {"faults": faults, "tags": tags * len(servers), "protocols": options.protocols}
    show(f"soak: {len(faults)} faults in {options.seconds:g} s", ["", "value"], [[k, v] for k, v in rows(figures)])
    keep("ingest_soak", figures)


def run(servers: list[Server], cell: Cell, seconds: float) -> list[str]:
    """Lets things fail until the time is over; returns what failed."""
    done = []
    start = time.monotonic()
    for name, fault in schedule(servers, cell, seconds / 2.0, lambda: time.monotonic() - start):
        at_s = time.monotonic() - start
        if at_s + FAULT_PERIOD_S > seconds:
            break
        wait(cell, FAULT_PERIOD_S - OUTAGE_S, at_s)
        fault()
        done.append(name)
        print(f"{time.monotonic() - start:6.1f} s: {name}", flush=True)
        rest_s = FAULT_PERIOD_S - (time.monotonic() - start - at_s)
        wait(cell, max(0.0, rest_s), at_s)
    return done


def schedule(
    servers: list[Server], cell: Cell, kills_until_s: float, now_s: Callable[[], float]
) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yields faults for ever, with their names."""
    for server in itertools.cycle(servers):
        yield f"{server.protocol} server killed", partial(outage, server)
        yield "gateway and consumer stand still", partial(stall, cell)
        if now_s() < kills_until_s:
            yield "gateway killed", partial(restart, cell)
        yield f"{server.protocol} server stalled", partial(stall, server)
        yield f"{server.protocol} server restarted", partial(restart, server)


def outage(server: Server) -> None:
    """Kills a server and brings it back."""
    server.kill()
    time.sleep(OUTAGE_S)
    server.start()


def restart(process: Server | Cell) -> None:
    """Kills a process and starts it at once."""
    process.kill()
    process.start()


def stall(process: Server | Cell) -> None:
    """Lets a process hang for a while."""
    process.signal(signal.SIGSTOP)
    time.sleep(OUTAGE_S)
    process.signal(signal.SIGCONT)


def wait(cell: Cell, seconds: float, at_s: float) -> None:
    """Waits, and watches the memory."""
    start = time.monotonic()
    while (elapsed_s := time.monotonic() - start) < seconds:
        cell.sample(at_s + elapsed_s)
        time.sleep(min(1.0, seconds - elapsed_s))


def joined_tag_file(servers: list[Server]) -> str:
    """Returns one tag table for all servers."""
    sources, tags = {}, []
    for server in servers:
        data = yaml.safe_load(ingest.module_of(server.protocol).tag_file(server.tags, PERIOD_S, server.port))
        (row,) = data["sources"].values()
        sources[server.protocol] = row
        tags += [{**tag, "source": server.protocol, "tag": f"{server.protocol}/{tag['tag']}"} for tag in data["tags"]]
    return yaml.safe_dump({"sources": sources, "tags": tags})


def judge(base: Path, cell: Cell, last: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Returns what was lost, repeated and out of order, and how memory grew in the half without kills."""
    reached, kept = read_events(base / "reached"), read_events(f"{base / 'kept'}.log")
    missing = np.setdiff1d(reached, kept)
    half = [rss for at_s, rss in cell.rss_bytes if at_s > seconds / 2.0 + FAULT_PERIOD_S + WARM_S]
    protocols = np.array([tag.partition("/")[0] for tag in load_tags(base / "tags.yaml").tags])
    third = max(1, len(half) // 3)
    growth = float(np.mean(half[-third:]) / np.mean(half[:third]) - 1.0) if half else float("nan")
    return {
        "reached_the_gateway": len(reached),
        "kept_by_the_consumer": len(kept),
        "rate_hz": len(kept) / seconds,
        "lost": len(missing),
        "lost_of": {name: int(np.sum(protocols[missing["row"]] == name)) for name in np.unique(protocols)},
        "lost_events": [describe(event, kept) for event in missing[:: max(1, len(missing) // 5)]],
        "dropped_by_the_bound": last["dropped_values"],
        "delivered_twice": last["repeated"],
        "order_violations_per_tag": last["order_violations"],
        "came_as_past_values": last["past"],
        "gateway_starts": cell.starts,
        "rss_growth": growth,
        "rss_end_mib": half[-1] / 2**20 if half else float("nan"),
        "pipeline": last["pipeline"],
        "sources": last["sources"],
    }


def describe(event: Any, kept: Any) -> dict[str, Any]:
    """Returns one lost event with what was kept of its tag around it."""
    own = kept[kept["row"] == event["row"]]
    at = int(np.searchsorted(own["stamp_ns"], event["stamp_ns"]))
    around = [(int(item["stamp_ns"]), float(item["value"])) for item in own[max(0, at - 2) : at + 2]]
    return {"row": int(event["row"]), "event": (int(event["stamp_ns"]), float(event["value"])), "around": around}


def rows(figures: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yields the lines of the table."""
    for name in ("tags", "reached_the_gateway", "kept_by_the_consumer", "rate_hz", "lost", "dropped_by_the_bound"):
        yield name.replace("_", " "), figures[name]
    for name in ("delivered_twice", "order_violations_per_tag", "came_as_past_values", "gateway_starts", "rss_end_mib"):
        yield name.replace("_", " "), figures[name]
    yield f"RSS growth in the second half (at most {GROWTH_MAX:.0%})", f"{figures['rss_growth']:.1%}"
