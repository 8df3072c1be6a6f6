"""Field to ROS: tag updates a second from each protocol into ROS messages, beside the bare client in the same run.

`python -m bench.ingest [--protocols P ...] [--tags N] [--period S] [--seconds S]`
`python -m bench.ingest --soak [--seconds S]`: see `bench.ingest_soak`.

Each protocol has a module `bench.ingest_<protocol>` with

    serve(port, tags, period_s)                     a server, in a process of its own, of counters that rise together
    tag_file(tags, period_s, port) -> str           the tag table for it
    bare(port, tags, period_s, seconds) -> int      updates that the client library alone receives (a coroutine)
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import json
import math
import os
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.ingest_parts import LOOPBACK
from bench.output import keep, show

PROTOCOLS = ("opcua", "mqtt", "sparkplug", "modbus", "mtconnect", "shdr")
TARGET_RATE_HZ = 20_000.0
TARGET_RATIO = 0.7
START_LIMIT_S = 60.0
CELL = Path(__file__).parent / "programs" / "ingest_cell.py"


def module_of(protocol: str) -> Any:
    """Returns the benchmark module of a protocol."""
    return importlib.import_module(f"bench.ingest_{protocol}")


def free_port() -> int:
    """Returns a port that nothing listens on at the moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(protocol: str, port: int, tags: int, period_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a protocol's server in a process of its own while the context lasts."""
    command = [sys.executable, "-m", "bench.ingest", "--serve", protocol, str(port), str(tags), str(period_s)]
    server = subprocess.Popen(command)
    try:
        wait_for(port, server)
        yield server
    finally:
        server.kill()
        server.wait()


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Waits until something listens on the port."""
    limit = time.monotonic() + START_LIMIT_S
    while time.monotonic() < limit:
        if server.poll() is not None:
            raise RuntimeError(f"the server ended with code {server.returncode}")
        with contextlib.suppress(OSError), socket.create_connection((LOOPBACK, port), 0.2):
            return
        time.sleep(0.1)
    raise RuntimeError(f"nothing listens on port {port}")


def run_bare(protocol: str, port: int, tags: int, period_s: float, seconds: float) -> dict[str, Any]:
    """Returns the figures of the client library's bare loop, run in a process of its own."""
    numbers = [str(port), str(tags), str(period_s), str(seconds)]
    return last_line([sys.executable, "-m", "bench.ingest", "--bare", protocol, *numbers])


def run_cell(tags_file: Path, seconds: float, *extra: str) -> dict[str, Any]:
    """Returns the figures of gateway and subscriber, run in a process of their own on the embedded runtime."""
    return last_line(cell_command(tags_file, seconds, *extra))


def cell_command(tags_file: Path, seconds: float, *extra: str) -> list[str]:
    """Returns the command that runs gateway and subscriber."""
    arguments = ["--tags-file", str(tags_file), "--seconds", str(seconds), *extra]
    return [sys.executable, "-m", "workcell_sim.embedded", "--quiet", str(CELL), *arguments]


def cell_environment() -> dict[str, str]:
    """Returns the environment of gateway and subscriber."""
    return {**os.environ, "WORKCELL_RUNTIME": "embedded", "PYTHONPATH": os.getcwd()}


def last_line(command: list[str]) -> dict[str, Any]:
    """Runs a command and returns the JSON of its last line."""
    done = subprocess.run(command, env=cell_environment(), stdout=subprocess.PIPE, text=True, check=True)
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return figures


def measure(protocol: str, options: argparse.Namespace) -> dict[str, Any]:
    """Returns the figures of one protocol: the bare client, then gateway and subscriber, on one server."""
    port = free_port()
    with (
        tempfile.TemporaryDirectory(prefix="workcell-ingest-") as folder,
        serving(protocol, port, options.tags, options.period),
    ):
        bare = run_bare(protocol, port, options.tags, options.period, options.seconds)
        tags_file = Path(folder) / "tags.yaml"
        tags_file.write_text(module_of(protocol).tag_file(options.tags, options.period, port))
        journal = ["--journal", str(Path(folder) / "journal")] if options.journal else []
        cell = run_cell(tags_file, options.seconds, *journal)
    return {"bare": bare, "cell": cell}


def row_of(protocol: str, figures: dict[str, Any]) -> list[object]:
    """Returns one line of the table."""
    bare, cell = figures["bare"], figures["cell"]
    rate_hz, bare_hz = cell["updates"] / cell["seconds"], bare["updates"] / bare["seconds"]
    rss = cell["rss_bytes"]
    return [
        protocol,
        rate_hz,
        bare_hz,
        rate_hz / bare_hz if bare_hz else math.nan,
        cell["lost"],
        cell["repeated"] + cell["out_of_order"],
        cell["cpu_share"],
        1e6 * cell["cpu_share"] / max(1e-9, rate_hz),
        1e6 * bare["cpu_share"] / max(1e-9, bare_hz),
        1000.0 * cell["latency_p50_s"],
        1000.0 * cell["latency_p99_s"],
        100.0 * (rss[-1] / rss[len(rss) // 6] - 1.0),
    ]


COLUMNS = [
    "protocol",
    "tags/s",
    "bare tags/s",
    "ratio",
    "lost",
    "repeated",
    "cpu",
    "us/tag",
    "bare us/tag",
    "p50 ms",
    "p99 ms",
]


def compare(options: argparse.Namespace) -> None:
    """Measures every protocol and prints the table."""
    rows, kept = [], {}
    for protocol in options.protocols:
        kept[protocol] = measure(protocol, options)
        rows.append(row_of(protocol, kept[protocol]))
        print(f"{protocol}: {rows[-1][1]:,.0f} tags/s, bare {rows[-1][2]:,.0f}", flush=True)
    title = (
        f"{options.tags} tags every {options.period:g} s for {options.seconds:g} s; cpu in cores; "
        f"targets: {TARGET_RATE_HZ:,.0f} tags/s, ratio {TARGET_RATIO:g}"
    )
    show(title, [*COLUMNS, "RSS %"], rows)
    targets = {"rate_hz_min": TARGET_RATE_HZ, "ratio_min": TARGET_RATIO}
    keep("ingest", {"tags": options.tags, "period_s": options.period, "targets": targets, "protocols": kept})


def bare(protocol: str, port: int, tags: int, period_s: float, seconds: float) -> None:
    """Runs the client library's loop and prints its figures."""
    start = time.monotonic()
    updates = asyncio.run(module_of(protocol).bare(port, tags, period_s, seconds))
    elapsed_s = time.monotonic() - start
    used = resource.getrusage(resource.RUSAGE_SELF)
    # The loop itself takes `seconds`; the rest is coming up.
    share = (used.ru_utime + used.ru_stime) / elapsed_s
    print(json.dumps({"updates": updates, "seconds": seconds, "cpu_share": share}), flush=True)


def main() -> None:
    """Runs the benchmark, or one of the processes that it starts."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--protocols", nargs="+", default=list(PROTOCOLS), choices=PROTOCOLS)
    parser.add_argument("--tags", type=int, default=2500)
    parser.add_argument("--period", type=float, default=0.1, help="of the server's updates, in seconds")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--journal", action="store_true", help="with the journal on disk")
    parser.add_argument("--soak", action="store_true", help="faults every ten seconds, instead")
    parser.add_argument("--serve", nargs=4, metavar=("PROTOCOL", "PORT", "TAGS", "PERIOD"), help=argparse.SUPPRESS)
    parser.add_argument(
        "--bare", nargs=5, metavar=("PROTOCOL", "PORT", "TAGS", "PERIOD", "SECONDS"), help=argparse.SUPPRESS
    )
    options = parser.parse_args()
    if options.serve:
        protocol, port, tags, period_s = options.serve
        module_of(protocol).serve(int(port), int(tags), float(period_s))
    elif options.bare:
        protocol, port, tags, period_s, seconds = options.bare
        bare(protocol, int(port), int(tags), float(period_s), float(seconds))
    elif options.soak:
        importlib.import_module("bench.ingest_soak").soak(options)
    else:
        compare(options)


if __name__ == "__main__":
    main()
