"""What `governance.yaml` says of each governed parameter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from workcell_ros.config import check_keys, load_yaml
from workcell_ros.errors import ConfigError


class Direction(Enum):
    """Which way of changing a parameter makes the cell gentler."""

    DOWN = "down"
    UP = "up"
    NONE = "none"


class TwinUse(Enum):
    """How far the twin's forecast binds a change that is not towards safety."""

    NONE = "none"
    """The twin is not asked."""
    ADVISE = "advise"
    """A bad forecast refuses the change; a silent twin does not."""
    REQUIRE = "require"
    """Without a forecast in time the change is refused."""


@dataclass(frozen=True)
class Rule:
    """The envelope and authority of one parameter, in the parameter's own unit."""

    low: float
    high: float
    safe: float
    """Value to fall back to when policy, governor or inputs go quiet."""
    max_step: float
    """Largest change one proposal may make."""
    min_interval_s: float
    """Shortest time between two changes that are not towards safety."""
    safer: Direction = Direction.NONE
    ask_above: float | None = None
    """Values beyond need a person's approval."""
    ask_below: float | None = None
    twin: TwinUse = TwinUse.NONE

    def is_towards_safety(self, current: float, proposed: float) -> bool:
        """Returns whether the change only makes the cell gentler."""
        if self.safer is Direction.DOWN:
            return proposed <= current
        if self.safer is Direction.UP:
            return proposed >= current
        return False

    def clip(self, current: float, wanted: float) -> float:
        """Returns `wanted` within the envelope and, unless it goes towards safety, within one step."""
        inside = min(max(wanted, self.low), self.high)
        if self.is_towards_safety(current, inside):
            return inside
        return min(max(inside, current - self.max_step), current + self.max_step)

    def needs_person(self, proposed: float) -> bool:
        """Returns whether a person must approve `proposed`."""
        too_high = self.ask_above is not None and proposed > self.ask_above
        too_low = self.ask_below is not None and proposed < self.ask_below
        return too_high or too_low


@dataclass(frozen=True)
class Governance:
    """All of `governance.yaml`."""

    rules: dict[str, dict[str, Rule]]
    """By node's base name, then by parameter."""
    pending_timeout_s: float
    twin_timeout_s: float
    twin_loss_max: float
    """Largest share of good parts per hour a change may cost by the twin's mean."""
    twin_drops_per_hour_max: float
    """Largest rise in drops per hour a change may bring by the twin's mean."""
    rollback_nodes: tuple[str, ...] = ()
    """Whose parameters a rollback brings back to the last known good set."""

    def rule(self, node: str, parameter: str) -> Rule | None:
        """Returns the rule for a parameter, or None where it is not governed."""
        return self.rules.get(node, {}).get(parameter)

    def safe_values(self, node: str) -> dict[str, float]:
        """Returns the known-safe set of a node."""
        return {name: rule.safe for name, rule in self.rules.get(node, {}).items()}


E = TypeVar("E", bound=Enum)

_TOP_KEYS = (
    "pending_timeout_s",
    "twin_timeout_s",
    "twin_loss_max",
    "twin_drops_per_hour_max",
    "rollback_nodes",
    "nodes",
)
_NUMBERS = ("low", "high", "safe", "max_step", "min_interval_s")
_OPTIONAL_NUMBERS = ("ask_above", "ask_below")
_RULE_KEYS = (*_NUMBERS, *_OPTIONAL_NUMBERS, "safer", "twin")


def load_governance(path: str | Path) -> Governance:
    """Reads and checks `governance.yaml`.

    Raises:
        ConfigError: names file, key, value and what would be valid.
    """
    data = load_yaml(path)
    check_keys(path, "", data, _TOP_KEYS)
    nodes = data.get("nodes")
    if not isinstance(nodes, dict) or not nodes:
        raise ConfigError(path, "nodes", "governs nothing", "a mapping of node name to parameters")
    rules = {
        str(node): {str(name): _rule(path, f"nodes.{node}.{name}", row) for name, row in _mapping(path, node, rows)}
        for node, rows in nodes.items()
    }
    rollback_nodes = data.get("rollback_nodes", [])
    if not isinstance(rollback_nodes, list) or not set(rollback_nodes) <= set(rules):
        raise ConfigError(path, "rollback_nodes", f"is {rollback_nodes!r}", f"a list of {', '.join(rules)}")
    return Governance(
        rules=rules,
        pending_timeout_s=_number(path, "", data, "pending_timeout_s"),
        twin_timeout_s=_number(path, "", data, "twin_timeout_s"),
        twin_loss_max=_number(path, "", data, "twin_loss_max"),
        twin_drops_per_hour_max=_number(path, "", data, "twin_drops_per_hour_max"),
        rollback_nodes=tuple(rollback_nodes),
    )


def _mapping(path: str | Path, node: str, rows: Any) -> list[tuple[str, Any]]:
    if not isinstance(rows, dict):
        raise ConfigError(path, f"nodes.{node}", f"holds {rows!r}", "a mapping of parameter to rule")
    return list(rows.items())


def _rule(path: str | Path, where: str, row: Any) -> Rule:
    if not isinstance(row, dict):
        raise ConfigError(path, where, f"holds {row!r}", f"a mapping with {', '.join(_RULE_KEYS)}")
    check_keys(path, where, row, _RULE_KEYS)
    numbers = {key: _number(path, where, row, key) for key in _NUMBERS}
    optional = {key: _number(path, where, row, key) for key in _OPTIONAL_NUMBERS if key in row}
    rule = Rule(
        **numbers,
        **optional,
        safer=_choice(path, where, row, "safer", Direction),
        twin=_choice(path, where, row, "twin", TwinUse),
    )
    if not rule.low <= rule.safe <= rule.high:
        raise ConfigError(path, f"{where}.safe", f"is {rule.safe}", f"within low..high, {rule.low}..{rule.high}")
    if rule.max_step <= 0.0:
        raise ConfigError(path, f"{where}.max_step", f"is {rule.max_step}", "more than 0")
    return rule


def _number(path: str | Path, where: str, row: dict[str, Any], key: str) -> float:
    dotted = f"{where}.{key}" if where else key
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(path, dotted, "is missing" if value is None else f"is {value!r}", "a number")
    return float(value)


def _choice(path: str | Path, where: str, row: dict[str, Any], key: str, choices: type[E]) -> E:
    value = row.get(key, "none")
    try:
        return choices(value)
    except ValueError:
        raise ConfigError(path, f"{where}.{key}", f"is {value!r}", [item.value for item in choices]) from None
