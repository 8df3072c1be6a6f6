"""``python -m workcell_sim.embedded PROGRAM|-m MODULE [ARGS]``: run a program without ROS 2."""

from __future__ import annotations

import argparse
import importlib.util
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from workcell_sim.embedded import (
    RUNTIME_VARIABLE,
    RuntimeSelectionError,
    activate,
    describe_runtime,
)

_DESCRIPTION = """\
Run a single-process rclpy program (a tutorial's node, a test suite) on the embedded runtime.

The program runs as with `python PROGRAM ARGS` or `python -m MODULE ARGS`: its exit code is the
exit code, Ctrl-C reaches it. Options for the runtime stand before the program.
"""
_EPILOG = """\
examples:
  python -m workcell_sim.embedded talker.py --ros-args -r chatter:=news
  python -m workcell_sim.embedded -m pytest test
  python -m workcell_sim.embedded --clock virtual shift.py
"""


class ProgramNotFoundError(Exception):
    """There is no such file or module; the message says which."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the program named on the command line; ends as that ends.

    Raises:
        SystemExit: with code 2 for a wrong option or a program that does not exist.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    is_module = options.module is not None
    command: list[str] = options.module if is_module else options.command
    if not command:
        parser.error("name a program to run, or -m MODULE")
    if options.clock != "paced" and options.rate != 1.0:
        parser.error("--rate goes with --clock paced only")
    try:
        _activate()
        _use_clock(options.clock, options.rate)
        if not options.quiet:
            print(f"{describe_runtime()}, {options.clock} clock", file=sys.stderr, flush=True)
        if is_module:
            _run_module(command)
        else:
            _run_file(command)
    except (ProgramNotFoundError, RuntimeSelectionError) as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        raise SystemExit(2) from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workcell_sim.embedded",
        usage="%(prog)s [--clock CLOCK] [--rate N] [--quiet] (PROGRAM | -m MODULE) [ARGS ...]",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--clock",
        choices=("wall", "paced", "virtual"),
        default="wall",
        help="what drives time: real time (default), RATE times real time, or events as fast as the processor allows",
    )
    parser.add_argument("--rate", type=_rate, default=1.0, metavar="N", help="times real time of the paced clock")
    parser.add_argument("--quiet", action="store_true", help="do not name the runtime on stderr")
    parser.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help="run a module as a program")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="PROGRAM [ARGS ...]")
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.0 < rate < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text}")
    return rate


def _activate() -> None:
    # Whoever starts this runner asks for the embedded runtime, also beside a sourced ROS 2.
    if os.environ.setdefault(RUNTIME_VARIABLE, "embedded") == "ros":
        raise RuntimeSelectionError(
            f"{RUNTIME_VARIABLE}=ros contradicts this runner; unset it or start the program itself"
        )
    os.environ[RUNTIME_VARIABLE] = "embedded"
    activate()


def _use_clock(clock: str, rate: float) -> None:
    from workcell_sim.embedded._kernel import Kernel, set_default_kernel

    set_default_kernel(Kernel(clock=clock, rate=rate))


def _run_file(command: list[str]) -> None:
    path = Path(command[0])
    if not path.exists():
        raise ProgramNotFoundError(f"no such file: {command[0]}")
    sys.argv[:] = command
    if path.is_file():
        sys.path[0] = str(path.resolve().parent)
    runpy.run_path(command[0], run_name="__main__")


def _run_module(command: list[str]) -> None:
    module = command[0]
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError as error:
        raise ProgramNotFoundError(f"no module named {error.name}") from None
    if spec is None:
        raise ProgramNotFoundError(f"no module named {module}")
    is_package = spec.submodule_search_locations is not None
    if is_package and importlib.util.find_spec(f"{module}.__main__") is None:
        raise ProgramNotFoundError(f"{module} is a package that cannot be run: no __main__")
    sys.argv[:] = command
    # alter_sys: the program finds itself as __main__, and its own file as argv[0].
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
