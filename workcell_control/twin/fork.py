"""The fork: a second cell in a process of its own, asked and answered by lines of JSON."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from workcell_control.twin.forecast import ForkCycle
from workcell_control.twin.mirror import Condition
from workcell_control.twin.worker import Worker, can_copy, start_copy, start_process
from workcell_ros.errors import WorkcellError

STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class ForkRequest:
    """What to try."""

    condition: Condition
    parameters: dict[str, dict[str, float]]
    """Robot parameters by node."""
    seed: int
    duration_s: float

    @property
    def key(self) -> str:
        """Equal for requests whose answers are equal."""
        return self.to_line().decode()

    def to_line(self) -> bytes:
        """Returns the request as one line."""
        return json.dumps(asdict(self), sort_keys=True).encode() + b"\n"

    @staticmethod
    def from_line(line: str) -> ForkRequest:
        """Reads what `to_line` wrote."""
        data = json.loads(line)
        return ForkRequest(Condition(**data.pop("condition")), **data)


def cycles_to_line(cycles: Sequence[ForkCycle]) -> str:
    """Returns a fork's answer as one line."""
    return json.dumps([asdict(item) for item in cycles])


class Fork:
    """A worker process that runs one fork after another.

    Args:
        command: Python module that reads requests and writes answers, one line each, and its arguments.
        environment: variables laid over this process' own.
        copied: whether the worker is a copy of this process, which need not import and read everything again, in
            place of a new one. Where that cannot be, a new one is started all the same.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], copied: bool = False) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="workcell-fork-")
        start = start_copy if copied and can_copy() else start_process
        self._process: Worker = start(command, {**environment, "TMPDIR": self._scratch.name})
        self._buffer = b""

    def ask(self, request: ForkRequest) -> None:
        """Hands over a request; answers come in the same order.

        Raises:
            WorkcellError: the worker has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(request.to_line())
            self._process.stdin.flush()
        except (BrokenPipeError, ValueError):
            raise WorkcellError(f"the twin's fork has ended with code {self._process.poll()}") from None

    def answer(self, wait: bool) -> list[ForkCycle] | None:
        """Returns the next answer, or None where there is none yet and `wait` is false.

        Raises:
            WorkcellError: the worker has ended or says why it could not.
        """
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while b"\n" not in self._buffer:
            if not wait and not select.select([descriptor], [], [], 0.0)[0]:
                return None
            chunk = os.read(descriptor, 65536)
            if not chunk:
                raise WorkcellError(f"the twin's fork has ended with code {self._process.wait(STOP_TIMEOUT_S)}")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return _read_answer(json.loads(line))

    def close(self) -> None:
        """Ends the worker at once, in the middle of a fork too: what it has written goes with it."""
        # Its trials are processes of its session.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                # What could not be written before the worker ended is of no use any more.
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        self._scratch.cleanup()


def _read_answer(data: Any) -> list[ForkCycle]:
    if isinstance(data, dict):
        raise WorkcellError(f"the twin's fork failed: {data['error']}")
    return [ForkCycle(**item) for item in data]
