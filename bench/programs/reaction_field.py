"""The field of the reaction benchmark: one simulated device server, written to on command, in a process of its own.

Shows a value again and again with a little noise, as a sensor does. A line on standard input is the next one: it is
shown at once and answered with the time, [ns] since the epoch, just before.
"""

from __future__ import annotations

import argparse
import random
import select
import sys
import time

from workcell_sensors.tags import load_tags
from workcell_sim.plant.servers.registry import make_server
from workcell_sim.plant.servers.server import LOOPBACK, Update

PERIOD_S = 0.05
NOISE = 0.05
"""In the tag's own unit."""


def main() -> None:
    """Serves until standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tags-file", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()
    table = load_tags(options.tags_file)
    row = table.sources["field"]
    tags = table.of_source("field")
    server = make_server(row, tags, LOOPBACK)
    server.start(options.port)
    print("serving", flush=True)
    addresses = tuple(tag.address for tag in tags)
    rng = random.Random(1)
    value = 0.0
    try:
        while True:
            line = sys.stdin.readline() if select.select([sys.stdin], [], [], PERIOD_S)[0] else None
            if line == "":
                break
            value = float(line) if line else value
            now_ns = time.time_ns()
            server.write(Update(addresses, (value + NOISE * rng.random(),) * len(addresses), now_ns))
            if line:
                print(now_ns, flush=True)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
