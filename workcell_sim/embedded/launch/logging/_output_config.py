"""The reading of where a process's output shall go."""

from __future__ import annotations

from typing import Any

_ALIASES: dict[str, dict[str, set[str]]] = {
    "screen": {"both": {"screen"}},
    "log": {"stdout": {"log"}, "stderr": {"log", "screen"}},
    "both": {"both": {"log", "screen"}},
    "own_log": {"both": {"own_log"}, "stdout": {"own_log"}, "stderr": {"own_log"}},
    "full": {
        "both": {"screen", "log", "own_log"},
        "stdout": {"own_log"},
        "stderr": {"own_log"},
    },
}
_SOURCES = ("stdout", "stderr", "both")
_DESTINATIONS = ("screen", "log", "own_log")


def normalize_output_configuration(config: Any) -> dict[str, set[str]]:
    """Return a set of destinations for each of 'stdout', 'stderr' and 'both'.

    Raises:
        ValueError: an unknown alias, source or destination; the message lists the valid ones.
    """
    if isinstance(config, str):
        if config not in _ALIASES:
            raise ValueError(f"'{config}' is not a valid standard output config, expected one of {', '.join(_ALIASES)}")
        config = _ALIASES[config]
    elif not isinstance(config, dict):
        raise ValueError(f"'{config}' is not a valid output config: expected a name or a dict")
    _check_names(config, _SOURCES, "source")
    normal = {source: _destinations(config.get(source, ())) for source in _SOURCES}
    for destinations in normal.values():
        _check_names(destinations, _DESTINATIONS, "destination")
    return normal


def _destinations(given: Any) -> set[str]:
    return {given} if isinstance(given, str) else set(given)


def _check_names(given: Any, valid: tuple[str, ...], what: str) -> None:
    unknown = sorted(set(given) - set(valid))
    if unknown:
        raise ValueError(f"{', '.join(unknown)}: not a valid output {what}, expected some of {', '.join(valid)}")
