"""`python -m bench.motion [--part ik|trajectories|planning|collisions|cycle]... [--quick] [--series N]`.

Every figure is measured beside its peer in the same run, in processor time. Peers come from PyPI with the extra
`bench`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

from bench.motion import collisions, cycle, ik, planning, trajectories
from bench.output import keep

PARTS: dict[str, Callable[[float, int], dict[str, Any]]] = {
    "ik": ik.measure,
    "trajectories": trajectories.measure,
    "planning": planning.measure,
    "collisions": collisions.measure,
    "cycle": cycle.measure,
}
QUICK_SHARE = 0.05


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.motion", description=__doc__)
    parser.add_argument("--part", action="append", choices=list(PARTS), help="only this; may be given several times")
    parser.add_argument("--quick", action="store_true", help="a twentieth of the cases")
    parser.add_argument("--series", type=int, default=0, help="which series of random cases; 0 is the published one")
    parser.add_argument("--data", help="not used: motion needs no data")
    given = parser.parse_args(argv)
    share = QUICK_SHARE if given.quick else 1.0
    chosen = given.part or list(PARTS)
    name = "motion" if len(chosen) == len(PARTS) else f"motion_{'_'.join(chosen)}"
    keep(name + (f"_series_{given.series}" if given.series else ""), {n: PARTS[n](share, given.series) for n in chosen})
    return 0


if __name__ == "__main__":
    sys.exit(main())
