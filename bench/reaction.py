"""From a reading's arrival to what it changes, in wall time, over real MQTT and real OPC UA on loopback.

    python -m bench.reaction [--trials 200]

A simulated device's server in one process; gateway, policy, governor and the cell's mover in another, as in a cell,
with journal and audit log on disk. The vacuum of a carried part falls in mid-move, the reflex rule answers, the
governor sets the cell's bound on acceleration (the changed parameter), and the mover sends the rest of the move anew at
a lower rate (the changed command, when the arm's controller receives it). In the same run a bare loop sleeps 1 ms at a
time: how late it wakes up is what the machine itself adds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from bench.ingest import cell_environment
from bench.output import keep, show
from workcell_sim.plant.servers.server import free_port

CELL = Path(__file__).parent / "programs" / "reaction_cell.py"
TARGET_MS = 20.0
SOURCES = {
    "mqtt": ("protocol: mqtt", "gripper/vacuum"),
    "opcua": ("protocol: opcua, security_policy: none", "ns=2;s=gripper.vacuum"),
}
PERIOD_S = 0.05
TIMES = ("arrival_to_change", "arrival_to_command", "device_to_change")
COLUMNS = [
    "protocol",
    "trials",
    "none",
    "parameter p50 ms",
    "p99",
    "command p50",
    "p99",
    "no command",
    "device to parameter p50",
    "p99",
    "cpu",
    "bare loop p50",
    "p99",
    "load",
]
BARE_LOOP = """
import json, sys, time
late_ms = []
try:
    print("running", flush=True)
    while True:
        start = time.perf_counter()
        time.sleep(0.001)
        late_ms.append(1e3 * (time.perf_counter() - start) - 1.0)
        if len(late_ms) >= 200000 or sys.stdin in __import__("select").select([sys.stdin], [], [], 0)[0]:
            break
finally:
    print(json.dumps(late_ms), flush=True)
"""


def main() -> None:
    """Measures both protocols and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=200)
    parser.add_argument("--protocols", nargs="*", choices=tuple(SOURCES), default=list(SOURCES))
    options = parser.parse_args()
    kept = {protocol: measure(protocol, options.trials) for protocol in options.protocols}
    rows = [_row(protocol, figures) for protocol, figures in kept.items()]
    title = f"a reading's arrival to the changed parameter and command; target: parameter p99 <= {TARGET_MS:g} ms"
    show(title, COLUMNS, rows)
    keep("reaction", {"target_p99_ms": TARGET_MS, "protocols": kept})


def measure(protocol: str, trials: int) -> dict[str, Any]:
    """Returns the figures of one protocol."""
    port = free_port()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="workcell-reaction-") as folder:
        tags_file = Path(folder) / "tags.yaml"
        tags_file.write_text(_tag_table(*SOURCES[protocol], port), encoding="utf-8")
        arguments = ["--tags-file", str(tags_file), "--folder", folder, "--port", str(port), "--trials", str(trials)]
        command = [sys.executable, "-m", "workcell_sim.embedded", "--quiet", str(CELL), *arguments]
        bare = subprocess.Popen(
            [sys.executable, "-c", BARE_LOOP], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            done = subprocess.run(command, env=cell_environment(), stdout=subprocess.PIPE, text=True, check=True)
        finally:
            said, _ = bare.communicate("stop\n")
    figures: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    late_ms = json.loads(said.splitlines()[-1])
    times_ms = {name: [item[f"{name}_ms"] for item in figures["reactions"]] for name in TIMES}
    return {
        **figures,
        **{key: value for name, values in times_ms.items() for key, value in _quantiles(name, values).items()},
        **_quantiles("bare_loop", late_ms),
        "uncommanded": times_ms["arrival_to_command"].count(None),
        "load_start": load,
        "load_end": os.getloadavg()[0],
    }


def _tag_table(source: str, address: str, port: int) -> str:
    return (
        f"sources:\n  field: {{{source}, port: {port}}}\ntags:\n"
        f'  - {{tag: gripper/vacuum, source: field, address: "{address}", unit: kPa, si: Pa, period_s: {PERIOD_S}, '
        "stale_after_s: 60.0, low: -2000.0, high: 101325.0}\n"
    )


def _quantiles(name: str, values: list[float | None]) -> dict[str, float]:
    known = [value for value in values if value is not None]
    p50, p99 = np.quantile(known, [0.5, 0.99]) if known else (np.nan, np.nan)
    return {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}


def _row(protocol: str, figures: dict[str, Any]) -> list[object]:
    change, command, device = ([figures[f"{name}_{end}_ms"] for end in ("p50", "p99")] for name in TIMES)
    return [
        protocol,
        figures["trials"],
        figures["unanswered"],
        *change,
        *command,
        figures["uncommanded"],
        *device,
        figures["cpu_share"],
        figures["bare_loop_p50_ms"],
        figures["bare_loop_p99_ms"],
        f"{figures['load_start']:.1f} to {figures['load_end']:.1f}",
    ]


if __name__ == "__main__":
    main()
