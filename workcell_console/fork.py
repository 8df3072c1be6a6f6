"""The twin's fork: runs the same nodes on virtual time in this process, one request per line of input.

`python -m workcell_console.fork` reads a request (see `workcell_control.twin.fork`) from each line of
standard input and answers with the cycles the forked cell made, or with `{"error": ...}`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any, TextIO

import yaml

from workcell_console.shift import ShiftOptions, run_shift
from workcell_control.twin.forecast import ForkCycle
from workcell_control.twin.fork import ForkRequest, cycles_to_line
from workcell_control.twin.mirror import Condition
from workcell_ros.errors import WorkcellError

VERDICT_ACCEPT = 0


def run_fork(request: ForkRequest, folder: Path) -> list[ForkCycle]:
    """Runs one fork and returns its cycles.

    Raises:
        WorkcellError: the forked cell could not run.
    """
    scenario = folder / "forked.yaml"
    scenario.write_text(yaml.safe_dump(_scenario(request.condition, request.duration_s)), encoding="utf-8")
    params = folder / "params_fork.yaml"
    params.write_text(yaml.safe_dump(_parameters(request.parameters)), encoding="utf-8")
    arguments = {
        "policy": "fixed",
        "twin": "false",
        "tf": "false",
        "params_file": str(params),
        "log_level": "error",
        "fidelity": "kinematic",
    }
    options = ShiftOptions(folder / "run", str(scenario), request.duration_s, request.seed, arguments=arguments)
    results = run_shift(options)
    return [_cycle(row) for row in results["cycles"] if "cycle_time" in row]


def _scenario(condition: Condition, duration_s: float) -> dict[str, Any]:
    """Returns a scenario in which the mirrored condition holds from the start to the end."""
    kinds = {
        "vacuum_leak": (condition.leak, 0.0),
        "heavy_lot": (condition.mass, 1.0),
        "light_drift": (condition.light, 1.0),
    }
    events = [
        {"kind": kind, "at_s": 0.0, "magnitude": value} for kind, (value, nominal) in kinds.items() if value != nominal
    ]
    return {"description": "the cell as the twin sees it", "duration_s": duration_s, "events": events}


def _parameters(values: dict[str, dict[str, float]]) -> dict[str, Any]:
    return {node: {"ros__parameters": block} for node, block in values.items() if block}


def _cycle(row: dict[str, float]) -> ForkCycle:
    return ForkCycle(
        cycle_time_s=row["cycle_time"],
        # An accepted part counts as good: escapes depend on the inspection, not on what is tried here.
        is_good=round(row["verdict"]) == VERDICT_ACCEPT and row["drop"] < 0.5,
        is_dropped=row["drop"] > 0.5,
        energy_j=row["energy"],
    )


def serve(requests: TextIO, answers: TextIO) -> None:
    """Answers every line of `requests` until they end."""
    for line in requests:
        with tempfile.TemporaryDirectory(prefix="workcell-fork-") as folder:
            try:
                answer = cycles_to_line(run_fork(ForkRequest.from_line(line), Path(folder)))
            except WorkcellError as error:
                answer = json.dumps({"error": str(error)})
        answers.write(answer + "\n")
        answers.flush()


def main() -> None:
    """Serves standard input; what the nodes print goes to standard error, so that answers stay lines of JSON."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Log files are for the real cell.
    for variable in ("ROS_LOG_DIR", "ROS_HOME"):
        os.environ.pop(variable, None)
    serve(sys.stdin, answers)


if __name__ == "__main__":
    main()
