"""The twin's fork: tries parameters out on a second cell, one request per line of input.

`python -m workcell_console.fork --seed N` brings a cell up once, reads a request (see `workcell_control.twin.fork`)
from each line of standard input and answers with the cycles the cell made, or with `{"error": ...}`.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from workcell_control.twin.fork import ForkRequest
from workcell_ros.errors import WorkcellError
from workcell_sim.embedded import activate


def serve(try_out: Callable[[ForkRequest], str], requests: TextIO, answers: TextIO) -> None:
    """Answers every line of `requests` until they end."""
    for line in requests:
        try:
            answer = try_out(ForkRequest.from_line(line))
        except WorkcellError as error:
            answer = json.dumps({"error": str(error)})
        answers.write(answer + "\n")
        answers.flush()


def main(args: Sequence[str] | None = None) -> None:
    """Serves standard input; what the nodes print goes to standard error, so that answers stay lines of JSON."""
    options = _parser().parse_args(args)
    # Not sys.stdin: in a copy of another process that one holds what the other has read.
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # Whoever asks ends this process when he has no more to ask.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)
    # Log files are for the real cell.
    for variable in ("ROS_LOG_DIR", "ROS_HOME"):
        os.environ.pop(variable, None)
    activate()
    from workcell_console.forked_cell_node import ForkedCell

    with tempfile.TemporaryDirectory(prefix="workcell-fork-") as folder:
        cell = ForkedCell(Path(folder), options.seed, options.params)
        cell.warm_up()
        serve(cell.try_out, requests, answers)
        cell.close()


def _leave(_number: int, _frame: object) -> None:
    raise SystemExit(0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fork", description=__doc__)
    parser.add_argument("--seed", type=int, required=True, help="seed of everything random in the forked cell")
    parser.add_argument("--params", type=Path, help="parameter file of the real cell (default: what ships)")
    return parser


if __name__ == "__main__":
    main()
