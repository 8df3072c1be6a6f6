"""The `workcell` command."""

from __future__ import annotations

import argparse
import errno
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

from workcell_ros.errors import WorkcellError
from workcell_sim.embedded import RuntimeSelectionError

EXIT_USER_ERROR = 2
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""What a disk says to a write; no file's name comes with it."""
MODULES = {
    "run": "run",
    "launch": "launch",
    "compare": "compare",
    "record": "record",
    "replay": "replay",
    "audit": "audit",
    "policy": "policy",
    "nodes": "graph",
    "topics": "graph",
    "echo": "graph",
    "history": "history",
    "tags": "tags",
    "teach": "teach",
    "calibrate": "calibrate",
    "motion": "motion",
}
"""Module of `workcell_console.commands` that adds each command."""


class Parser(argparse.ArgumentParser):
    """Says what it cannot use in one line, as all of workcell does, instead of a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Raises WorkcellError."""
        raise WorkcellError(f"{message}; see {self.prog} --help")


def make_parser(command: str = "") -> argparse.ArgumentParser:
    """Returns the parser of the whole command line.

    Args:
        command: the one that is to be parsed, so that what only others need is not loaded; any other word for all.
    """
    parser = Parser(
        prog="workcell",
        description="An open robotics workcell: sensors, vision, arm and policy as one governed, closed loop.",
        epilog="Each command tells more with --help. Software limits here are not a certified safety function.",
    )
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in dict.fromkeys([MODULES[command]] if command in MODULES else MODULES.values()):
        import_module(f"workcell_console.commands.{name}").add(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 done, 1 failed, 2 told something it cannot use."""
    _stop_as_by_ctrl_c(signal.SIGTERM, signal.SIGHUP)
    try:
        words = sys.argv[1:] if argv is None else argv
        options = make_parser(words[0] if words else "").parse_args(words)
        return int(options.run(options))
    except (WorkcellError, RuntimeSelectionError) as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USER_ERROR
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # The reader of our output has gone; say nothing more, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        if error.filename is None and error.errno not in DISK_ERRORS:
            raise
        where = f"{error.filename}: " if error.filename is not None else ""
        print(f"error: {where}{error.strerror}", file=sys.stderr)
        return EXIT_USER_ERROR


def _stop_as_by_ctrl_c(*numbers: signal.Signals) -> None:
    """Lets a closed terminal or a service manager stop the cell as safely as a person does."""
    if threading.current_thread() is threading.main_thread():
        for number in numbers:
            signal.signal(number, lambda _number, _frame: os.kill(os.getpid(), signal.SIGINT))


if __name__ == "__main__":
    sys.exit(main())
