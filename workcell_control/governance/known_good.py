"""The robot parameters that last proved good: what a rollback brings back."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

from workcell_control.governance.rules import Governance
from workcell_ros.errors import ConfigError

CLEAN_CYCLES = 10
"""Cycles in a row with the same parameters and no part lost after which they are vouched for."""

Values = Mapping[str, Mapping[str, float]]


class KnownGood:
    """The last set that ran long enough without losing a part; until one has, the set the cell started with."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        self._values: dict[str, dict[str, float]] = {node: {} for node in nodes}
        self._running: dict[str, dict[str, float]] = {}
        self._clean_cycles = 0

    @property
    def values(self) -> Values:
        """The set, by node and parameter."""
        return self._values

    def fill(self, node: str, name: str, value: float) -> None:
        """Takes a value of the start set, where nothing is vouched for yet."""
        if node in self._values:
            self._values[node].setdefault(name, value)

    def note_cycle(self, is_clean: bool, in_force: Values) -> bool:
        """Takes in a finished cycle; returns whether the set in force is newly vouched for."""
        running = {node: dict(in_force.get(node, {})) for node in self._values}
        same = running == self._running
        self._running = running
        self._clean_cycles = self._clean_cycles + 1 if is_clean and same else 0
        if self._clean_cycles < CLEAN_CYCLES or running == self._values:
            return False
        self._values = running
        return True

    def differences(self, in_force: Values) -> dict[str, dict[str, float]]:
        """Returns what a rollback changes, by node; only nodes where something does."""
        changes: dict[str, dict[str, float]] = {}
        for node, values in self._values.items():
            current = in_force.get(node, {})
            differing = {name: value for name, value in values.items() if current.get(name, value) != value}
            if differing:
                changes[node] = differing
        return changes

    def save(self, path: str | Path) -> None:
        """Replaces the file as a whole."""
        beside = Path(path).with_suffix(".new")
        beside.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(self._values, sort_keys=True, allow_nan=False), encoding="utf-8")
        os.replace(beside, path)

    def load(self, path: str | Path, governance: Governance) -> None:
        """Takes the set that `save` wrote; no file is no fault.

        Raises:
            ConfigError: the file is damaged, or holds what governance does not allow; the set is as it was then.
        """
        try:
            data = json.loads(Path(path).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise ConfigError(path, "", f"cannot be read ({error})", "a file that the governor wrote") from None
        if not isinstance(data, dict) or set(data) != set(self._values):
            raise ConfigError(path, "", "is of other nodes", ", ".join(self._values))
        for node, values in data.items():
            _check(path, governance, node, values)
        self._values = {node: dict(values) for node, values in data.items()}


def _check(path: str | Path, governance: Governance, node: str, values: object) -> None:
    if not isinstance(values, dict):
        raise ConfigError(path, node, f"holds {values!r}", "values by parameter")
    for name, value in values.items():
        rule = governance.rule(node, name)
        if rule is None:
            raise ConfigError(path, f"{node}.{name}", "is not governed", governance.rules.get(node, {}))
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not is_number or not rule.low <= value <= rule.high:
            raise ConfigError(path, f"{node}.{name}", f"is {value!r}", f"{rule.low}..{rule.high}")
