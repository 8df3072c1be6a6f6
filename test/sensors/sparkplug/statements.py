"""Ties tests to the normative statements of the Sparkplug specification 3.0, by their identifiers."""

from __future__ import annotations

from typing import Any

import pytest


def statements(*identifiers: str) -> Any:
    """Runs the test once per identifier, so that each statement is a test of its own by name."""
    return pytest.mark.parametrize("statement", [f"tck-id-{each}" for each in identifiers])
