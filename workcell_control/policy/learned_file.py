"""What a policy learned, on disk: versioned, with where it comes from, and whole or not at all.

The state is JSON: Python writes each float as the shortest text that reads back to the same bits, so that a restored
policy goes on exactly where the saved one was.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from workcell_control.policy.policy import LearnedState
from workcell_ros.canonical import digest
from workcell_ros.errors import WorkcellError

SCHEMA = 1
"""Of the file around the state."""
KEYS = ("schema", "policy", "state_version", "config_hash", "provenance", "state", "digest")


class LearnedFileError(WorkcellError):
    """A file of learned state cannot be used; the text names file, reason and remedy."""


@dataclass(frozen=True)
class Provenance:
    """Where learned state comes from."""

    run_id: str
    """Folder of the run that saved it."""
    saved_ns: int
    """The node's clock."""
    cycles: int
    """Cycles it was learned from, in all runs."""
    seed: int


def config_hash(settings: Mapping[str, Any]) -> str:
    """Returns what tells one configuration from another: SHA-256 of its canonical JSON."""
    return digest(settings)


class LearnedFile:
    """One policy's learned state.

    Args:
        path: the file; its folder is made.
        policy: name of the policy.
        config: hash of what the state depends on, see `config_hash`: envelopes, tooling.
    """

    def __init__(self, path: str | Path, policy: str, config: str) -> None:
        self._path = Path(path)
        self._policy = policy
        self._config = config

    def save(self, learner: LearnedState, provenance: Provenance) -> None:
        """Replaces the file; a crash leaves the old or the new one, never a part.

        Raises:
            LearnedFileError: the snapshot is not JSON with finite numbers, or the file cannot be written.
        """
        try:
            content = {
                "schema": SCHEMA,
                "policy": self._policy,
                "state_version": learner.state_version,
                "config_hash": self._config,
                "provenance": asdict(provenance),
                "state": learner.snapshot(),
            }
            text = json.dumps({**content, "digest": digest(content)}, sort_keys=True, allow_nan=False, indent=1)
            self._write(text)
        except (TypeError, ValueError) as error:
            raise LearnedFileError(f"{self._path}: the state of {self._policy} cannot be saved ({error})") from None
        except OSError as error:
            raise LearnedFileError(
                f"{self._path}: cannot be written ({error.strerror}); name a writable file"
            ) from None

    def restore(self, learner: LearnedState) -> Provenance | None:
        """Gives a policy back what it learned; returns where that is from, None where nothing was saved yet.

        Raises:
            LearnedFileError: the file is damaged, or of another policy, version or configuration; the policy is as
                it was then.
        """
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable(f"cannot be read ({error})") from None
        content = self._checked(text, learner.state_version)
        try:
            learner.restore(content["state"])
            return Provenance(**content["provenance"])
        except (ValueError, TypeError, KeyError) as error:
            raise self._unusable(f"does not fit ({error})") from None

    def _checked(self, text: str, state_version: int) -> dict[str, Any]:
        try:
            content = json.loads(text)
        except ValueError as error:
            raise self._unusable(f"is not JSON ({error})") from None
        if not isinstance(content, dict) or set(content) != set(KEYS):
            raise self._unusable(f"has not the keys {', '.join(KEYS)}")
        told = content.pop("digest")
        expected = {
            "schema": SCHEMA,
            "policy": self._policy,
            "state_version": state_version,
            "config_hash": self._config,
        }
        for key, wanted in expected.items():
            if content[key] != wanted:
                raise self._unusable(f"{key} is {content[key]!r}, this cell's is {wanted!r}")
        try:
            is_sound = told == digest(content)
        except ValueError:  # a number that is not finite: nothing like it was saved
            is_sound = False
        if not is_sound:
            raise self._unusable("is damaged: its digest does not match")
        return content

    def _unusable(self, why: str) -> LearnedFileError:
        return LearnedFileError(f"{self._path}: {why}; move it away to learn anew, or bring the fitting one back")

    def _write(self, text: str) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(self._path.suffix + ".new")
        with beside.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)
