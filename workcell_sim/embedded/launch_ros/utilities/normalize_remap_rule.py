"""The one form that remapping rules are kept in."""

from __future__ import annotations

from collections.abc import Iterable

from launch.utilities import ensure_argument_type, normalize_to_list_of_substitutions

from ..remap_rule_type import RemapRule, SomeRemapRule


def normalize_remap_rule(remap_rule: SomeRemapRule) -> RemapRule:
    """Return the rule as two tuples of substitutions.

    Raises:
        TypeError: it is not a pair.
    """
    ensure_argument_type(remap_rule, (tuple,), "remap_rule")
    if len(remap_rule) != 2:
        raise TypeError(f"remap_rule must be a pair (from, to), not '{remap_rule}'")
    source, target = remap_rule
    return (
        tuple(normalize_to_list_of_substitutions(source)),
        tuple(normalize_to_list_of_substitutions(target)),
    )


def normalize_remap_rules(remap_rules: Iterable[SomeRemapRule]) -> Iterable[RemapRule]:
    """Yield each rule as two tuples of substitutions."""
    yield from map(normalize_remap_rule, remap_rules)
