"""The output of a command."""

from __future__ import annotations

import shlex
import subprocess

from ..launch_context import LaunchContext
from ..logging import get_logger
from ..some_substitutions_type import SomeSubstitutionsType
from ..substitution import Substitution
from ..utilities import normalize_to_list_of_substitutions, perform_substitutions
from .substitution_failure import SubstitutionFailure

_ON_STDERR = ("fail", "ignore", "warn", "capture")


class Command(Substitution):
    """Stands for what `command` prints; `on_stderr` says what its standard error means."""

    def __init__(self, command: SomeSubstitutionsType, *, on_stderr: SomeSubstitutionsType = "fail") -> None:
        self.__command = normalize_to_list_of_substitutions(command)
        self.__on_stderr = normalize_to_list_of_substitutions(on_stderr)

    @property
    def command(self) -> list[Substitution]:
        """The command line, split as a shell would."""
        return self.__command

    @property
    def on_stderr(self) -> list[Substitution]:
        """One of fail, ignore, warn, capture."""
        return self.__on_stderr

    def describe(self) -> str:
        """Return a description for people."""
        return f"Command({' + '.join(sub.describe() for sub in self.command)})"

    def perform(self, context: LaunchContext) -> str:
        """Run the command and return its output.

        Raises:
            SubstitutionFailure: it was not found, failed, or wrote to standard error.
        """
        command = perform_substitutions(context, self.command)
        on_stderr = perform_substitutions(context, self.on_stderr)
        if on_stderr not in _ON_STDERR:
            raise SubstitutionFailure(f"expected 'on_stderr' to be one of {', '.join(_ON_STDERR)}, got '{on_stderr}'")
        result = _run(command, capture_stderr=on_stderr == "capture")
        if result.returncode != 0:
            heard = f"\nCaptured stderr output: {result.stderr}" if result.stderr else ""
            raise SubstitutionFailure(f"executed command failed. Command: {command}{heard}")
        if result.stderr:
            message = (
                f"executed command showed stderr output. Command: {command}\nCaptured stderr output:\n{result.stderr}"
            )
            if on_stderr == "fail":
                raise SubstitutionFailure(message)
            if on_stderr == "warn":
                get_logger().warning(message)
        return result.stdout


def _run(command: str, *, capture_stderr: bool) -> subprocess.CompletedProcess[str]:
    stderr = subprocess.STDOUT if capture_stderr else subprocess.PIPE
    try:
        return subprocess.run(shlex.split(command), stdout=subprocess.PIPE, stderr=stderr, text=True, check=False)
    except FileNotFoundError as error:
        raise SubstitutionFailure(f"file not found: {error}") from error
